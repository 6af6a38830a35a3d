import { expect } from 'chai';
import { EMPTY, firstValueFrom, NEVER, of, toArray } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { streamOf } from '../../src/operators/stream-of.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { deadLetter, marbles } from '../../src/testing/index.ts';

const EXPECTED = 'expected an Observable, a promise or a list';

describe('streamOf', () => {
  it('takes an Observable as it is, and promises and lists', async () => {
    const source = of(1);
    expect(streamOf('the handle returned', source)).to.equal(source);
    expect(await firstValueFrom(streamOf('the handle returned', Promise.resolve(2)))).to.equal(2);
    expect(await firstValueFrom(streamOf('the handle returned', [3, 4]).pipe(toArray()))).to.deep.equal([3, 4]);
    expect(streamOf('the handle returned', EMPTY)).to.equal(EMPTY);
  });

  const wrong: readonly (readonly [returned: unknown, says: string])[] = [
    [undefined, `undefined; ${EXPECTED}: is a "return" missing?`],
    [null, `null; ${EXPECTED}`],
    ['done', `a text; ${EXPECTED}: of(…) makes an Observable of it`],
    [5, `a number; ${EXPECTED}`],
    [{ id: 'x' }, `an object; ${EXPECTED}: of(…) makes an Observable of it`],
    [NEVER.subscribe(), `a Subscription; ${EXPECTED}: return what you subscribe to, it is subscribed to for you`],
  ];
  for (const [returned, says] of wrong) {
    it(`says of what is none who returned it, and what to do: ${says}`, () => {
      expect(() => streamOf('the handle returned', returned as never)).to.throw(
        TypeError,
        `the handle returned ${says}`,
      );
    });
  }

  const message = { id: 'x' };
  const returning = (returned: unknown) =>
    definePipeline({
      name: 'a',
      source: queue('a', { retry: false }),
      input: z.object({ id: z.string() }),
      handle: () => returned as never,
    });
  for (const [returned, reason] of [
    [undefined, `the handle returned undefined; ${EXPECTED}: is a "return" missing?`],
    ['done', `the handle returned a text; ${EXPECTED}: of(…) makes an Observable of it`],
  ])
    it(
      `is asked of a handle that returns ${returned}, whose message is a dead letter`,
      marbles(returning(returned), ({ deliver, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: message });
        expectSettled('    D', { D: deadLetter(message, 'ERR_HANDLE_FAILED') });
        expectDeadLetters('D', { D: { reason: reason ?? '' } });
      }),
    );
});

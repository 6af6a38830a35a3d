import { expect } from 'chai';
import { firstValueFrom, map, NEVER, of, Subject } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { gather } from '../../src/operators/gather.ts';
import { requireValue } from '../../src/operators/require-value.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { saga } from '../../src/saga/saga.ts';
import { deadLetter, marbles, ok, status } from '../../src/testing/index.ts';
import { unheardRejections } from '../support/rejections.ts';

const OBSERVABLE =
  'an Observable, which nobody subscribes to: return it itself, or merge(…) of several, not out of an async function; or take mergeMap in place of map';
const PROMISE = 'a promise, which nobody waits for: await it, or take mergeMap in place of map';

describe('requireValue', () => {
  for (const value of [undefined, null, 0, 'text', {}, [], [1, {}], new Date(0), Uint8Array.of(1), new Map()])
    it(`lets pass what is a value: ${JSON.stringify(value)}`, () =>
      expect(requireValue('it is', value)).to.equal(value));

  const wrong: readonly (readonly [value: unknown, says: string])[] = [
    [of(1), OBSERVABLE],
    [new Subject(), OBSERVABLE],
    [Promise.resolve(1), PROMISE],
    [() => 1, 'a function, which nobody calls'],
    [[1, NEVER], `a list with ${OBSERVABLE}`],
    [[Promise.resolve(1)], `a list with ${PROMISE}`],
  ];
  for (const [value, says] of wrong)
    it(`says of work who gave it, and what to do: ${says}`, () => {
      expect(() => requireValue('the handle emitted', value)).to.throw(TypeError, `the handle emitted ${says}`);
    });

  it('hears the rejection of what it refuses: a worker ends of one that nobody hears', async () => {
    const tooLate = async (): Promise<never> => {
      throw new Error('too late');
    };
    const unheard = await unheardRejections(() => {
      expect(() => requireValue('it is', tooLate())).to.throw(TypeError, PROMISE);
      expect(() => requireValue('it is', [1, tooLate(), tooLate()])).to.throw(TypeError, PROMISE);
    });
    expect(unheard).to.deep.equal([]);
  });

  it('is asked of a branch that is a promise', async () => {
    const late = async (): Promise<unknown> => of(1);
    const failure = await firstValueFrom(gather({ seat: late() })).catch((error: unknown) => error);
    expect(failure).to.have.property('message', `branch "seat" gave ${OBSERVABLE}`);
  });

  const bank = defineApi('bank', { baseUrl: 'http://bank.test', retry: false });
  const Trip = z.object({ id: z.string() });
  const common = { name: 'trips', source: queue('trips', { retry: false }), input: Trip, apis: { bank } } as const;
  const trip = { id: 'x' };

  it(
    'is asked of what a handle emits: the message whose calls nobody began is a dead letter, not done',
    marbles<'bank'>(
      definePipeline({
        ...common,
        handle: (m, { apis }) => of(m).pipe(map(() => apis.bank.post('/pay', m) as unknown)),
      }),
      ({ deliver, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: trip });
        expectSettled('    D', { D: deadLetter(trip, 'ERR_HANDLE_FAILED') });
        expectDeadLetters('D', { D: { reason: `the handle emitted ${OBSERVABLE}` } });
      },
    ),
  );

  const travel = () => saga({ name: 'travel', input: Trip, apis: { bank }, id: ({ id }) => id });

  it(
    'is asked of the undoing of a step: what was not given back is not taken for undone',
    marbles<'bank'>(
      definePipeline({
        ...common,
        handle: travel()
          .step(
            'charge',
            ({ apis }) => apis.bank.post('/pay'),
            ({ apis }) => of(1).pipe(map(() => apis.bank.post('/refund'))),
          )
          .step('seat', ({ apis }) => apis.bank.post('/seat'))
          .returns(() => 'booked')
          .whenCompensated(() => 'refused'),
      }),
      ({ deliver, api, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: trip });
        api.bank.on('POST /pay', '(r|)', { r: ok() });
        api.bank.on('POST /seat', '(r|)', { r: status(422) });
        expectSettled('    D', { D: deadLetter(trip, 'ERR_COMPENSATION_FAILED') });
        expectDeadLetters('D', {
          D: {
            reason: `saga "travel" x is stuck: the compensation of step "charge" failed: step "charge" gave ${OBSERVABLE}`,
          },
        });
      },
    ),
  );

  it(
    'is asked of the condition of a step: a promise of false is no truth',
    marbles<'bank'>(
      definePipeline({
        ...common,
        handle: travel()
          .step('seat', { when: (() => Promise.resolve(false)) as never, run: ({ apis }) => apis.bank.post('/seat') })
          .returns(() => 'booked'),
      }),
      ({ deliver, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: trip });
        expectSettled('    D', { D: deadLetter(trip, 'ERR_HANDLE_FAILED') });
        expectDeadLetters('D', { D: { reason: `the condition of step "seat" is ${PROMISE}` } });
      },
    ),
  );
});

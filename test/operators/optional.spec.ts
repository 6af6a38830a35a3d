import { expect } from 'chai';
import { EMPTY, firstValueFrom, NEVER, of, throwError } from 'rxjs';
import { BranchTimeoutError, TransientError } from '../../src/errors.ts';
import { gather } from '../../src/operators/gather.ts';
import { optional } from '../../src/operators/optional.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';
import { unheardRejections } from '../support/rejections.ts';

const down = new TransientError('down');

describe('optional', () => {
  it(
    'marks a branch a gather can do without: its fallback stands in for a failure',
    documented('optional', ({ cold, expectObservable, expectSubscriptions }) => {
      const price = cold('   ----p|   ');
      const rating = cold('  --#      ', undefined, down);
      const expected = '     -----(g|)';

      expectObservable(gather({ price, rating: optional(rating, 'none') })).toBe(expected, {
        g: { price: 'p', rating: 'none' },
      });
      expectSubscriptions(price.subscriptions).toBe(' ^----!   ');
      expectSubscriptions(rating.subscriptions).toBe('^-!      ');
    }),
  );

  it(
    'gives the value of a branch that succeeds, and waits for it',
    marbles(({ cold, expectObservable }) => {
      expectObservable(gather({ a: of('a'), b: optional(cold('---b|'), 'none') })).toBe('----(g|)', {
        g: { a: 'a', b: 'b' },
      });
    }),
  );

  it(
    'stands in for a branch without a value, with undefined when there is no fallback',
    marbles(({ expectObservable }) => {
      expectObservable(gather({ a: of('a'), b: optional(EMPTY), c: optional(throwError(() => down)) })).toBe('(g|)', {
        g: { a: 'a', b: undefined, c: undefined },
      });
    }),
  );

  it(
    'stands in for a branch that is still running when time is over, and ends it',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const late = cold('-x----|');
      expectObservable(
        gather({ a: cold('-(a|)'), late: optional(late, 0), never: optional(NEVER, 1) }, { within: 4 }),
      ).toBe('----(g|)', { g: { a: 'a', late: 0, never: 1 } });
      expectSubscriptions(late.subscriptions).toBe('^---!');
      expectNoTimersLeft();
    }),
  );

  it(
    'does not save the gather from the branches it needs',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const spare = cold('---------b|');
      expectObservable(gather({ a: NEVER, b: optional(spare) }, { within: 3 })).toBe(
        '---#',
        undefined,
        new BranchTimeoutError(3),
      );
      expectObservable(gather({ a: cold('-#', undefined, down), b: optional(spare) })).toBe('-#', undefined, down);
      expectSubscriptions(spare.subscriptions).toBe(['^--!', '^!']);
    }),
  );

  it('takes promises, and hears their rejection behind a branch that failed', async () => {
    const unheard = await unheardRejections(async () => {
      expect(await firstValueFrom(gather({ a: optional(Promise.reject(down), 7) }))).to.deep.equal({ a: 7 });
      const failing = gather({ a: throwError(() => down), b: optional(Promise.reject(new Error('unheard'))) });
      await firstValueFrom(failing).catch(() => undefined);
    });
    expect(unheard).to.deep.equal([]);
  });
});

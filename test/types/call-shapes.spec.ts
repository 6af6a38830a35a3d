import { expectTypeOf } from 'expect-type';
import { type Observable, of } from 'rxjs';
import { type Batcher, createBatcher } from '../../src/operators/batch.ts';
import { cached, createCache } from '../../src/operators/cache.ts';
import { withDeadline } from '../../src/operators/deadline.ts';
import { dedupeBy } from '../../src/operators/dedupe.ts';
import { fallbackTo } from '../../src/operators/fallback.ts';
import { gather } from '../../src/operators/gather.ts';
import { gatherQuorum } from '../../src/operators/gather-quorum.ts';
import { gatherSettled } from '../../src/operators/gather-settled.ts';
import { hedge } from '../../src/operators/hedge.ts';
import { joinByKey } from '../../src/operators/join-by-key.ts';
import { optional } from '../../src/operators/optional.ts';
import { timeoutWithin } from '../../src/operators/timeout-within.ts';

interface Quote {
  readonly price: number;
}
interface Answer {
  readonly id: string;
}

declare const quote: Observable<Quote>;
declare const answer: Observable<Answer>;
declare const name: Promise<string>;
declare const isFree: () => boolean;

// Checked by the compiler; the functions are never called.
describe('the types of the operators around a call', () => {
  it('carry values through unchanged', () => {
    const shared = () => createCache<Quote>({ ttl: '1m' });
    expectTypeOf(() =>
      quote.pipe(
        timeoutWithin('1s'),
        withDeadline(1),
        hedge({ after: { percentile: 95, minimum: '5ms', maximum: '1s' }, canHedge: isFree }),
        cached(shared(), 'sku'),
        dedupeBy(({ price }) => price, { ttl: '1s', onRepeat: ({ price }) => price }),
      ),
    ).returns.toEqualTypeOf<Observable<Quote>>();
    // @ts-expect-error a cache of quotes holds no answers
    void (() => answer.pipe(cached(shared(), 'id')));
    // @ts-expect-error how long a key is remembered is no default of ours
    void (() => quote.pipe(dedupeBy(({ price }) => price, {})));
  });

  it('add what a fallback gives', () => {
    expectTypeOf(() => quote.pipe(fallbackTo(null))).returns.toEqualTypeOf<Observable<Quote | null>>();
    expectTypeOf(() => quote.pipe(fallbackTo(() => name))).returns.toEqualTypeOf<Observable<Quote | string>>();
    expectTypeOf(() => quote.pipe(fallbackTo((): Observable<Quote> => quote))).returns.toEqualTypeOf<
      Observable<Quote>
    >();
  });

  it('infer items and results of a batch; errors are no results', () => {
    const batcher = () =>
      createBatcher({ maxSize: 9, maxWait: 1, request: (ids: readonly string[]) => of(ids.map(() => 1)) });
    expectTypeOf(batcher).returns.toEqualTypeOf<Batcher<string, number>>();
    const withErrors = () =>
      createBatcher({
        maxSize: 9,
        maxWait: 1,
        request: (ids: readonly string[]) => of(ids.map((id) => (id === '' ? new RangeError('empty') : { id }))),
      });
    expectTypeOf(withErrors).returns.toEqualTypeOf<Batcher<string, { id: string }>>();
    // @ts-expect-error a request gives one list of results, not the results one by one
    void (() => createBatcher({ maxSize: 9, maxWait: 1, request: (ids: readonly string[]) => ids }));
  });

  it('infer the object of a gather with optional branches', () => {
    expectTypeOf(() => gather({ quote, answer: optional(answer), name: optional(name, null) })).returns.toEqualTypeOf<
      Observable<{ readonly quote: Quote; readonly answer: Answer | undefined; readonly name: string | null }>
    >();
    // @ts-expect-error a settled gather needs no branch, so none is marked
    void (() => gatherSettled({ answer: optional(answer) }));
    // @ts-expect-error a quorum counts branches, so none is marked
    void (() => gatherQuorum({ answer: optional(answer) }, { atLeast: 1 }));
  });

  it('infer the partial object of a quorum', () => {
    expectTypeOf(() => gatherQuorum({ quote, name }, { atLeast: 1 })).returns.toEqualTypeOf<
      Observable<{ readonly quote?: Quote; readonly name?: string }>
    >();
    // @ts-expect-error how many is the question
    void (() => gatherQuorum({ quote }, {}));
  });

  it('infer the pairs of a join, and tell what is unmatched apart by its side', () => {
    const joined = () =>
      joinByKey(quote, answer, {
        leftKey: ({ price }) => String(price),
        rightKey: ({ id }) => id,
        within: '1m',
        onUnmatched: (unmatched) => {
          if (unmatched.side === 'left') expectTypeOf(unmatched.value).toEqualTypeOf<Quote>();
          else expectTypeOf(unmatched.value).toEqualTypeOf<Answer>();
        },
      });
    expectTypeOf(joined).returns.toEqualTypeOf<Observable<readonly [Quote, Answer]>>();
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectTypeOf } from 'expect-type';
import { type Observable, of, type Subject } from 'rxjs';
import * as operators from 'sluice/operators';
import {
  type AdaptiveBulkhead,
  type BreakerChange,
  type Bulkhead,
  bulkhead,
  type Cache,
  type CircuitState,
  cached,
  circuitBreaker,
  clientThrottle,
  constantBackoff,
  createAdaptiveBulkhead,
  createBatcher,
  createBulkhead,
  createCache,
  createCircuitBreaker,
  createClientThrottle,
  createRateLimiter,
  createRetryBudget,
  decorrelatedBackoff,
  dedupeBy,
  exponentialBackoff,
  fallbackTo,
  gather,
  gatherQuorum,
  gatherSettled,
  hedge,
  inSlots,
  joinByKey,
  mergeMapByKey,
  optional,
  type RetryBudget,
  rateLimit,
  retryWithBackoff,
  timeoutWithin,
  type Unmatched,
  withDeadline,
} from 'sluice/operators';

interface Quote {
  readonly sku: string;
  readonly price: number;
}

declare const quote: Observable<Quote>;
declare const standIn: Quote;
declare const name: Promise<string>;
declare const numbers: Subject<number>;
declare const isEven: (value: number) => boolean;
declare const random: () => number;

// Checked by the compiler; the functions are never called.
describe('the types of every operator of sluice/operators', () => {
  it('are looked at in these specs, none left out', () => {
    const specs = readdirSync(import.meta.dirname).map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
    const left = Object.keys(operators).filter(
      (each) => !specs.some((spec) => new RegExp(`\\b${each}(<\\w+>)?\\(`).test(spec)),
    );
    expect(left).to.deep.equal([]);
  });

  it('carry values through each shared guard, by operator and by run', () => {
    const breaker = () => createCircuitBreaker({ window: { calls: 20 }, openFor: { initial: '1s', max: '1m' } });
    const throttle = () => createClientThrottle({ window: '1m', multiplier: 2 }, random);
    const limiter = () => createRateLimiter({ requests: 5, per: '1s', burst: 5 });
    const adaptive = () => createAdaptiveBulkhead({ algorithm: 'vegas', maxQueued: 5, within: slots() });
    const slots = () => createBulkhead({ slots: 2, maxQueued: 5 });
    expectTypeOf(() =>
      quote.pipe(
        circuitBreaker(breaker()),
        clientThrottle(throttle()),
        rateLimit(limiter()),
        bulkhead(adaptive()),
        bulkhead(slots()),
      ),
    ).returns.toEqualTypeOf<Observable<Quote>>();
    expectTypeOf(() =>
      [breaker(), throttle(), limiter(), adaptive(), slots()].map((guard) => guard.run(quote)),
    ).returns.toEqualTypeOf<Observable<Quote>[]>();
    expectTypeOf(() => breaker().state).returns.toEqualTypeOf<CircuitState>();
    expectTypeOf(() => breaker().changes).returns.toEqualTypeOf<Observable<BreakerChange>>();
    expectTypeOf(adaptive).returns.toEqualTypeOf<AdaptiveBulkhead>();
    expectTypeOf(() => adaptive().limits).returns.toEqualTypeOf<Observable<number>>();
    // An adaptive bulkhead goes where a bulkhead goes, not the other way round.
    expectTypeOf<AdaptiveBulkhead>().toExtend<Bulkhead>();
    expectTypeOf<Bulkhead>().not.toExtend<AdaptiveBulkhead>();
  });

  it('refuse options that are none, misspelt ones, and durations without a unit', () => {
    // @ts-expect-error misspelt
    void (() => createCircuitBreaker({ failureRation: 0.5 }));
    // @ts-expect-error a window has a unit, or is a number of calls
    void (() => createCircuitBreaker({ window: '20 calls' }));
    // @ts-expect-error a window of calls is a number of them
    void (() => createCircuitBreaker({ window: { calls: '20' } }));
    // @ts-expect-error a growing time has a beginning
    void (() => createCircuitBreaker({ openFor: { max: '1m' } }));
    // @ts-expect-error randomness is a parameter
    void (() => createClientThrottle({}));
    // @ts-expect-error a limit has a time
    void (() => createRateLimiter({ requests: 5 }));
    // @ts-expect-error seconds are s
    void (() => createRateLimiter({ requests: 5, per: '1sec' }));
    // @ts-expect-error how many may wait is no default of ours
    void (() => createAdaptiveBulkhead({ algorithm: 'vegas' }));
    // @ts-expect-error no such algorithm
    void (() => createAdaptiveBulkhead({ algorithm: 'reno', maxQueued: 1 }));
    // @ts-expect-error how many may wait is no default of ours
    void (() => createBulkhead({ slots: 1 }));
    // @ts-expect-error a count is a number
    void (() => createBulkhead({ slots: '1', maxQueued: 1 }));
    // @ts-expect-error the count of attempts is no default of ours
    void (() => quote.pipe(retryWithBackoff({ backoff: constantBackoff(1) })));
    // @ts-expect-error a backoff is a rule
    void (() => quote.pipe(retryWithBackoff({ maxAttempts: 2, backoff: 100 })));
    // @ts-expect-error weeks are no unit
    void (() => quote.pipe(retryWithBackoff({ maxAttempts: 2, backoff: constantBackoff(1), attemptTimeout: '1w' })));
    // @ts-expect-error inside, times are milliseconds
    void (() => exponentialBackoff({ initialMs: '1s', maxMs: 2, jitter: 'full' }, random));
    // @ts-expect-error decorrelation draws
    void (() => decorrelatedBackoff({ initialMs: 1, maxMs: 2 }));
    // @ts-expect-error a budget is a share
    void (() => createRetryBudget({ minimumPerSecond: 1 }));
    // @ts-expect-error a moment is a number of milliseconds, not a length
    void (() => quote.pipe(withDeadline('5s')));
    // @ts-expect-error a time is a duration
    void (() => quote.pipe(timeoutWithin('soon')));
    // @ts-expect-error nor a date
    void (() => quote.pipe(timeoutWithin(new Date())));
    // @ts-expect-error a measured pause has its bounds
    void (() => quote.pipe(hedge({ after: { percentile: 95 } })));
    // @ts-expect-error when is the question
    void (() => quote.pipe(hedge({})));
    // @ts-expect-error how long an answer is good is no default of ours
    void (() => createCache<Quote>({ maxEntries: 5 }));
    // @ts-expect-error all there may be at once
    void (() => numbers.pipe(mergeMapByKey(isEven, of, {})));
    // @ts-expect-error a projection gives something to subscribe to
    void (() => numbers.pipe(inSlots((value) => value, 4)));
    // @ts-expect-error nor here
    void (() => numbers.pipe(mergeMapByKey(isEven, isEven, { concurrency: 1 })));
    // @ts-expect-error a key comes from the value
    void (() => quote.pipe(dedupeBy('sku', { ttl: '1m' })));
    // @ts-expect-error a branch is something RxJS can subscribe to
    void (() => optional(5));
    // @ts-expect-error an unknown option
    void (() => gatherSettled({ quote }, { withing: '1s' }));
    // @ts-expect-error a wrong unit
    void (() => gatherQuorum({ quote }, { atLeast: 1, within: '1 sec' }));
    // @ts-expect-error a batch has a bound
    void (() => createBatcher({ maxWait: 1, request: (ids: readonly string[]) => of(ids) }));
  });

  it('know the keys of a gather, and which may be missing', () => {
    const all = () => gather({ quote, name: optional(name), count: optional(numbers, 0) }, { within: '1s' });
    expectTypeOf(all).returns.toEqualTypeOf<
      Observable<{ readonly quote: Quote; readonly name: string | undefined; readonly count: number }>
    >();
    const read = (gathered: operators.Gathered<{ quote: typeof quote }>): void => {
      // @ts-expect-error no such branch
      void gathered.quotes;
      // @ts-expect-error what was gathered is not to be changed
      gathered.quote = { sku: '', price: 0 };
    };
    void read;
    const few = (gathered: operators.GatheredQuorum<{ quote: typeof quote }>): void => {
      // @ts-expect-error it may not have come
      void gathered.quote.price;
      expectTypeOf(gathered.quote).toEqualTypeOf<Quote | undefined>();
    };
    void few;
  });

  it('know what a fallback adds, and what causes are', () => {
    expectTypeOf(() => quote.pipe(fallbackTo(standIn))).returns.toEqualTypeOf<Observable<Quote>>();
    expectTypeOf(() => quote.pipe(fallbackTo('none' as const))).returns.toEqualTypeOf<Observable<Quote | 'none'>>();
    expectTypeOf(() => quote.pipe(fallbackTo(() => [1, 2]))).returns.toEqualTypeOf<Observable<Quote | number>>();
    // @ts-expect-error a cause is unknown until it is narrowed
    void (() => quote.pipe(fallbackTo((cause) => of(cause.message))));
    // @ts-expect-error a condition says yes or no
    void (() => quote.pipe(fallbackTo(null, { when: () => 'yes' })));
  });

  it('know what keys are for', () => {
    expectTypeOf(() => createCache<Quote>({ ttl: 5 })).returns.toEqualTypeOf<Cache<Quote>>();
    // @ts-expect-error a cache is told apart by text
    void (() => quote.pipe(cached(createCache<Quote>({ ttl: 5 }), 7)));
    // @ts-expect-error the key is part of the use
    void (() => quote.pipe(cached(createCache<Quote>({ ttl: 5 }))));
    expectTypeOf(() =>
      quote.pipe(dedupeBy(({ sku, price }) => `${sku} ${price}`, { ttl: '1m' })),
    ).returns.toEqualTypeOf<Observable<Quote>>();
    // @ts-expect-error quotes have no such field
    void (() => quote.pipe(dedupeBy(({ id }) => id, { ttl: '1m' })));
    expectTypeOf(() =>
      quote.pipe(
        mergeMapByKey(
          ({ sku }) => sku,
          ({ price }) => [price, String(price)],
          { concurrency: 2 },
        ),
      ),
    ).returns.toEqualTypeOf<Observable<number | string>>();
    // @ts-expect-error both sides have one kind of key
    void (() => joinByKey(quote, numbers, { leftKey: ({ sku }) => sku, rightKey: (n) => n, within: '1m' }));
    expectTypeOf<Extract<Unmatched<Quote, number>, { side: 'right' }>['value']>().toEqualTypeOf<number>();
  });

  it('give each caller of a batch its own part, for items of its own kind', () => {
    const batcher = () =>
      createBatcher({
        maxSize: 5,
        maxWait: '5ms',
        request: (skus: readonly string[]) => of(skus.map((sku) => ({ sku }))),
      });
    expectTypeOf(() => batcher().run('a')).returns.toEqualTypeOf<Observable<{ sku: string }>>();
    // @ts-expect-error items are texts
    void (() => batcher().run(5));
    expectTypeOf(() => createRetryBudget({ ratio: 0.2 })).returns.toEqualTypeOf<RetryBudget>();
  });
});

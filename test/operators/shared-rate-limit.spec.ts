import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, EMPTY, map, merge, NEVER, Observable, of, throwError, timer } from 'rxjs';
import { RateLimitRejectedError, TimeoutExceededError } from '../../src/errors.ts';
import {
  createSharedRateLimiter,
  type SharedRate,
  type SharedRateLimiter,
  type SharedRateLimiterOptions,
  type SharedTokens,
  type StoreChange,
  type TokenGrant,
} from '../../src/operators/shared-rate-limit.ts';
import { TokenBucket } from '../../src/policies/token-bucket.ts';
import { marbles } from '../../src/testing/marbles.ts';

/** A store in this process, on the clock of the test, that can go away. */
class StoreOfTest implements SharedTokens {
  state: 'there' | 'refuses' | 'hangs' = 'there';
  readonly asked: [string, number][] = [];
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #answer: (grant: () => TokenGrant) => Observable<TokenGrant>;
  readonly #now: () => number;

  /** Decides as soon as it is asked, and answers `afterMs` later; synchronously without. */
  constructor(now: () => number, afterMs?: number) {
    this.#now = now;
    this.#answer = (grant) => {
      const granted = grant();
      return afterMs === undefined ? of(granted) : timer(afterMs).pipe(map(() => granted));
    };
  }

  take(name: string, rate: SharedRate, wanted: number): Observable<TokenGrant> {
    return defer(() => {
      this.asked.push([name, wanted]);
      if (this.state === 'refuses') return throwError(() => new Error('refused'));
      if (this.state === 'hangs') return NEVER;
      return this.#answer(() => {
        const bucket = this.#buckets.get(name) ?? new TokenBucket(rate);
        this.#buckets.set(name, bucket);
        let granted = 0;
        for (; granted < wanted && bucket.waitMs(this.#now()) === 0; granted++) bucket.take(this.#now());
        return { granted, waitMs: Math.ceil(bucket.waitMs(this.#now())) };
      });
    });
  }
}

const limiterOf = (tokens: SharedTokens, options: Partial<SharedRateLimiterOptions> = {}): SharedRateLimiter =>
  createSharedRateLimiter({ tokens, name: 'api', requests: 1, per: 3, burst: 1, localShareRatio: 0.5, ...options });

describe('sharedRateLimit', () => {
  it(
    'starts no more than its limit in all workers together',
    marbles(({ cold, expectObservable, expectNoTimersLeft, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      const [one, other] = [limiterOf(store, { burst: 2 }), limiterOf(store, { burst: 2 })];
      expectObservable(merge(one.run(cold('a|')), one.run(cold('c|')))).toBe('  a--c|');
      expectObservable(merge(other.run(cold('b|')), other.run(cold('d|')))).toBe('b-----d|');
      expectNoTimersLeft();
    }),
  );

  it(
    'asks one question at a time, for as many as wait',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now(), 1);
      const shared = limiterOf(store, { requests: 10 });
      const all = ['a', 'b', 'c', 'd'].map((value) => shared.run(cold(`(${value}|)`)));
      expectObservable(merge(...all)).toBe('-a(bcd|)'.replace('-a', '-a'));
      flush();
      expect(store.asked).to.deep.equal([
        ['api', 1],
        ['api', 3],
      ]);
    }),
  );

  it(
    'gives its question up when nobody waits for the answer any more',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const answer = cold<TokenGrant>('---(a|)', { a: { granted: 1, waitMs: 0 } });
      const source = cold('a|');
      const shared = limiterOf({ take: () => answer });
      expectObservable(shared.run(source), '^-!').toBe('-');
      expectObservable(shared.run(source), '----^').toBe('-------a|');
      expectSubscriptions(answer.subscriptions).toBe(['^-!', '----^--!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'gives no token to later sources that was granted for one that has left',
    marbles(({ cold, expectObservable, flush }) => {
      const grants = [cold<TokenGrant>('-(a|)', { a: { granted: 2, waitMs: 0 } }), cold<TokenGrant>('---(a|)', { a: { granted: 1, waitMs: 0 } })];
      const shared = limiterOf({ take: () => grants.shift() ?? EMPTY });
      expectObservable(shared.run(cold('a|'))).toBe('-a|');
      expectObservable(shared.run(cold('b|')), '--^').toBe('-----b|');
      flush();
    }),
  );

  it(
    'keeps to its share while the store refuses, says so once, and comes back',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      const changes: unknown[] = [];
      const shared = limiterOf(store, {
        retryEvery: 20,
        onStore: ({ isAway }: StoreChange) => changes.push([scheduler.frame, isAway, shared.isStoreAway]),
      });
      store.state = 'refuses';
      scheduler.schedule(() => {
        store.state = 'there';
      }, 15);
      // Half of one in three milliseconds, from an empty bucket, until it is asked again at 20.
      const all = ['a', 'b', 'c', 'd', 'e'].map((value) => shared.run(cold(`(${value}|)`)));
      expectObservable(merge(...all)).toBe('------a-----b-----c-d--(e|)'.replace('c-d--(e|)', 'c-----(d)'.slice(0, 0) + 'c'));
      flush();
      expect(changes).to.deep.equal([
        [0, true, true],
        [20, false, false],
      ]);
    }),
  );
});

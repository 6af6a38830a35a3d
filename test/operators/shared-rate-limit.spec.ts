import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, EMPTY, map, merge, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
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
      expectObservable(one.run(cold('  a|'))).toBe('      a|');
      expectObservable(other.run(cold('b|'))).toBe('      b|');
      expectObservable(one.run(cold('  c|')), '-^').toBe('---c|');
      expectObservable(other.run(cold('d|')), '-^').toBe('------d|');
      expectNoTimersLeft();
    }),
  );

  it(
    'asks one question at a time, for as many as wait',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now(), 1);
      const shared = limiterOf(store, { requests: 10, burst: 10 });
      const all = ['a', 'b', 'c', 'd'].map((value) => shared.run(cold(`(${value}|)`)));
      expectObservable(merge(...all)).toBe('-a(bcd|)');
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
    marbles(({ expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now(), 1);
      const shared = limiterOf(store, { requests: 10, burst: 10 });
      shared.run(EMPTY).subscribe();
      const takesBothDown = defer(() => {
        left.unsubscribe();
        return EMPTY;
      });
      shared.run(takesBothDown).subscribe();
      const left = shared.run(NEVER).subscribe();
      expectObservable(shared.run(of('a')), '----^').toBe('-----(a|)');
      flush();
      expect(store.asked.map(([, wanted]) => wanted)).to.deep.equal([1, 2, 1]);
    }),
  );

  it(
    'keeps to its share while the store refuses, says so once, and comes back',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      const changes: unknown[] = [];
      const shared: SharedRateLimiter = limiterOf(store, {
        retryEvery: 20,
        onStore: ({ isAway }: StoreChange) => changes.push([scheduler.frame, isAway, shared.isStoreAway]),
      });
      store.state = 'refuses';
      scheduler.schedule(() => {
        store.state = 'there';
      }, 15);
      const all = ['a', 'b', 'c', 'd', 'e'].map((value) => shared.run(cold(`(${value}|)`)));
      // Half of one in three milliseconds, from an empty bucket, until the store is asked again.
      expectObservable(merge(...all)).toBe('------a-----b-----c-----d--(e|)');
      flush();
      expect(changes).to.deep.equal([
        [0, true, true],
        [24, false, false],
      ]);
      expect(store.asked.map(([, wanted]) => wanted)).to.deep.equal([1, 2, 1]);
    }),
  );

  it(
    'takes a store that does not answer in time for one that is away',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      store.state = 'hangs';
      const changes: StoreChange[] = [];
      const shared = limiterOf(store, { answerWithin: 5, onStore: (change) => changes.push(change) });
      expectObservable(merge(shared.run(cold('(a|)')), shared.run(cold('(b|)')))).toBe('-----------a-----(b|)');
      flush();
      expect(changes.map(({ isAway, cause }) => [isAway, String(cause)])).to.deep.equal([
        [true, String(new TimeoutExceededError(5))],
      ]);
    }),
  );

  it(
    'asks a store that is away with one source at a time, and lets the others take their share',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      store.state = 'hangs';
      const shared = limiterOf(store, { answerWithin: 4, retryEvery: 10, localShareRatio: 1 });
      expectObservable(shared.run(cold('a|'), 'a')).toBe('-------a|');
      expectObservable(shared.run(cold('b|'), 'b'), '-----^').toBe(' -------b|');
      expectObservable(shared.run(cold('c|'), 'c'), '-------------- 6ms ^').toBe('-------------- 10ms c|');
      expectObservable(shared.run(cold('d|'), 'd'), '-------------- 7ms ^').toBe('-------------- 7ms d|');
      flush();
      expect(store.asked.map(([bucket]) => bucket)).to.deep.equal(['api:a', 'api:c']);
    }),
  );

  it('does not ask a store that has neither tokens nor a time without end', () => {
    const questions: number[] = [];
    marbles(({ expectObservable, scheduler }) => {
      const shared = limiterOf({
        take: () => defer(() => of({ granted: questions.push(scheduler.frame) > 5 ? 1 : 0, waitMs: 0 })),
      });
      expectObservable(shared.run(of('a'))).toBe('-----(a|)');
    })();
    expect(questions).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it(
    'passes an empty source, one that never ends, a failure and what subscribing throws, and counts each subscription',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const shared = limiterOf(new StoreOfTest(() => scheduler.now()));
      const source = cold('a|');
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(shared.run(EMPTY)).toBe('|');
      expectObservable(shared.run(NEVER), '^----!').toBe('-');
      expectObservable(shared.run(cold('#', undefined, 'down'))).toBe('------#', undefined, 'down');
      expectObservable(shared.run(throwing)).toBe('---------#', undefined, new TypeError('sync'));
      expectObservable(concat(shared.run(source), shared.run(source))).toBe('------------a--a|');
      expectSubscriptions(source.subscriptions).toBe(['------------^!', '---------------^!']);
    }),
  );

  it(
    'lets a value feed its own source, and a source subscribe again in answer to its end',
    marbles(({ flush, scheduler }) => {
      const shared = limiterOf(new StoreOfTest(() => scheduler.now()));
      const source = new Subject<number>();
      const seen: [number, number][] = [];
      shared.run(source).subscribe((value) => {
        seen.push([value, scheduler.now()]);
        if (value < 3) source.next(value + 1);
        else shared.run(of(9)).subscribe((again) => seen.push([again, scheduler.now()]));
      });
      source.next(1);
      flush();
      expect(seen).to.deep.equal([
        [1, 0],
        [2, 0],
        [3, 0],
        [9, 3],
      ]);
    }),
  );

  it(
    'has a bucket for each key, and refuses a key that has no name',
    marbles(({ expectObservable, flush, scheduler }) => {
      const store = new StoreOfTest(() => scheduler.now());
      const shared = limiterOf(store);
      for (const key of [undefined, 'tenant', 7]) expectObservable(shared.run(EMPTY, key)).toBe('|');
      const error = new TypeError('key: expected a string or a number, got object');
      expectObservable(shared.run(EMPTY, {})).toBe('#', undefined, error);
      flush();
      expect(store.asked.map(([bucket]) => bucket)).to.deep.equal(['api', 'api:tenant', 'api:7']);
    }),
  );

  it(
    'obeys a pause without asking the store',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const answer = cold<TokenGrant>('(a|)', { a: { granted: 1, waitMs: 0 } });
      const shared = limiterOf({ take: () => answer });
      shared.penalise(4);
      expectObservable(shared.run(of('a'))).toBe('----(a|)');
      expectSubscriptions(answer.subscriptions).toBe('----(^!)');
    }),
  );

  it('rejects when its queue is full, and refuses options that are none', () => {
    const hanging: SharedTokens = { take: () => NEVER };
    const shared = limiterOf(hanging, { maxQueued: 1 });
    const failures: unknown[] = [];
    const waiting = shared.run(NEVER).subscribe();
    shared.run(NEVER).subscribe({ error: (error: unknown) => failures.push(error) });
    waiting.unsubscribe();
    expect(failures).to.have.length(1);
    expect(failures[0]).to.be.instanceOf(RateLimitRejectedError);

    const refused = (options: Partial<SharedRateLimiterOptions>, message: string): void => {
      expect(() => limiterOf(hanging, options)).to.throw(RangeError, message);
    };
    refused({ name: '' }, 'name: expected one that is not empty');
    refused({ requests: 0 }, 'requests: expected an integer from 1 to 1000000, got 0');
    refused({ burst: 0 }, 'burst: expected an integer from 1 to 1000000, got 0');
    refused({ localShareRatio: 0 }, 'localShareRatio: expected a number above 0, at most 1, got 0');
    refused({ maxQueued: 0 }, 'maxQueued: expected an integer of at least 1, got 0');
    refused({ answerWithin: 0 }, 'answerWithin: expected at least 1 ms, got 0 ms');
    refused({ retryEvery: 0 }, 'retryEvery: expected at least 1 ms, got 0 ms');
  });

  it('never starts more than burst + rate × t in any span, over all workers, and loses no source', () => {
    const job = fc.record({
      at: fc.nat({ max: 20 }),
      worker: fc.nat({ max: 2 }),
      leavesAt: fc.option(fc.nat({ max: 20 }), { nil: 5_000 }),
    });
    const positive = fc.integer({ min: 1, max: 6 });
    const latency = fc.option(fc.nat({ max: 3 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(job, { maxLength: 30 }),
        positive,
        positive,
        positive,
        latency,
        (jobs, requests, per, burst, afterMs) => {
          const starts: number[] = [];
          const started = new Set<number>();
          marbles(({ expectNoTimersLeft, scheduler, subscribe }) => {
            const store = new StoreOfTest(() => scheduler.now(), afterMs);
            const workers = [1, 2, 3].map(() => limiterOf(store, { requests, per, burst }));
            jobs.forEach(({ at, worker, leavesAt }, index) => {
              const work = defer(() => {
                starts.push(scheduler.frame);
                started.add(index);
                return EMPTY;
              });
              subscribe(workers[worker]?.run(work) ?? NEVER, `${'-'.repeat(at)}^ ${leavesAt}ms !`);
            });
            expectNoTimersLeft();
          })();
          starts.forEach((from, first) => {
            starts.slice(first).forEach((to, further) => {
              expect(further + 1).to.be.at.most(burst + ((to - from) * requests) / per);
            });
          });
          jobs.forEach(({ leavesAt }, index) => {
            if (leavesAt === 5_000) expect(started.has(index)).to.equal(true);
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});

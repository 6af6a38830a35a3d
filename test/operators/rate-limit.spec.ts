import { expect } from 'chai';
import fc from 'fast-check';
import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  merge,
  NEVER,
  Observable,
  of,
  Subject,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { stub } from 'sinon';
import { RateLimitRejectedError } from '../../src/errors.ts';
import { createRateLimiter, type RatePause, rateLimit } from '../../src/operators/rate-limit.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const oneInThree = { requests: 1, per: 3 };

describe('rateLimit', () => {
  it(
    'starts no more than its limit in any span of the period, the others in the order they came',
    documented('rate-limit', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createRateLimiter({ requests: 2, per: 4 });
      const a = cold('        a|        ');
      const b = cold('        -b|       ');
      const c = cold('        c|        ');
      const d = cold('        -d|       ');
      const e = cold('        e|        ');
      const expected = '      ab--cd--e|';

      expectObservable(merge(...[a, b, c, d, e].map((source) => shared.run(source)))).toBe(expected);
      expectSubscriptions(b.subscriptions).toBe('^-!       ');
      expectSubscriptions(c.subscriptions).toBe('----^!    ');
      expectSubscriptions(d.subscriptions).toBe('----^-!   ');
      expectSubscriptions(e.subscriptions).toBe('--------^!');
      expectNoTimersLeft();
    }),
  );

  it(
    'counts each span anew from the starts in it, not from a fixed beginning',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter({ requests: 2, per: 4 });
      expectObservable(shared.run(cold('a|'))).toBe('a|');
      expectObservable(shared.run(cold('b|')), '---^').toBe('---b|');
      expectObservable(shared.run(cold('c|')), '---^').toBe('----c|');
      expectObservable(shared.run(cold('d|')), '----^').toBe('-------d|');
    }),
  );

  it(
    'starts a burst from a bucket, and the others at a steady pace',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter({ requests: 2, per: 12, burst: 3 });
      const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => shared.run(cold(`${value}|`)));
      expectObservable(merge(...all)).toBe('(abc)-d-----e-----f|');
    }),
  );

  it(
    'rejects when its queue is full, and runs nothing',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createRateLimiter({ ...oneInThree, maxQueued: 1 });
      const rejected = cold('-c|');
      expectObservable(shared.run(cold('a|'))).toBe('a|');
      expectObservable(shared.run(cold('b|'))).toBe('---b|');
      const error = new RateLimitRejectedError('1 wait for their start');
      expectObservable(shared.run(rejected)).toBe('#', undefined, error);
      expectSubscriptions(rejected.subscriptions).toBe([]);
      expectObservable(createRateLimiter({ ...oneInThree, maxQueued: 0 }).run(cold('d|'))).toBe('d|');
    }),
  );

  it(
    'counts each key by itself',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter(oneInThree);
      expectObservable(shared.run(cold('a|'), 'one')).toBe('a|');
      expectObservable(shared.run(cold('b|'), 'one')).toBe('---b|');
      expectObservable(shared.run(cold('c|'), 'other')).toBe('c|');
      expectObservable(shared.run(cold('d|'))).toBe('d|');
    }),
  );

  it('says how many wait and how many keys it counts', () => {
    const shared = createRateLimiter({ ...oneInThree, per: '1h' });
    const subscriptions = ['a', 'a', 'a', 'b', 'b'].map((key) => shared.run(NEVER, key).subscribe());
    expect([shared.queued, shared.keys]).to.deep.equal([3, 2]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect([shared.queued, shared.keys]).to.deep.equal([0, 2]);
  });

  it(
    'counts an empty source, one that never ends and one that fails, and passes each on unchanged',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter(oneInThree);
      expectObservable(shared.run(EMPTY)).toBe('|');
      expectObservable(shared.run(NEVER)).toBe('-');
      expectObservable(shared.run(cold('-#', undefined, 'down'))).toBe('-------#', undefined, 'down');
      expectObservable(shared.run(cold('a|'))).toBe('---------a|');
    }),
  );

  it(
    'passes what subscribing throws, at once or after a wait, and the others go on',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter(oneInThree);
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(shared.run(throwing)).toBe('#', undefined, new TypeError('sync'));
      expectObservable(shared.run(throwing)).toBe('---#', undefined, new TypeError('sync'));
      expectObservable(shared.run(cold('a|'))).toBe('------a|');
    }),
  );

  it(
    'counts nothing for a source that is unsubscribed while it waits, and leaves no timer',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createRateLimiter(oneInThree);
      const [left, next] = [cold('a|'), cold('b|')];
      expectObservable(shared.run(EMPTY)).toBe('|');
      expectObservable(shared.run(left), '^-!').toBe('-');
      expectObservable(shared.run(next)).toBe('---b|');
      expectObservable(shared.run(NEVER), '-----^!').toBe('-');
      expectSubscriptions(left.subscriptions).toBe([]);
      expectSubscriptions(next.subscriptions).toBe('---^!');
      expectNoTimersLeft();
    }),
  );

  it(
    'counts a source that was unsubscribed after its start',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createRateLimiter(oneInThree);
      const source = cold('----a|');
      expectObservable(shared.run(source), '^-!').toBe('-');
      expectObservable(shared.run(cold('b|')), '--^').toBe('---b|');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'counts each subscriber and each subscription of one source, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a|');
      const result = source.pipe(rateLimit(createRateLimiter(oneInThree)));
      expectObservable(result).toBe('-a|');
      expectObservable(result).toBe('----a|');
      expectObservable(concat(result, result), '-----^').toBe('-------a--a|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^-!', '------^-!', '---------^-!']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    createRateLimiter(oneInThree)
      .run(source)
      .pipe(tap((value) => value < 3 && source.next(value + 1)))
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  it(
    'keeps its order when a source subscribes again in answer to its end, and starts any number in constant stack',
    marbles(({ flush, scheduler }) => {
      const shared = createRateLimiter({ requests: 1_500, per: 5, maxQueued: Number.POSITIVE_INFINITY });
      const started: number[] = [];
      const depths = new Set<number>();
      const limit = Error.stackTraceLimit;
      Error.stackTraceLimit = 200;
      const source = (value: number): Observable<unknown> =>
        defer(() => {
          started.push(value);
          if (value % 500 === 499) depths.add((new Error('depth').stack ?? '').split('\n').length);
          return value % 7 === 3 ? throwError(() => value) : of(value);
        });
      shared.penalise(scheduler.now() + 3);
      for (let value = 0; value < 3_000; value++) {
        // The first to end comes again, and waits behind all others.
        const again = value === 0 ? shared.run(source(3_000)) : EMPTY;
        concat(shared.run(source(value)).pipe(catchError(() => EMPTY)), again).subscribe();
      }
      flush();
      Error.stackTraceLimit = limit;
      expect(started).to.deep.equal(Array.from({ length: 3_001 }, (_, index) => index));
      expect(depths.size).to.equal(1);
      expect(shared.queued).to.equal(0);
    }),
  );

  it(
    'goes on with the others when a teardown throws',
    marbles(({ cold, expectObservable, flush }) => {
      const shared = createRateLimiter(oneInThree);
      const failures: unknown[] = [];
      const broken = new Observable((sink) => {
        sink.add(() => {
          throw new Error('teardown');
        });
        sink.complete();
      });
      shared.run(EMPTY).subscribe();
      shared.run(broken).subscribe({ error: (error) => failures.push(error) });
      expectObservable(shared.run(cold('a|'))).toBe('------a|');
      flush();
      expect(failures).to.have.length(1);
    }),
  );

  it(
    'starts nothing of a key until the moment it is penalised to, and says so',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const pauses: RatePause[] = [];
      const shared = createRateLimiter({ ...oneInThree, onPause: (pause) => pauses.push(pause) });
      scheduler.schedule(() => shared.penalise(7, 'key'), 1);
      scheduler.schedule(() => shared.penalise(5, 'key'), 2);
      expectObservable(shared.run(cold('a|'), 'key')).toBe('a|');
      expectObservable(shared.run(cold('b|'), 'key')).toBe('-------b|');
      expectObservable(shared.run(cold('c|'), 'other'), '--^').toBe('--c|');
      flush();
      expect(pauses).to.deep.equal([{ key: 'key', until: 7 }]);
    }),
  );

  it(
    'obeys the pause that an answer asks for, up to its cap',
    marbles(({ cold, expectObservable, scheduler }) => {
      const shared = createRateLimiter({ ...oneInThree, maxPause: 8 });
      scheduler.schedule(() => shared.learn({ retryAfterMs: 5 }, 'short'), 1);
      scheduler.schedule(() => shared.learn({ retryAfterMs: 1e12 }, 'absurd'), 1);
      scheduler.schedule(() => shared.learn({ retryAfterMs: -5, remaining: Number.NaN, limit: -1 }, 'wrong'), 1);
      for (const key of ['short', 'absurd', 'wrong']) expectObservable(shared.run(EMPTY, key)).toBe('|');
      expectObservable(shared.run(cold('a|'), 'short')).toBe(' ------a|');
      expectObservable(shared.run(cold('a|'), 'absurd')).toBe('---------a|');
      expectObservable(shared.run(cold('a|'), 'wrong')).toBe(' ---a|');
    }),
  );

  it(
    'starts no more than the other side has left until its reset',
    marbles(({ cold, expectObservable, scheduler }) => {
      const shared = createRateLimiter({ requests: 100, per: 100 });
      scheduler.schedule(() => shared.learn({ remaining: 2, resetAfterMs: 8 }), 0);
      const all = ['a', 'b', 'c', 'd'].map((value) => shared.run(cold(`(${value}|)`)));
      expectObservable(merge(...all)).toBe('(ab)----(cd|)');
    }),
  );

  it(
    'takes what still runs off what is left, because the answer may not know of it',
    marbles(({ cold, expectObservable, scheduler }) => {
      const shared = createRateLimiter({ requests: 100, per: 100 });
      scheduler.schedule(() => shared.learn({ remaining: 1, resetAfterMs: 8 }), 1);
      scheduler.schedule(() => shared.learn({ remaining: 1, resetAfterMs: 7 }), 5);
      expectObservable(shared.run(cold('----|'))).toBe('----|');
      expectObservable(shared.run(cold('a|')), '--^').toBe('-----a|');
      expectObservable(shared.run(cold('b|')), '--^').toBe('------------b|');
    }),
  );

  it(
    'lowers its limit to that of the other side, and never raises it above its own',
    marbles(({ cold, expectObservable, scheduler }) => {
      const shared = createRateLimiter({ requests: 4, per: 4 });
      scheduler.schedule(() => shared.learn({ limit: 1 }), 0);
      scheduler.schedule(() => shared.learn({ limit: 1_000 }), 5);
      const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => shared.run(cold(`(${value}|)`)));
      expectObservable(merge(...all.slice(0, 5))).toBe('a---b(cde|)');
      expectObservable(all[5] ?? EMPTY, '-^').toBe('--------(f|)');
    }),
  );

  it(
    'rejects a key too many, and forgets one whose past matters no more',
    marbles(({ cold, expectObservable }) => {
      const shared = createRateLimiter({ ...oneInThree, maxKeys: 2 });
      const error = new RateLimitRejectedError('2 keys are being counted');
      for (const key of ['a', 'b']) expectObservable(shared.run(cold('-|'), key)).toBe('-|');
      expectObservable(shared.run(cold('c|'), 'c'), '--^').toBe('--#', undefined, error);
      expectObservable(shared.run(cold('b|'), 'b'), '--^').toBe('---b|');
      expectObservable(shared.run(cold('c|'), 'c'), '---^').toBe('---c|');
      expectObservable(shared.run(cold('a|'), 'a'), '---^').toBe('---#', undefined, error);
    }),
  );

  describe('on a clock of its own', () => {
    // By hand: a stub would keep a record of every call.
    const { now } = asyncScheduler;
    let nowMs = 0;
    beforeEach(() => {
      nowMs = 0;
      asyncScheduler.now = () => nowMs;
    });
    afterEach(() => {
      asyncScheduler.now = now;
    });

    it('holds few keys at a time, however many come', () => {
      const shared = createRateLimiter({ requests: 1, per: 10 });
      let most = 0;
      for (let key = 0; key < 100_000; key++) {
        nowMs++;
        shared.run(EMPTY, key).subscribe();
        most = Math.max(most, shared.keys);
      }
      expect(most).to.be.at.most(20);
    });

    it('waits no longer for a clock that is set back', () => {
      nowMs = 3_600_000;
      const shared = createRateLimiter({ requests: 1, per: 100 });
      shared.run(EMPTY).subscribe();
      nowMs = 0;
      const schedule = stub(asyncScheduler, 'schedule').callThrough();
      shared.run(NEVER).subscribe().unsubscribe();
      schedule.restore();
      expect(schedule.firstCall.args[1]).to.equal(100);
    });
  });

  it('refuses options that are none', () => {
    const refused = (options: object, message: string): void => {
      expect(() => createRateLimiter({ requests: 1, per: '1s', ...options })).to.throw(RangeError, message);
    };
    refused({ requests: 0 }, 'requests: expected an integer from 1 to 1000000, got 0');
    refused({ requests: Number.POSITIVE_INFINITY }, 'requests: expected an integer from 1 to 1000000, got Infinity');
    refused({ per: 0 }, 'per: expected at least 1 ms, got 0 ms');
    refused({ burst: 1.5 }, 'burst: expected an integer from 1 to 1000000, got 1.5');
    refused({ burst: 2, kind: 'sliding-window' }, 'burst: expected none with a sliding window, got 2');
    refused({ kind: 'leaky' }, 'kind: expected sliding-window or token-bucket, got leaky');
    refused({ maxQueued: -1 }, 'maxQueued: expected an integer of at least 0, got -1');
    refused({ maxKeys: 0 }, 'maxKeys: expected an integer of at least 1, got 0');
    refused({ maxPause: 0 }, 'maxPause: expected at least 1 ms, got 0 ms');
  });

  it('never starts more than its limit in any span, starts in order, and loses none, whatever comes and goes', () => {
    const job = fc.record({
      at: fc.nat({ max: 30 }),
      key: fc.nat({ max: 2 }),
      takesMs: fc.nat({ max: 4 }),
      isSync: fc.boolean(),
      leavesAt: fc.option(fc.nat({ max: 20 }), { nil: 5_000 }),
    });
    const told = fc.record({ at: fc.nat({ max: 40 }), key: fc.nat({ max: 2 }), untilAt: fc.nat({ max: 60 }) });
    const positive = fc.integer({ min: 1, max: 8 });
    const options = fc.record({ requests: positive, per: positive, burst: fc.option(positive, { nil: undefined }) });
    fc.assert(
      fc.property(
        fc.array(job, { maxLength: 40 }),
        options,
        fc.array(told, { maxLength: 3 }),
        (jobs, rate, penalties) => {
          const shared = createRateLimiter({ ...rate, maxKeys: 3 });
          const arrived: number[][] = [[], [], []];
          const started: number[][] = [[], [], []];
          const startsAt: number[][] = [[], [], []];
          let open = 0;
          marbles(({ expectNoTimersLeft, scheduler, subscribe }) => {
            for (const { at, key, untilAt } of penalties)
              subscribe(timer(at).pipe(tap(() => shared.penalise(untilAt, key))));
            jobs.forEach(({ at, key, takesMs, isSync, leavesAt }, index) => {
              const work = defer(() => {
                started[key]?.push(index);
                startsAt[key]?.push(scheduler.frame);
                open++;
                return (isSync ? of(index) : timer(takesMs)).pipe(finalize(() => open--));
              });
              const arriving = defer(() => {
                arrived[key]?.push(index);
                return shared.run(work, key);
              });
              subscribe(arriving, `${'-'.repeat(at)}^ ${leavesAt}ms !`);
            });
            expectNoTimersLeft();
          })();
          const { requests, per, burst } = rate;
          for (const [key, moments] of startsAt.entries()) {
            moments.forEach((from, first) => {
              moments.slice(first).forEach((to, further) => {
                if (burst === undefined) expect(further < requests || to - from >= per).to.equal(true);
                else expect(further + 1).to.be.at.most(burst + ((to - from) * requests) / per);
                for (const { at, key: penalised, untilAt } of penalties)
                  expect(penalised === key && from > at && from < untilAt).to.equal(false);
              });
            });
            expect(started[key]).to.deep.equal(arrived[key]?.filter((index) => started[key]?.includes(index)));
            const stayed = arrived[key]?.filter((index) => jobs[index]?.leavesAt === 5_000);
            expect(started[key]).to.include.members(stayed ?? []);
          }
          expect([open, shared.queued]).to.deep.equal([0, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

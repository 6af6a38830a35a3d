import { expect } from 'chai';
import fc from 'fast-check';
import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  mergeMap,
  NEVER,
  Observable,
  of,
  range,
  repeat,
  Subject,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { BulkheadRejectedError, NoValueError, TransientError } from '../../src/errors.ts';
import {
  type AdaptiveAlgorithm,
  type AdaptiveBulkhead,
  createAdaptiveBulkhead,
} from '../../src/operators/adaptive-bulkhead.ts';
import { bulkhead, createBulkhead } from '../../src/operators/bulkhead.ts';
import { SlotPool } from '../../src/operators/slot-pool.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const unbounded = Number.POSITIVE_INFINITY;
const failing = (cause: unknown, afterMs = 1): Observable<never> =>
  concat(
    timer(afterMs).pipe(ignoreElements()),
    throwError(() => cause),
  );

/** What one algorithm makes of a simulated API: callers that never rest, and a change of its capacity half-way. */
function simulate(algorithm: AdaptiveAlgorithm, api: { readonly serviceMs: number; readonly refusesAbove: number }) {
  const shared = createAdaptiveBulkhead({ algorithm, maxQueued: unbounded });
  const phases = [10, 5, 10].map((capacity) => ({ capacity, calls: 0, limits: [] as number[] }));
  const PHASE_MS = 6_000;
  documented('adaptive-bulkhead', ({ scheduler, flush }) => {
    const server = new SlotPool(10, api.refusesAbove, undefined);
    const call = shared.run(
      defer(() => server.run(timer(api.serviceMs))).pipe(
        // A refusal of the other side, not of our own.
        catchError((cause) => throwError(() => new TransientError('refused', { cause }))),
      ),
    );
    phases.forEach((phase, index) => {
      scheduler.schedule(() => {
        server.slots = phase.capacity;
      }, index * PHASE_MS);
    });
    const phaseNow = () => phases[Math.floor(scheduler.frame / PHASE_MS)];
    const isSettled = (): boolean => scheduler.frame % PHASE_MS >= PHASE_MS / 2;
    const caller = call.pipe(
      tap(() => {
        const phase = phaseNow();
        if (phase === undefined || !isSettled()) return;
        phase.calls++;
        phase.limits.push(shared.limit);
      }),
      catchError(() => timer(1)),
      repeat(),
    );
    range(0, 40)
      .pipe(
        mergeMap(() => caller),
        takeUntil(timer(3 * PHASE_MS - 1)),
      )
      .subscribe();
    flush();
  })();
  return phases.map(({ capacity, calls, limits }) => ({
    meanLimit: limits.reduce((sum, limit) => sum + limit, 0) / limits.length,
    /** Share of what the API can do at best in the second half of the phase. */
    usedRatio: calls / (((capacity / api.serviceMs) * PHASE_MS) / 2),
  }));
}

describe('adaptiveBulkhead', () => {
  it(
    'runs as many at once as its limit, and follows it: one more after ten that went well, fewer after one that failed',
    marbles(({ expectObservable, flush, scheduler }) => {
      const shared = createAdaptiveBulkhead({ algorithm: 'aimd', initial: 4, min: 2, maxQueued: unbounded });
      const run = (at: number, call: Observable<unknown>): void => {
        scheduler.schedule(() => shared.run(call).subscribe({ error: () => {} }), at);
      };
      for (let call = 0; call < 10; call++) run(0, timer(2));
      for (let call = 0; call < 3; call++) run(10, failing(new TransientError('too much'), 5));
      expectObservable(shared.limits, '^ 30ms !').toBe('a-----b 8ms c', { a: 4, b: 5, c: 4 });
      flush();
      expect([shared.running, shared.queued]).to.deep.equal([0, 0]);
    }),
  );

  it(
    'starts what waits when the limit has risen, after the end that raised it is passed on',
    marbles(({ flush }) => {
      const shared = createAdaptiveBulkhead({ algorithm: 'aimd', initial: 1, maxQueued: unbounded });
      const order: string[] = [];
      for (let call = 1; call <= 9; call++) shared.run(timer(1)).subscribe();
      shared.run(timer(1)).subscribe({ complete: () => order.push(`tenth ended, limit ${shared.limit}`) });
      for (const name of ['a', 'b', 'c'])
        shared.run(defer(() => of(order.push(name)).pipe(mergeMap(() => timer(1))))).subscribe();
      flush();
      expect(order).to.deep.equal(['tenth ended, limit 2', 'a', 'b', 'c']);
    }),
  );

  it(
    'passes an empty source, one that never ends, a failure and what subscribing throws',
    marbles(({ cold, expectObservable }) => {
      const shared = createAdaptiveBulkhead({ maxQueued: 0 });
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(shared.run(EMPTY)).toBe('|');
      expectObservable(shared.run(NEVER), '^--!').toBe('-');
      expectObservable(shared.run(cold('-a-#', undefined, 'down'))).toBe('-a-#', undefined, 'down');
      expectObservable(shared.run(throwing)).toBe('#', undefined, new TypeError('sync'));
    }),
  );

  it(
    'frees the slot of a source that is unsubscribed, and runs each subscription in one of its own',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createAdaptiveBulkhead({ initial: 1, max: 1, maxQueued: 1 });
      const source = cold('--a|');
      const result = source.pipe(bulkhead(shared));
      expectObservable(result, '^!').toBe('-');
      expectObservable(result).toBe('---a|');
      expectObservable(result, '----^').toBe('------a|');
      const error = new BulkheadRejectedError('all 1 slots and 1 queue slots are taken');
      expectObservable(shared.run(NEVER), '-----^!').toBe('-');
      expectObservable(shared.run(EMPTY), '-----^').toBe('-----#', undefined, error);
      expectSubscriptions(source.subscriptions).toBe(['^!', '-^--!', '----^--!']);
      expectNoTimersLeft();
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    createAdaptiveBulkhead({ maxQueued: 0 })
      .run(source)
      .pipe(tap((value) => value < 3 && source.next(value + 1)))
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  /** The limit after so many calls one after another, from 10, where failures alone count. */
  function limitAfter(calls: readonly Observable<unknown>[], options: object = {}): number {
    const shared = createAdaptiveBulkhead({ algorithm: 'aimd', initial: 10, maxQueued: 0, ...options });
    marbles(({ flush }) => {
      concat(...calls.map((call) => shared.run(call).pipe(catchError(() => EMPTY)))).subscribe();
      flush();
    })();
    return shared.limit;
  }

  it('takes transient errors for too much, and permanent ones for an answer', () => {
    expect(limitAfter([failing(new TransientError('503'))])).to.equal(9);
    expect(limitAfter([failing(new NoValueError('404'))])).to.equal(10);
    expect(limitAfter([failing('odd')], { isDrop: (cause: unknown) => cause === 'odd' })).to.equal(9);
  });

  it('ignores errors that say that nothing ran', () => {
    const rejected = failing(new BulkheadRejectedError('full'));
    expect(limitAfter([rejected])).to.equal(10);
    expect(limitAfter([rejected], { isIgnored: () => false })).to.equal(9);
  });

  it('takes a call that lasts too long for too much, also when it is cut off', () => {
    expect(limitAfter([timer(5_000)])).to.equal(10);
    expect(limitAfter([timer(5_001)])).to.equal(9);
    expect(limitAfter([timer(31)], { maxLatency: 30 })).to.equal(9);
    const cutAfter = (ms: number): Observable<unknown> => {
      const shared = createAdaptiveBulkhead({ algorithm: 'aimd', initial: 10, maxQueued: 0, maxLatency: 30 });
      return concat(
        shared.run(NEVER).pipe(takeUntil(timer(ms))),
        defer(() => of(shared.limit)),
      );
    };
    marbles(({ expectObservable }) => {
      expectObservable(cutAfter(30)).toBe('30ms (a|)', { a: 10 });
      expectObservable(cutAfter(31)).toBe('31ms (a|)', { a: 9 });
    })();
  });

  it('fails with what a predicate throws, and frees the slot', () => {
    const shared = createAdaptiveBulkhead({
      maxQueued: 0,
      isDrop: () => {
        throw new TypeError('predicate');
      },
    });
    const failures: unknown[] = [];
    shared.run(throwError(() => 'down')).subscribe({ error: (error: unknown) => failures.push(error) });
    expect(failures.map(String)).to.deep.equal(['TypeError: predicate']);
    expect(shared.running).to.equal(0);
  });

  it(
    'does not count the wait for a wider bulkhead as latency',
    marbles(({ flush, scheduler }) => {
      const worker = createBulkhead({ slots: 1, maxQueued: 0 });
      const shared = createAdaptiveBulkhead({
        algorithm: 'aimd',
        maxLatency: 10,
        maxQueued: unbounded,
        within: worker,
      });
      for (let call = 0; call < 9; call++) shared.run(timer(5)).subscribe();
      flush();
      expect([scheduler.frame, shared.limit]).to.deep.equal([45, 20]);
    }),
  );

  it('tells each new limit to whoever asks for it', () => {
    const heard: number[] = [];
    expect(
      limitAfter(
        [1, 2, 3].map(() => failing(new TransientError('503'))),
        { onLimit: (limit: number) => heard.push(limit) },
      ),
    ).to.equal(7);
    expect(heard).to.deep.equal([9, 8, 7]);
  });

  it('goes on measuring when the clock is set back', () => {
    const shared = createAdaptiveBulkhead({ algorithm: 'aimd', initial: 10, maxQueued: 0 });
    const { now } = asyncScheduler;
    try {
      for (const nowMs of [9_000_000, 1_000, 2_000]) {
        asyncScheduler.now = () => nowMs;
        shared.run(throwError(() => new TransientError('503'))).subscribe({ error: () => {} });
      }
    } finally {
      asyncScheduler.now = now;
    }
    expect(shared.limit).to.equal(7);
  });

  describe('on a simulated API with ten workers, five for a while, ten again', () => {
    const converges = (algorithm: AdaptiveAlgorithm, refusesAbove: number, mostAbove: number): void => {
      it(`finds its capacity with ${algorithm}, backs off when it halves, and comes back`, () => {
        const [first, halved, again] = simulate(algorithm, { serviceMs: 40, refusesAbove });
        for (const phase of [first, halved, again]) expect(phase?.usedRatio).to.be.within(0.93, 1.01);
        expect(first?.meanLimit).to.be.within(10, 10 + mostAbove);
        expect(halved?.meanLimit).to.be.within(5, 5 + mostAbove);
        expect(halved?.meanLimit).to.be.below((first?.meanLimit ?? 0) * 0.8);
        expect(again?.meanLimit).to.be.within(10, 10 + mostAbove);
      });
    };
    converges('gradient', unbounded, 25);
    converges('vegas', unbounded, 10);
    converges('aimd', 4, 6);
  });

  it('never runs more at once than its limit when they began, keeps it within its bounds, and ends every subscription', () => {
    const job = fc.record({
      at: fc.nat({ max: 20 }),
      takesMs: fc.nat({ max: 6 }),
      fails: fc.boolean(),
      leavesAt: fc.option(fc.nat({ max: 20 }), { nil: 999 }),
    });
    const algorithm = fc.constantFrom<AdaptiveAlgorithm>('gradient', 'vegas', 'aimd');
    const [least, spread] = [fc.integer({ min: 1, max: 3 }), fc.nat({ max: 4 })];
    fc.assert(
      fc.property(fc.array(job, { maxLength: 40 }), algorithm, least, spread, (jobs, by, min, more) => {
        const max = min + more;
        const limits: number[] = [];
        const shared = createAdaptiveBulkhead({
          algorithm: by,
          min,
          max,
          initial: jobs.length % 2 === 0 ? min : max,
          maxQueued: unbounded,
          onLimit: (limit) => limits.push(limit),
        });
        let open = 0;
        let hasRoom = true;
        const work = (takesMs: number, fails: boolean): Observable<unknown> =>
          defer(() => {
            // A limit that sinks ends nothing: it is looked at where one begins.
            hasRoom &&= ++open <= shared.limit && shared.limit >= min && shared.limit <= max;
            return (fails ? failing(new TransientError('too much'), takesMs) : timer(takesMs)).pipe(
              finalize(() => open--),
            );
          });
        marbles(({ expectNoTimersLeft, subscribe }) => {
          for (const { at, takesMs, fails, leavesAt } of jobs)
            subscribe(shared.run(work(takesMs, fails)), `${'-'.repeat(at)}^ ${leavesAt}ms !`);
          expectNoTimersLeft();
        })();
        expect(hasRoom).to.equal(true);
        for (const limit of limits) expect(limit).to.be.within(min, max);
        expect([open, shared.running, shared.queued]).to.deep.equal([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses options that are none', () => {
    const refused = (options: object, message: string): void => {
      expect(() => createAdaptiveBulkhead({ maxQueued: 0, ...options })).to.throw(RangeError, message);
    };
    refused({ algorithm: 'bbr' }, 'algorithm: expected gradient, vegas or aimd, got bbr');
    refused({ min: 0 }, 'min: expected an integer of at least 1, got 0');
    refused({ min: 5, max: 4 }, 'max: expected an integer of at least 5, got 4');
    refused({ max: unbounded }, 'max: expected a finite integer, got Infinity');
    refused({ min: 5, initial: 4 }, 'initial: expected an integer of at least 5, got 4');
    refused({ max: 5, initial: 6 }, 'initial: expected at most max (5), got 6');
    refused({ maxQueued: -1 }, 'maxQueued: expected an integer of at least 0, got -1');
    refused({ maxLatency: 0 }, 'maxLatency: expected at least 1 ms, got 0 ms');
    const first: AdaptiveBulkhead = createAdaptiveBulkhead({ min: 30, maxQueued: 0 });
    expect([first.limit, createAdaptiveBulkhead({ max: 5, maxQueued: 0 }).limit]).to.deep.equal([30, 5]);
  });
});

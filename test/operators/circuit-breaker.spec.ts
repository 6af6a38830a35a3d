import { expect } from 'chai';
import fc from 'fast-check';
import {
  asyncScheduler,
  catchError,
  concat,
  config,
  defer,
  EMPTY,
  map,
  merge,
  NEVER,
  Observable,
  of,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import sinon from 'sinon';
import {
  BulkheadRejectedError,
  CircuitOpenError,
  PermanentError,
  ThrottledError,
  TransientError,
} from '../../src/errors.ts';
import type { BreakerChange } from '../../src/operators/breaker-changes.ts';
import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
  createCircuitBreaker,
} from '../../src/operators/circuit-breaker.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const down = new TransientError('down');
const gone = new PermanentError('gone');
/** Trips at the first failure, stays open for 5 ms, closes after one probe. */
const touchy: CircuitBreakerOptions = { consecutiveFailures: 1, openFor: 5 };
const open = (forMs: number, retryAt: number): CircuitOpenError =>
  new CircuitOpenError(`the circuit is open for another ${forMs} ms`, retryAt);
const probing = (retryAt: number, probes = 1): CircuitOpenError =>
  new CircuitOpenError(`the circuit is half-open, all its probes (${probes}) are taken`, retryAt);

const trip = (shared: CircuitBreaker): void => {
  shared.run(throwError(() => down)).subscribe({ error: () => {} });
};
/** What a breaker tells, short: `closed>open`. */
const told = (shared: CircuitBreaker): Observable<string> =>
  shared.changes.pipe(map(({ from, to }) => `${from}>${to}`));

describe('circuitBreaker', () => {
  it(
    'mirrors the source and counts how it ends; fails at once, without subscribing to it, while the circuit is open',
    documented('circuit-breaker', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createCircuitBreaker({ consecutiveFailures: 2, openFor: 6 });
      const failing = cold('  -#              ', undefined, down);
      const healthy = cold('  -a|             ');
      const first = '         -#              ';
      const second = '        ---#            ';
      const rejected = '      -----#          ';
      const probe = '         -----------a|   ';
      const after = '         --------------a|';

      expectObservable(failing.pipe(circuitBreaker(shared)), '^             ').toBe(first, undefined, down);
      expectObservable(failing.pipe(circuitBreaker(shared)), '--^           ').toBe(second, undefined, down);
      expectObservable(healthy.pipe(circuitBreaker(shared)), '-----^        ').toBe(rejected, undefined, open(4, 9));
      expectObservable(healthy.pipe(circuitBreaker(shared)), '----------^   ').toBe(probe);
      expectObservable(healthy.pipe(circuitBreaker(shared)), '-------------^').toBe(after);
      expectSubscriptions(failing.subscriptions).toBe(['^!', '--^!']);
      expectSubscriptions(healthy.subscriptions).toBe(['----------^-!', '-------------^-!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'lets one probe through half-open and rejects the others, however many come (F32)',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createCircuitBreaker(touchy);
      const source = cold('---a|');
      trip(shared);
      expectObservable(shared.run(source), '-----^').toBe('--------a|');
      expectObservable(shared.run(source), '-----^').toBe('-----#', undefined, probing(5));
      expectObservable(shared.run(source), '--------^').toBe('--------#', undefined, probing(8));
      expectObservable(shared.run(source), '----------^').toBe('-------------a|');
      expectSubscriptions(source.subscriptions).toBe(['-----^---!', '----------^---!']);
    }),
  );

  it(
    'opens again when the probe fails, for longer when asked to',
    marbles(({ cold, expectObservable }) => {
      const shared = createCircuitBreaker({ ...touchy, openFor: { initial: 5, max: 15 } });
      trip(shared);
      const failing = cold('-#', undefined, down);
      expectObservable(shared.run(failing), ' 5ms ^').toBe('  5ms -#', undefined, down);
      expectObservable(shared.run(failing), ' 15ms ^').toBe(' 15ms #', undefined, open(1, 16));
      expectObservable(shared.run(failing), ' 16ms ^').toBe(' 16ms -#', undefined, down);
      expectObservable(shared.run(failing), ' 31ms ^').toBe(' 31ms #', undefined, open(1, 32));
      expectObservable(shared.run(failing), ' 32ms ^').toBe(' 32ms -#', undefined, down);
    }),
  );

  it(
    'passes an empty source, and counts it as a success',
    marbles(({ cold, expectObservable }) => {
      const shared = createCircuitBreaker(touchy);
      trip(shared);
      expectObservable(shared.run(cold('|')), '-----^').toBe('-----|');
      expectObservable(shared.changes.pipe(map(({ to }) => to[0]))).toBe('-----(hc)');
    }),
  );

  it(
    'passes a source that never ends, which counts neither way and keeps its probe',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createCircuitBreaker(touchy);
      const source = cold('-a-');
      expectObservable(shared.run(source)).toBe('-a-');
      timer(1).subscribe(() => trip(shared));
      expectObservable(shared.run(source), '------^').toBe('-------a-');
      expectObservable(shared.run(source), '-------^').toBe('-------#', undefined, probing(7));
      expectSubscriptions(source.subscriptions).toBe(['^', '------^']);
    }),
  );

  it(
    'passes a failure unchanged',
    marbles(({ cold, expectObservable }) => {
      const shared = createCircuitBreaker({ ...touchy, isFailure: () => true });
      expectObservable(shared.run(cold('-a-#', undefined, 'oops'))).toBe('-a-#', undefined, 'oops');
      expectObservable(told(shared)).toBe('---o----h', { o: 'closed>open', h: 'open>half-open' });
    }),
  );

  it(
    'takes a permanent cause for the answer of a healthy API, and what was turned away for no answer',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createCircuitBreaker(touchy);
      trip(shared);
      const full = new BulkheadRejectedError('all 1 slots and 0 queue slots are taken');
      const rejected = cold('-#', undefined, full);
      const answer = cold('  -#', undefined, gone);
      expectObservable(shared.run(rejected), '-----^').toBe('     ------#', undefined, full);
      expectObservable(shared.run(answer), '  -------^').toBe('    --------#', undefined, gone);
      expectObservable(told(shared)).toBe('-----h--c', { h: 'open>half-open', c: 'half-open>closed' });
      expectSubscriptions(rejected.subscriptions).toBe(['-----^!']);
      expectSubscriptions(answer.subscriptions).toBe(['  -------^!']);
    }),
  );

  it('ignores what says that nothing ran, unless told otherwise', () => {
    const rejections = [
      new BulkheadRejectedError('full'),
      new CircuitOpenError('open', 0),
      new ThrottledError('turned away', 0.5),
    ];
    for (const rejection of rejections) {
      const stateAfter = (options: CircuitBreakerOptions): string => {
        // Real time passes here: it stays open for longer than anybody needs to look.
        const shared = createCircuitBreaker({ ...touchy, openFor: '1h', ...options });
        shared.run(throwError(() => rejection)).subscribe({ error: () => {} });
        return shared.state;
      };
      expect(stateAfter({})).to.equal('closed');
      expect(stateAfter({ isIgnored: () => false })).to.equal('open');
    }
  });

  it(
    'frees the probe of a call that is unsubscribed, which counts neither way',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createCircuitBreaker(touchy);
      trip(shared);
      const [cut, after] = [cold('-a--|'), cold('-b|')];
      expectObservable(shared.run(cut), '  -----^--!').toBe(' ------a-');
      expectObservable(shared.run(after), '-------^').toBe('  -------#', undefined, probing(7));
      expectObservable(shared.run(after), '--------^').toBe(' ---------b|');
      expectSubscriptions(cut.subscriptions).toBe('          -----^--!');
      expectSubscriptions(after.subscriptions).toBe('        --------^-!');
      expectNoTimersLeft();
    }),
  );

  it(
    'does not count a call that is cut after its value: the take belongs inside',
    marbles(({ cold, expectObservable }) => {
      const [outside, inside] = [createCircuitBreaker(touchy), createCircuitBreaker(touchy)];
      trip(outside);
      trip(inside);
      const source = cold('-a--|');
      expectObservable(outside.run(source).pipe(take(1)), '-----^').toBe('------(a|)');
      expectObservable(inside.run(source.pipe(take(1))), ' -----^').toBe('------(a|)');
      expectObservable(told(outside)).toBe('-----h', { h: 'open>half-open' });
      expectObservable(told(inside)).toBe(' -----hc', { h: 'open>half-open', c: 'half-open>closed' });
    }),
  );

  it(
    'does not count results of calls that began before it changed',
    marbles(({ cold, expectObservable }) => {
      const shared = createCircuitBreaker(touchy);
      expectObservable(shared.run(cold('------#', undefined, down))).toBe('     ------#', undefined, down);
      expectObservable(shared.run(cold('-------|'))).toBe('                    -------|');
      expectObservable(shared.run(cold('-#', undefined, down))).toBe('          -#', undefined, down);
      expectObservable(shared.run(cold('---|')), '------^').toBe('---------|');
      expectObservable(told(shared)).toBe('-o----h--c', {
        o: 'closed>open',
        h: 'open>half-open',
        c: 'half-open>closed',
      });
    }),
  );

  it(
    'trips on slow calls, the time from subscription to end',
    marbles(({ cold, expectObservable }) => {
      const shared = createCircuitBreaker({ minimumCalls: 2, slowCall: 3, slowCallRatio: 0.5, openFor: 5 });
      expectObservable(shared.run(cold('---|'))).toBe('---|');
      expectObservable(shared.run(cold('----|'))).toBe('----|');
      expectObservable(shared.changes.pipe(map(({ reason }) => reason))).toBe('----s----h', {
        s: 'slow-call-ratio',
        h: 'open-time-over',
      });
    }),
  );

  it(
    'tells each change with its reason and moment, and half-opens by a timer while someone listens',
    marbles(({ cold, expectObservable, expectNoTimersLeft, flush }) => {
      const changes: BreakerChange[] = [];
      const shared = createCircuitBreaker({ ...touchy, onChange: (change) => changes.push(change) });
      expectObservable(shared.run(cold('--#', undefined, down))).toBe('--#', undefined, down);
      expectObservable(shared.run(cold('-|')), '---------^').toBe('----------|');
      expectObservable(told(shared), '^----------!').toBe('--o----h--c', {
        o: 'closed>open',
        h: 'open>half-open',
        c: 'half-open>closed',
      });
      expectNoTimersLeft();
      flush();
      expect(changes).to.deep.equal([
        { from: 'closed', to: 'open', reason: 'consecutive-failures', at: 2, openUntil: 7 },
        { from: 'open', to: 'half-open', reason: 'open-time-over', at: 7, openUntil: undefined },
        { from: 'half-open', to: 'closed', reason: 'probes-succeeded', at: 10, openUntil: undefined },
      ]);
    }),
  );

  it(
    'leaves no timer behind when nobody listens any more, and half-opens with the first call then',
    marbles(({ cold, expectObservable, expectNoTimersLeft, flush }) => {
      const changes: string[] = [];
      const shared = createCircuitBreaker({
        ...touchy,
        openFor: 50,
        onChange: ({ to, at }) => changes.push(`${to} ${at}`),
      });
      expectObservable(shared.run(cold('--#', undefined, down))).toBe('--#', undefined, down);
      expectObservable(told(shared), '^---!').toBe('--o', { o: 'closed>open' });
      expectNoTimersLeft();
      flush();
      expect(changes).to.deep.equal(['open 2']);
    }),
  );

  it(
    'half-opens by a timer for one who begins to listen while it is open',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      const shared = createCircuitBreaker(touchy);
      trip(shared);
      expectObservable(told(shared), '---^---!').toBe('-----h', { h: 'open>half-open' });
      expectNoTimersLeft();
    }),
  );

  it(
    'half-opens after a timer that was early by the clock',
    marbles(({ scheduler, expectObservable, flush }) => {
      const now = sinon.stub(asyncScheduler, 'now').callsFake(() => scheduler.frame - (scheduler.frame === 5 ? 1 : 0));
      try {
        const shared = createCircuitBreaker(touchy);
        trip(shared);
        expectObservable(told(shared)).toBe('------h', { h: 'open>half-open' });
        flush();
      } finally {
        now.restore();
      }
    }),
  );

  it(
    'says what a caller needs to wait for it',
    marbles(({ scheduler, flush }) => {
      const shared = createCircuitBreaker(touchy);
      const seen: unknown[] = [];
      const look = (): unknown => seen.push([scheduler.frame, shared.state, shared.isCallable, shared.openUntil]);
      look();
      trip(shared);
      look();
      timer(4).subscribe(look);
      timer(5).subscribe(look);
      timer(6).subscribe(() => {
        shared.run(NEVER).subscribe();
        look();
      });
      timer(7).subscribe(() => {
        shared.isolate();
        look();
        shared.release();
        look();
      });
      flush();
      expect(seen).to.deep.equal([
        [0, 'closed', true, undefined],
        [0, 'open', false, 5],
        [4, 'open', false, 5],
        [5, 'half-open', true, undefined],
        [6, 'half-open', false, undefined],
        [7, 'isolated', false, Number.POSITIVE_INFINITY],
        [7, 'closed', true, undefined],
      ]);
    }),
  );

  it(
    'lets nothing through while it is isolated, and running calls go on',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createCircuitBreaker(touchy);
      const [running, later] = [cold('---a--#', undefined, down), cold('-b|')];
      const isolated = new CircuitOpenError('the circuit is isolated by hand', Number.POSITIVE_INFINITY);
      timer(1).subscribe(() => shared.isolate());
      timer(30).subscribe(() => shared.release());
      expectObservable(shared.run(running)).toBe('---a--#', undefined, down);
      expectObservable(shared.run(later), '29ms ^').toBe('29ms #', undefined, isolated);
      expectObservable(shared.run(later), '30ms ^').toBe('30ms -b|');
      expectObservable(told(shared)).toBe('-i 28ms c', { i: 'closed>isolated', c: 'isolated>closed' });
      expectSubscriptions(later.subscriptions).toBe('30ms ^-!');
      expectNoTimersLeft();
    }),
  );

  it('tells nobody when nothing changes', () => {
    const changes: string[] = [];
    const shared = createCircuitBreaker({ onChange: ({ to }) => changes.push(to) });
    shared.release();
    shared.isolate();
    shared.isolate();
    expect(changes).to.deep.equal(['isolated']);
  });

  for (const option of ['isFailure', 'isIgnored'] as const) {
    it(
      `fails with what ${option} throws, which counts neither way`,
      marbles(({ cold, expectObservable }) => {
        const thrown = new TypeError(option);
        let isBroken = false;
        const shared = createCircuitBreaker({
          ...touchy,
          [option]: () => {
            if (isBroken) throw thrown;
            return option === 'isFailure';
          },
        });
        trip(shared);
        isBroken = true;
        expectObservable(shared.run(cold('-#', undefined, down)), '-----^').toBe('------#', undefined, thrown);
        expectObservable(shared.run(cold('-|')), '-------^').toBe('--------|');
      }),
    );
  }

  it(
    'keeps what onChange throws from the calls',
    marbles(({ cold, expectObservable, flush }) => {
      const thrown = new TypeError('onChange');
      const unhandled: unknown[] = [];
      const shared = createCircuitBreaker({
        ...touchy,
        onChange: () => {
          throw thrown;
        },
      });
      config.onUnhandledError = (error) => unhandled.push(error);
      try {
        expectObservable(shared.run(cold('-#', undefined, down))).toBe('-#', undefined, down);
        flush();
      } finally {
        config.onUnhandledError = null;
      }
      expect(unhandled).to.deep.equal([thrown]);
    }),
  );

  it(
    'passes what subscribing throws as the failure of the call',
    marbles(({ expectObservable }) => {
      const shared = createCircuitBreaker({ ...touchy, isFailure: () => true });
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(shared.run(throwing)).toBe('#', undefined, new TypeError('sync'));
      expectObservable(shared.run(EMPTY), '-^').toBe('-#', undefined, open(4, 5));
    }),
  );

  it(
    'fails with what a teardown throws, and has counted the call',
    marbles(({ expectObservable, flush }) => {
      const shared = createCircuitBreaker(touchy);
      trip(shared);
      const broken = new Observable((sink) => {
        const ends = timer(1).subscribe(() => sink.complete());
        return () => {
          ends.unsubscribe();
          throw new Error('teardown');
        };
      });
      const failures: unknown[] = [];
      timer(5).subscribe(() => shared.run(broken).subscribe({ error: (error) => failures.push(error) }));
      expectObservable(told(shared)).toBe('-----hc', { h: 'open>half-open', c: 'half-open>closed' });
      flush();
      expect(failures).to.have.length(1);
      expect(failures[0]).to.have.property('name', 'UnsubscriptionError');
    }),
  );

  it(
    'fails with what the teardown of a failed source throws, and has counted the failure',
    marbles(({ flush }) => {
      const shared = createCircuitBreaker(touchy);
      const broken = new Observable((sink) => {
        const ends = timer(1).subscribe(() => sink.error(down));
        return () => {
          ends.unsubscribe();
          throw new Error('teardown');
        };
      });
      const failures: unknown[] = [];
      shared.run(broken).subscribe({ error: (error) => failures.push(error) });
      flush();
      expect(failures[0]).to.have.property('name', 'UnsubscriptionError');
      expect(shared.openUntil).to.equal(6);
    }),
  );

  it(
    'has counted the end of a call when it is passed on',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createCircuitBreaker(touchy);
      const source = cold('-#', undefined, down);
      const again = shared.run(source).pipe(catchError(() => shared.run(source)));
      expectObservable(again).toBe('-#', undefined, open(5, 6));
      expectSubscriptions(source.subscriptions).toBe(['^!']);
    }),
  );

  it(
    'serves two subscribers at once, and each again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a|');
      const result = source.pipe(circuitBreaker(createCircuitBreaker(touchy)));
      expectObservable(result).toBe('-a|');
      expectObservable(concat(result, result), '-^').toBe('--a-a|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '-^-!', '---^-!']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    createCircuitBreaker()
      .run(source)
      .pipe(tap((value) => value < 3 && source.next(value + 1)))
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  it('tells changes in order to all, when a listener makes another', () => {
    const shared = createCircuitBreaker(touchy);
    const seen: string[] = [];
    shared.changes.subscribe(({ to }) => to === 'open' && shared.isolate());
    told(shared).subscribe((change) => seen.push(change));
    trip(shared);
    expect(seen).to.deep.equal(['closed>open', 'open>isolated']);
  });

  it(
    'frees the probe of a call that a listener ends before it begins',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const cut = new Subject<void>();
      const shared = createCircuitBreaker({ ...touchy, onChange: ({ to }) => to === 'half-open' && cut.next() });
      const source = cold('-a|');
      trip(shared);
      expectObservable(shared.run(source).pipe(takeUntil(cut)), '-----^').toBe('-----|');
      expectSubscriptions(source.subscriptions).toBe([]);
      flush();
      expect([shared.state, shared.isCallable]).to.deep.equal(['half-open', true]);
    }),
  );

  for (const [options, message] of [
    [{ window: { calls: 0 } }, 'window.calls: expected an integer of at least 1, got 0'],
    [
      { window: { calls: Number.POSITIVE_INFINITY } },
      'window.calls: expected an integer of at most 1000000, got Infinity',
    ],
    [{ window: 0 }, 'window: expected at least 1 ms, got 0 ms'],
    [{ window: '10 apples' as '10s' }, 'window: expected milliseconds or a number with its unit'],
    [{ failureRatio: 0 }, 'failureRatio: expected a number above 0, at most 1, got 0'],
    [{ failureRatio: 50 }, 'failureRatio: expected a number above 0, at most 1, got 50'],
    [{ failureRatio: Number.NaN }, 'failureRatio: expected a number above 0, at most 1, got NaN'],
    [{ minimumCalls: 0 }, 'minimumCalls: expected an integer of at least 1, got 0'],
    [{ minimumCalls: 11, window: { calls: 10 } }, 'minimumCalls: expected an integer of at most 10, got 11'],
    [{ consecutiveFailures: 0 }, 'consecutiveFailures: expected an integer of at least 1, got 0'],
    [{ slowCall: 0 }, 'slowCall: expected at least 1 ms, got 0 ms'],
    [{ slowCall: '1s', slowCallRatio: 2 }, 'slowCallRatio: expected a number above 0, at most 1, got 2'],
    [{ slowCallRatio: 0.5 }, 'slowCallRatio: expected slowCall beside it, got 0.5 alone'],
    [{ openFor: 0 }, 'openFor: expected at least 1 ms, got 0 ms'],
    [{ openFor: '25d' }, 'openFor: expected at most 2147483647 ms'],
    [{ openFor: { initial: '10s', factor: 0.5 } }, 'openFor.factor: expected a number of at least 1, got 0.5'],
    [{ openFor: { initial: '10s', max: '5s' } }, 'openFor.max: expected at least 10000 ms, got 5000 ms'],
    [{ probes: 0 }, 'probes: expected an integer of at least 1, got 0'],
    [{ probes: 1_001 }, 'probes: expected an integer of at most 1000, got 1001'],
    [{ probesToClose: 2 }, 'probesToClose: expected an integer of at most 1, got 2'],
  ] as const satisfies readonly (readonly [CircuitBreakerOptions, string])[]) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      expect(() => createCircuitBreaker(options)).to.throw(RangeError, message);
    });
  }

  it('looks at its ratios by default when a window of fewer than twenty calls is full', () => {
    const shared = createCircuitBreaker({ window: { calls: 2 } });
    trip(shared);
    expect(shared.state).to.equal('closed');
    trip(shared);
    expect(shared.state).to.equal('open');
  });

  it(
    'trips by default when ten of the twenty calls of the last ten seconds failed, and probes after fifteen',
    marbles(({ expectObservable, flush }) => {
      const shared = createCircuitBreaker();
      const call = (fails: boolean): Observable<unknown> =>
        defer(() => shared.run(fails ? throwError(() => down) : EMPTY)).pipe(catchError(() => EMPTY));
      const calls = Array.from({ length: 20 }, (_, index) => call(index % 2 === 1));
      expectObservable(merge(...calls.slice(0, 19)), '^').toBe('|');
      expectObservable(calls[19] ?? NEVER, '500ms ^').toBe('500ms |');
      expectObservable(told(shared)).toBe('500ms o 14999ms h', { o: 'closed>open', h: 'open>half-open' });
      flush();
      expect(shared.probes).to.equal(1);
    }),
  );

  it('never runs more calls half-open than it has probes, none while open, and ends every subscription', () => {
    const job = fc.record({
      at: fc.nat({ max: 40 }),
      takesMs: fc.nat({ max: 6 }),
      fails: fc.boolean(),
      leavesAt: fc.option(fc.nat({ max: 8 }), { nil: 99 }),
    });
    fc.assert(
      fc.property(
        fc.array(job, { maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (jobs, probes, consecutiveFailures) => {
          let state = 'closed';
          let running = 0;
          const inTrial = new Set<number>();
          const shared = createCircuitBreaker({
            consecutiveFailures,
            openFor: 5,
            probes,
            onChange: ({ to }) => {
              state = to;
              inTrial.clear();
            },
          });
          let mostProbes = 0;
          const work = (index: number, takesMs: number, fails: boolean): Observable<unknown> =>
            new Observable((sink) => {
              expect(state).not.to.equal('open');
              running++;
              if (state === 'half-open') inTrial.add(index);
              mostProbes = Math.max(mostProbes, inTrial.size);
              let hasEnded = false;
              const end = tap<unknown>({
                complete: () => {
                  hasEnded = true;
                },
                error: () => {
                  hasEnded = true;
                },
              });
              concat(timer(takesMs), fails ? throwError(() => down) : of(1))
                .pipe(end)
                .subscribe(sink);
              return () => {
                running--;
                if (!hasEnded) inTrial.delete(index);
              };
            });
          marbles(({ expectNoTimersLeft, subscribe }) => {
            jobs.forEach(({ at, takesMs, fails, leavesAt }, index) => {
              subscribe(shared.run(work(index, takesMs, fails)), `${'-'.repeat(at)}^${'-'.repeat(leavesAt)}!`);
            });
            expectNoTimersLeft();
          })();
          expect(running).to.equal(0);
          expect(mostProbes).to.be.at.most(probes);
        },
      ),
      { numRuns: 200 },
    );
  });
});

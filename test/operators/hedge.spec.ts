import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  defer,
  finalize,
  ignoreElements,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  Subscription,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { type HedgeOptions, hedge } from '../../src/operators/hedge.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

/** Each subscription gets the next of these. */
const inTurn = (tries: readonly Observable<string>[]): Observable<string> => {
  const left = [...tries];
  return defer(() => left.shift() ?? NEVER);
};

describe('hedge', () => {
  it(
    'subscribes again after the pause, and mirrors the try that answers first',
    documented('hedge', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const slow = cold('   --------a|');
      const quick = cold('     --b-c|  ');
      const expected = '    -----b-c|  ';

      expectObservable(inTurn([slow, quick]).pipe(hedge({ after: 3 }))).toBe(expected);
      expectSubscriptions(slow.subscriptions).toBe(' ^----!     ');
      expectSubscriptions(quick.subscriptions).toBe('---^----!  ');
      expectNoTimersLeft();
    }),
  );

  it(
    'ends the hedge when the first try answers after all',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const first = cold(' ----a-b|');
      const second = cold('  ---x|');
      expectObservable(inTurn([first, second]).pipe(hedge({ after: '2ms' }))).toBe('----a-b|');
      expectSubscriptions(second.subscriptions).toBe('--^-!');
      expectNoTimersLeft();
    }),
  );

  it(
    'begins no hedge for a source that answers or ends before the pause is over',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      const value = cold('-a----|');
      const empty = cold('-|');
      expectObservable(value.pipe(hedge({ after: 2 }))).toBe('-a----|');
      expectObservable(empty.pipe(hedge({ after: 2 }))).toBe('-|');
      expectObservable(of('a').pipe(hedge({ after: 2 }))).toBe('(a|)');
      let tries = 0;
      const answersAtOnce = defer(() => concat(of(`${++tries}`), cold('----|')));
      expectObservable(answersAtOnce.pipe(hedge({ after: 2 }))).toBe('1---|');
      flush();
      expect(tries).to.equal(1);
      expectSubscriptions(value.subscriptions).toBe('^-----!');
      expectSubscriptions(empty.subscriptions).toBe('^!');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes a try that completes without a value for an answer',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const first = cold('-----a|');
      expectObservable(inTurn([first, cold('-|')]).pipe(hedge({ after: 2 }))).toBe('---|');
      expectSubscriptions(first.subscriptions).toBe('^--!');
    }),
  );

  it(
    'tries as often as it may, and no more',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-------a|');
      expectObservable(source.pipe(hedge({ after: 2, maxHedges: 2 }))).toBe('-------a|');
      expectSubscriptions(source.subscriptions).toBe(['^-------!', '--^----!', '----^--!']);
      expectObservable(NEVER.pipe(hedge({ after: 2, maxHedges: 2 })), '^------!').toBe('-');
      expectNoTimersLeft();
    }),
  );

  it(
    'passes a failure before the pause at once, and begins no hedge',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-#', undefined, 'down');
      expectObservable(source.pipe(hedge({ after: 3 }))).toBe('-#', undefined, 'down');
      expectSubscriptions(source.subscriptions).toBe('^!');
      expectNoTimersLeft();
    }),
  );

  it(
    'waits for the other when one fails, and fails with the first failure when both have',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const failing = cold('---#', undefined, 'one');
      expectObservable(inTurn([failing, cold('----b|')]).pipe(hedge({ after: 2 }))).toBe('------b|');
      expectObservable(inTurn([cold('----a|'), cold('-#')]).pipe(hedge({ after: 2 }))).toBe('----a|');
      expectObservable(inTurn([failing, cold('----#', undefined, 'two')]).pipe(hedge({ after: 2 }))).toBe(
        '------#',
        undefined,
        'one',
      );
      expectSubscriptions(failing.subscriptions).toBe(['^--!', '^--!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'passes a failure of the try that has answered',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a--#', undefined, 'down').pipe(hedge({ after: 2 }))).toBe('-a--#', undefined, 'down');
    }),
  );

  it(
    'asks before each hedge, and takes no for the rest of the call',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, expectNoTimersLeft }) => {
      const source = cold('---------a|');
      let asked = 0;
      const canHedge = (): boolean => ++asked < 2;
      expectObservable(source.pipe(hedge({ after: 2, maxHedges: 4, canHedge }))).toBe('---------a|');
      expectSubscriptions(source.subscriptions).toBe(['^---------!', '--^------!']);
      expectNoTimersLeft();
      flush();
      expect(asked).to.equal(2);
    }),
  );

  it(
    'says when a hedge begins and when one wins',
    marbles(({ cold, expectObservable, flush }) => {
      const heard: string[] = [];
      const options: HedgeOptions = {
        after: 2,
        maxHedges: 2,
        onHedge: (hedged, pauseMs) => heard.push(`${hedged} after ${pauseMs} ms`),
        onWin: (hedged) => heard.push(`${hedged} won`),
      };
      expectObservable(inTurn([NEVER, NEVER, cold('-c|')]).pipe(hedge(options))).toBe('-----c|');
      expectObservable(inTurn([cold('---a|')]).pipe(hedge(options)), '9ms ^').toBe('9ms ---a|');
      flush();
      expect(heard).to.deep.equal(['1 after 2 ms', '2 after 2 ms', '2 won', '1 after 2 ms']);
    }),
  );

  it(
    'unsubscribes all tries and clears its timer',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('---------a|');
      expectObservable(source.pipe(hedge({ after: 2, maxHedges: 9 })), '^----!').toBe('-----');
      expectObservable(source.pipe(hedge({ after: '1h' })), '^----!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe(['^----!', '^----!', '--^--!', '----^!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'has torn the loser down before the first value is passed on',
    marbles(({ cold, flush }) => {
      const seen: string[] = [];
      const loser = NEVER.pipe(finalize(() => seen.push('freed')));
      inTurn([loser, cold('-b|')])
        .pipe(hedge({ after: 1 }))
        .subscribe((value) => seen.push(value));
      flush();
      expect(seen).to.deep.equal(['freed', 'b']);
    }),
  );

  it(
    'fails with what subscribing, an option or the teardown of the loser throws',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, expectNoTimersLeft }) => {
      const thrown = new TypeError('thrown');
      const throwing = (): never => {
        throw thrown;
      };
      const source = cold('-----a|');
      const failures: unknown[] = [];
      const broken = new Observable<string>(() => throwing);
      expectObservable(new Observable(throwing).pipe(hedge({ after: 2 }))).toBe('#', undefined, thrown);
      expectObservable(source.pipe(hedge({ after: 2, canHedge: throwing }))).toBe('--#', undefined, thrown);
      expectObservable(source.pipe(hedge({ after: 2, onHedge: throwing }))).toBe('--#', undefined, thrown);
      expectObservable(inTurn([NEVER, cold('-b|')]).pipe(hedge({ after: 2, onWin: throwing }))).toBe(
        '---#',
        undefined,
        thrown,
      );
      inTurn([broken, cold('-b|')])
        .pipe(hedge({ after: 2 }))
        .subscribe({ next: (value) => failures.push(value), error: (failure: Error) => failures.push(failure.name) });
      expectSubscriptions(source.subscriptions).toBe(['^-!', '^-!']);
      expectNoTimersLeft();
      flush();
      expect(failures).to.deep.equal(['UnsubscriptionError']);
    }),
  );

  it(
    'tears every loser down, also when the teardown of one throws',
    marbles(({ cold, expectSubscriptions, flush }) => {
      const broken = new Observable<string>(() => () => {
        throw new TypeError('teardown');
      });
      const other = cold('-----|');
      inTurn([broken, other, cold('-c|')])
        .pipe(hedge({ after: 1, maxHedges: 2 }))
        .subscribe({ error: () => {} });
      expectSubscriptions(other.subscriptions).toBe('-^-!');
      flush();
    }),
  );

  it(
    'begins no hedge when asking for it has ended the call',
    marbles(({ cold, expectSubscriptions, flush }) => {
      const source = cold('-----|');
      const call = new Subscription();
      const canHedge = (): boolean => {
        call.unsubscribe();
        return true;
      };
      call.add(source.pipe(hedge({ after: 2, canHedge })).subscribe());
      expectSubscriptions(source.subscriptions).toBe('^-!');
      flush();
    }),
  );

  it('lets a value feed or end its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    source
      .pipe(
        hedge({ after: '1h' }),
        tap((value) => value < 3 && source.next(value + 1)),
        take(3),
      )
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
    expect(source.observed).to.equal(false);
  });

  it(
    'hedges for each subscriber alone, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('---a|');
      const result = source.pipe(hedge({ after: 2 }));
      expectObservable(result).toBe('---a|');
      expectObservable(result, '-^').toBe('----a|');
      expectObservable(concat(result, result), '-----^').toBe('--------a---a|');
      expectSubscriptions(source.subscriptions).toBe([
        '^---!',
        '-^---!',
        '--^!',
        '---^!',
        '-----^---!',
        '-------^!',
        '---------^---!',
        '-----------^!',
      ]);
    }),
  );

  describe('after a measured percentile', () => {
    const measured = { percentile: 90, minimum: 2, maximum: 50 } as const;
    /** Pauses before the hedges of calls that take so long, one after the other. */
    const pausesFor = (latencies: readonly number[], options: HedgeOptions): number[] => {
      const pauses: number[] = [];
      marbles(({ flush }) => {
        const hedged = hedge<number>({ ...options, onHedge: (_hedge, pauseMs) => pauses.push(pauseMs) });
        concat(...latencies.map((takesMs) => timer(takesMs).pipe(hedged))).subscribe();
        flush();
      })();
      return pauses;
    };
    const calls = (count: number, takesMs: number): number[] => new Array<number>(count).fill(takesMs);

    it('pauses for the maximum until 20 calls were measured, then for the percentile', () => {
      const pauses = pausesFor([...calls(19, 10), 60, 11, 12], { after: measured });
      expect(pauses).to.deep.equal([50, 10, 10]);
    });

    it('never pauses for less than the minimum or more than the maximum', () => {
      expect(pausesFor([...calls(20, 1), 3], { after: measured })).to.deep.equal([2]);
      expect(pausesFor([...calls(20, 80), 90], { after: { ...measured, maximum: 70 } }).at(-1)).to.equal(70);
    });

    it('counts a call that a hedge has answered as slow, so that hedging does not lower the percentile', () => {
      const pauses: number[] = [];
      marbles(({ cold, flush }) => {
        const hedged = hedge<string>({ after: measured, onHedge: (_hedge, pauseMs) => pauses.push(pauseMs) });
        const quick = concat(...calls(20, 10).map((takesMs) => timer(takesMs).pipe(map(String), hedged)));
        const rescued = calls(6, 1).map(() => inTurn([NEVER, cold('-b|')]).pipe(take(1), hedged));
        concat(quick, ...rescued).subscribe();
        flush();
      })();
      expect(pauses).to.deep.equal([10, 10, 10, 11, 11, 11]);
    });

    it('does not measure calls that fail', () => {
      const pauses: number[] = [];
      marbles(({ flush }) => {
        const hedged = hedge<number>({ after: measured, onHedge: (_hedge, pauseMs) => pauses.push(pauseMs) });
        for (let call = 0; call < 30; call++)
          throwError(() => 'down')
            .pipe(hedged)
            .subscribe({ error: () => {} });
        timer(60).pipe(hedged).subscribe();
        flush();
      })();
      expect(pauses).to.deep.equal([50]);
    });

    it('hedges about the share of calls it was told, and cuts the slow tail', () => {
      // "The Tail at Scale": most calls take 5 to 15 ms, one in fifty 200 ms. Hedged after the 95th percentile, about 5 % more load.
      let seed = 1;
      const random = (): number => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed / 2_147_483_647;
      };
      let hedges = 0;
      const latencies: number[] = [];
      const total = 2_000;
      marbles(({ scheduler, flush }) => {
        const api = defer(() => timer(random() < 0.02 ? 200 : 5 + 10 * random()));
        const hedged = hedge<number>({
          after: { percentile: 95, minimum: 1, maximum: '1s' },
          onHedge: () => hedges++,
        });
        for (let call = 0; call < total; call++) {
          scheduler.schedule(() => {
            const beganAt = scheduler.now();
            api.pipe(hedged).subscribe(() => latencies.push(scheduler.now() - beganAt));
          }, call * 20);
        }
        flush();
      })();
      const sorted = latencies.slice(200).toSorted((one, other) => one - other);
      expect(hedges / total).to.be.within(0.03, 0.07);
      expect(sorted[Math.floor(sorted.length * 0.99)]).to.be.below(35);
    });
  });

  it('refuses options out of their range, by name', () => {
    const after = { percentile: 95, minimum: 1, maximum: 2 } as const;
    expect(() => hedge({ after: -1 })).to.throw(RangeError, 'after: expected');
    expect(() => hedge({ after: 1, maxHedges: 0 })).to.throw(RangeError, 'maxHedges');
    expect(() => hedge({ after: { ...after, percentile: 0.95 } })).to.throw(
      RangeError,
      'after.percentile: expected at least 50 and below 100, got 0.95',
    );
    expect(() => hedge({ after: { ...after, minimum: -1 } })).to.throw(RangeError, 'after.minimum');
    expect(() => hedge({ after: { ...after, maximum: 0 } })).to.throw(
      RangeError,
      'after.maximum: expected at least 1 ms, got 0 ms',
    );
  });

  it('answers as the quickest try would, never runs more than it may, and ends every try', () => {
    const job = fc.record({ takesMs: fc.nat({ max: 12 }), fails: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(job, { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (jobs, after, maxHedges) => {
          let open = 0;
          let started = 0;
          let ended: readonly [boolean, number] | undefined;
          marbles(({ scheduler, flush, expectNoTimersLeft, subscribe }) => {
            const tries = defer(() => {
              const { takesMs = 0, fails = false } = jobs[started++] ?? {};
              open++;
              const end = fails ? throwError(() => 'failed') : of('answer');
              return concat(timer(takesMs).pipe(ignoreElements()), end).pipe(finalize(() => open--));
            });
            const note = (isAnswer: boolean) => () => {
              ended = [isAnswer, scheduler.now()];
            };
            subscribe(tries.pipe(hedge({ after, maxHedges }), tap({ next: note(true), error: note(false) })));
            expectNoTimersLeft();
            flush();
          })();
          expect(open).to.equal(0);
          expect(started).to.be.within(1, maxHedges + 1);
          const ends = jobs
            .slice(0, started)
            .map(({ takesMs, fails }, index) => ({ fails, at: index * after + takesMs }));
          const answers = ends.filter(({ fails }) => !fails).map(({ at }) => at);
          const last = Math.max(...ends.map(({ at }) => at));
          expect(ended).to.deep.equal(answers.length > 0 ? [true, Math.min(...answers)] : [false, last]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

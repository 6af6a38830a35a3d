import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  defer,
  finalize,
  mergeMap,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { inSlots } from '../../src/operators/in-slots.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

describe('inSlots', () => {
  it(
    'runs at most so many inners at once, the others in the order of arrival',
    documented('in-slots', ({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('   ab-c----|      ');
      const inners = {
        a: cold('            ---a|         '),
        b: cold('             ----b|       '),
        c: cold('                --c-|     '),
      };
      const expected = '     ---a-bc-|     ';

      const result = source.pipe(inSlots((name) => inners[name as 'a'], 2));

      expectObservable(result).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('  ^-------!');
      expectSubscriptions(inners.a.subscriptions).toBe('^---!');
      expectSubscriptions(inners.b.subscriptions).toBe('-^----!');
      expectSubscriptions(inners.c.subscriptions).toBe('----^---!');
    }),
  );

  it(
    'completes with an empty source, at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--|');
      expectObservable(source.pipe(inSlots(() => NEVER, 2))).toBe('--|');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'goes on for as long as the source or an inner does',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a---').pipe(inSlots((value) => of(value), 2))).toBe('-a---');
      expectObservable(cold('-a-|').pipe(inSlots(() => NEVER, 2))).toBe('----');
      expectObservable(cold('-a-|').pipe(inSlots(() => cold('----b|'), 2))).toBe('-----b|');
      expectObservable(cold('-ab|').pipe(inSlots(() => cold('----|'), 1))).toBe('---------|');
    }),
  );

  it(
    'fails with the source and ends its inners',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const inner = cold('------b|');
      expectObservable(cold('-a-#').pipe(inSlots(() => inner, 2))).toBe('---#');
      expectSubscriptions(inner.subscriptions).toBe('-^-!');
    }),
  );

  it(
    'fails with an inner, ends the others and the source, and starts none that waits',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('abc----');
      const inners = { a: cold('---#', undefined, 'down'), b: cold('------|'), c: cold('--|') };
      expectObservable(source.pipe(inSlots((name) => inners[name as 'a'], 2))).toBe('---#', undefined, 'down');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inners.b.subscriptions).toBe('-^-!');
      expectSubscriptions(inners.c.subscriptions).toBe([]);
    }),
  );

  it(
    'fails with what the projection throws, for a value that waited too',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('ab----');
      const inner = cold('---|');
      const project = (name: string): Observable<string> => {
        if (name === 'b') throw new TypeError(name);
        return inner;
      };
      expectObservable(source.pipe(inSlots(project, 1))).toBe('---#', undefined, new TypeError('b'));
      expectObservable(source.pipe(inSlots(project, 2))).toBe('-#', undefined, new TypeError('b'));
      expectSubscriptions(source.subscriptions).toBe(['^--!', '^!']);
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '^!']);
    }),
  );

  it(
    'fails when the projection gives nothing that can be subscribed to',
    marbles(({ cold, flush, subscribe }) => {
      let failure: unknown;
      cold('-a')
        .pipe(inSlots(() => undefined as never, 1))
        .subscribe({
          error: (error) => {
            failure = error;
          },
        });
      subscribe(NEVER);
      flush();
      expect(failure).to.be.instanceOf(TypeError);
    }),
  );

  it(
    'unsubscribes source and inners, and forgets what waits',
    marbles(({ cold, hot, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = hot('abcd-----|');
      const inner = cold('  ----x|');
      expectObservable(source.pipe(inSlots(() => inner, 2)), '^--!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '-^-!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'tears an inner down before it starts the next',
    marbles(({ cold, flush }) => {
      const log: string[] = [];
      const project = (name: string): Observable<string> =>
        defer(() => {
          log.push(`start ${name}`);
          return cold<string>('--|').pipe(finalize(() => log.push(`end ${name}`)));
        });
      cold('(ab|)').pipe(inSlots(project, 1)).subscribe();
      flush();
      expect(log).to.deep.equal(['start a', 'end a', 'start b', 'end b']);
    }),
  );

  it('takes a value fed back by its own inner', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    source
      .pipe(inSlots((value) => of(value).pipe(tap(() => value < 1_000 && source.next(value + 1))), 1))
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal(range1(1_000));
  });

  it('stops when its subscriber has enough', () => {
    const opened: number[] = [];
    const gate = new Subject<number>();
    range(0, 100)
      .pipe(
        inSlots((value) => (value === 0 ? gate : defer(() => of(opened.push(value)))), 1),
        take(3),
      )
      .subscribe();
    gate.complete();
    expect(opened).to.deep.equal([1, 2, 3]);
  });

  it(
    'keeps the state of each subscriber apart, and can be subscribed to again',
    marbles(({ cold, expectObservable }) => {
      const result = cold('(ab|)').pipe(inSlots((value) => cold(`--${value}|`), 1));
      expectObservable(result).toBe('   --a--b|');
      expectObservable(result, '-^').toBe('---a--b|');
      expectObservable(concat(result, result)).toBe('--a--b--a--b|');
    }),
  );

  it(
    'fails when the teardown of an inner throws',
    marbles(({ cold, flush }) => {
      let failure: unknown;
      const broken = new Observable<never>((sink) => {
        timer(1).subscribe(() => sink.complete());
        return () => {
          throw new Error('teardown');
        };
      });
      cold('a')
        .pipe(inSlots(() => broken, 1))
        .subscribe({
          error: (error) => {
            failure = error;
          },
        });
      flush();
      expect(failure).to.have.property('name', 'UnsubscriptionError');
    }),
  );

  for (const waiting of [2_000, 100_000]) {
    it(`runs ${waiting} waiting values whose inners end at once, in order and in constant stack`, () => {
      const gate = new Subject<number>();
      const seen: number[] = [];
      const depths = new Set<number>();
      let isComplete = false;
      const project = (value: number): Observable<number> => {
        if (value === 0) return gate;
        if (value % Math.floor(waiting / 4) === 1) depths.add(stackDepth());
        return of(value);
      };
      range(0, waiting + 1)
        .pipe(inSlots(project, 1))
        .subscribe({
          next: (value) => seen.push(value),
          complete: () => {
            isComplete = true;
          },
        });
      gate.complete();
      expect(isComplete).to.equal(true);
      expect(seen).to.deep.equal(range1(waiting));
      expect(depths.size).to.equal(1);
    });
  }

  it('refuses a concurrency that is none', () => {
    for (const concurrency of [0, -1, 1.5, Number.NaN])
      expect(() => inSlots(() => NEVER, concurrency)).to.throw(
        RangeError,
        `concurrency: expected an integer of at least 1, got ${concurrency}`,
      );
  });

  it('does what mergeMap does, for inners that take time or none and fail or not', () => {
    const inner = fc.constantFrom('|', '(x|)', '-x|', '--x--|', 'x-y-|', '---#', '#');
    fc.assert(
      fc.property(
        fc.array(inner, { minLength: 1, maxLength: 12 }),
        fc.stringMatching(/^[a-]{1,12}\|$/),
        fc.integer({ min: 1, max: 4 }),
        (inners, diagram, concurrency) => {
          marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
            const projection = (): (() => Observable<string>) => {
              let index = 0;
              return () => cold(inners[index++ % inners.length] ?? '|');
            };
            const bySlots = defer(() => cold(diagram).pipe(inSlots(projection(), concurrency)));
            const byMergeMap = defer(() => cold(diagram).pipe(mergeMap(projection(), concurrency)));
            expectObservable(bySlots).toEqual(byMergeMap);
            expectNoTimersLeft();
          })();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never runs more than its slots at once, and ends every inner', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 5 }), fc.boolean()), { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 40 }),
        (jobs, concurrency, unsubscribeAt) => {
          let open = 0;
          let most = 0;
          const run = ([takesMs, isSync]: [number, boolean]): Observable<unknown> =>
            defer(() => {
              most = Math.max(most, ++open);
              return (isSync ? of(0) : timer(takesMs)).pipe(finalize(() => open--));
            });
          marbles(({ expectNoTimersLeft, subscribe }) => {
            subscribe(of(...jobs).pipe(inSlots(run, concurrency)), `^${'-'.repeat(unsubscribeAt)}!`);
            expectNoTimersLeft();
          })();
          expect(most).to.be.at.most(concurrency);
          expect(open).to.equal(0);
        },
      ),
    );
  });

  it('passes a failing inner that ends at once while others wait', () => {
    let failure: unknown;
    const gate = new Subject<number>();
    of(0, 1, 2)
      .pipe(inSlots((value): Observable<number> => (value === 0 ? gate : throwError(() => value)), 1))
      .subscribe({
        error: (error) => {
          failure = error;
        },
      });
    gate.complete();
    expect(failure).to.equal(1);
  });
});

const range1 = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

function stackDepth(): number {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 500;
  const { stack = '' } = new Error('depth');
  Error.stackTraceLimit = limit;
  return stack.split('\n').length;
}

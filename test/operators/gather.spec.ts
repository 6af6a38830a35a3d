import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  ignoreElements,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { BranchTimeoutError, NoValueError } from '../../src/errors.ts';
import { gather } from '../../src/operators/gather.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';
import { unheardRejections } from '../support/rejections.ts';

describe('gather', () => {
  it(
    'emits the last value of each branch under its name, when all have completed',
    documented('gather', ({ cold, expectObservable, expectSubscriptions }) => {
      const left = cold(' -a-b|    ');
      const right = cold('--c---|  ');
      const expected = '  ------(g|)';

      expectObservable(gather({ left, right })).toBe(expected, { g: { left: 'b', right: 'c' } });
      expectSubscriptions(left.subscriptions).toBe(' ^---!   ');
      expectSubscriptions(right.subscriptions).toBe('^-----! ');
    }),
  );

  it('keeps the keys in the order of declaration, whichever branch is first', async () => {
    const result = await firstValueFrom(
      gather({ zebra: timer(2), ape: of(1), newt: [1, 2], 'a-b': Promise.resolve(4) }),
    );
    expect(Object.keys(result)).to.deep.equal(['zebra', 'ape', 'newt', 'a-b']);
    expect(result).to.deep.equal({ zebra: 0, ape: 1, newt: 2, 'a-b': 4 });
  });

  it('takes any name for an own key', async () => {
    const branches: Record<string, ObservableInput<unknown>> = Object.fromEntries([
      ['__proto__', of({ polluted: true })],
    ]);
    const result = await firstValueFrom(gather(branches));
    expect(Object.hasOwn(result, '__proto__')).to.equal(true);
    expect(result).not.to.have.property('polluted');
  });

  it(
    'emits an empty object for no branches',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      expectObservable(gather({})).toBe('(g|)', { g: {} });
      expectObservable(gather({}, { within: 5 })).toBe('(g|)', { g: {} });
      expectNoTimersLeft();
    }),
  );

  it(
    'never emits while a branch goes on',
    marbles(({ cold, expectObservable }) => {
      expectObservable(gather({ a: cold('-a|'), b: NEVER })).toBe('-');
    }),
  );

  it(
    'fails with the first branch that fails, unchanged, and ends the others',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const cause = { not: 'an error' };
      const loser = cold('-----a|');
      expectObservable(
        gather({ a: cold('---#', undefined, 'late'), b: cold('--#', undefined, cause), loser }, { within: 9 }),
      ).toBe('--#', undefined, cause);
      expectSubscriptions(loser.subscriptions).toBe('^-!');
      expectNoTimersLeft();
    }),
  );

  it(
    'does not subscribe to branches behind one that fails at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const behind = cold('-a|');
      expectObservable(gather({ a: throwError(() => 'down'), behind })).toBe('#', undefined, 'down');
      expectSubscriptions(behind.subscriptions).toBe([]);
    }),
  );

  it(
    'fails with what a branch throws when it is subscribed to, and for what is no branch',
    marbles(({ expectObservable }) => {
      const thrown = new TypeError('factory');
      const throwing = defer(() => {
        throw thrown;
      });
      const brokenIterable: Iterable<string> = {
        [Symbol.iterator]: () => {
          throw thrown;
        },
      };
      const noBranch = undefined as unknown as ObservableInput<never>;
      expectObservable(gather({ a: of(1), throwing })).toBe('#', undefined, thrown);
      expectObservable(gather({ a: of(1), brokenIterable })).toBe('#', undefined, thrown);
      expectObservable(gather({ a: of(1), noBranch })).toBe(
        '#',
        undefined,
        new TypeError(
          'branch "noBranch" is undefined; expected an Observable, a promise or a list: is a "return" missing?',
        ),
      );
    }),
  );

  it(
    'fails when a branch completes without a value',
    marbles(({ cold, expectObservable }) => {
      expectObservable(gather({ a: cold('-a|'), b: cold('--|') })).toBe(
        '--#',
        undefined,
        new NoValueError('branch "b" ended without a value'),
      );
      expectObservable(gather({ a: EMPTY })).toBe('#', undefined, new NoValueError('branch "a" ended without a value'));
      expectObservable(gather({ a: of(undefined) })).toBe('(g|)', { g: { a: undefined } });
    }),
  );

  it(
    'fails when time runs out, and ends what runs',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const late = cold('-a---b|');
      expectObservable(gather({ a: of(1), late }, { within: 4 })).toBe('----#', undefined, new BranchTimeoutError(4));
      expectSubscriptions(late.subscriptions).toBe('^---!');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes durations, and what comes exactly at the limit',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(gather({ a: cold('1s (a|)') }, { within: '1s' })).toBe('1s (g|)', { g: { a: 'a' } });
      expectObservable(gather({ a: cold('1001ms (a|)') }, { within: '1s' })).toBe(
        '1s #',
        undefined,
        new BranchTimeoutError(1_000),
      );
      expectNoTimersLeft();
    }),
  );

  it(
    'unsubscribes all branches and clears its timer',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const [a, b] = [cold('----a|'), cold('-----b|')];
      expectObservable(gather({ a, b }, { within: '1h' }), '^--!').toBe('---');
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'subscribes anew for each subscriber, and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('-a|');
      const result = gather({ a });
      expectObservable(result).toBe('  --(g|)', { g: { a: 'a' } });
      expectObservable(result, '-^').toBe('---(g|)', { g: { a: 'a' } });
      expectObservable(concat(result, result)).toBe('--g-(g|)', { g: { a: 'a' } });
      expectSubscriptions(a.subscriptions).toBe(['^-!', '^-!', '-^-!', '--^-!']);
    }),
  );

  it(
    'lets one branch end another while it is subscribed to',
    marbles(({ expectObservable }) => {
      const first = new Subject<number>();
      const second = new Observable<number>((sink) => {
        first.next(1);
        first.complete();
        sink.next(2);
        sink.complete();
      });
      expectObservable(gather({ first, second })).toBe('(g|)', { g: { first: 1, second: 2 } });
    }),
  );

  it(
    'fails when a teardown throws',
    marbles(({ flush }) => {
      let failure: unknown;
      const broken = new Observable<number>((sink) => {
        timer(1).subscribe(() => {
          sink.next(1);
          sink.complete();
        });
        return () => {
          throw new Error('teardown');
        };
      });
      gather({ broken }).subscribe({
        error: (error) => {
          failure = error;
        },
      });
      flush();
      expect(failure).to.have.property('name', 'UnsubscriptionError');
    }),
  );

  it('hears the rejection of a promise behind a branch that failed', async () => {
    const unheard = await unheardRejections(async () => {
      await firstValueFrom(gather({ a: throwError(() => 'down'), b: Promise.reject(new Error('unheard')) })).catch(
        () => undefined,
      );
    });
    expect(unheard).to.deep.equal([]);
  });

  it('gives all when all succeed in time, else fails with the first failure or the limit, and ends every branch', () => {
    const kind = fc.constantFrom('value', 'empty', 'error', 'never', 'sync');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, fc.nat({ max: 9 })), { maxLength: 6 }),
        fc.nat({ max: 9 }),
        (kinds, within) => {
          let open = 0;
          const branch = (what: string, atMs: number): Observable<unknown> =>
            defer((): Observable<unknown> => {
              open++;
              if (what === 'sync') return of(1);
              if (what === 'never') return NEVER;
              const wait = timer(atMs);
              if (what === 'value') return wait;
              return concat(wait.pipe(ignoreElements()), what === 'error' ? throwError(() => 'failed') : EMPTY);
            }).pipe(finalize(() => open--));
          const branches = Object.fromEntries(kinds.map(([what, atMs], index) => [`b${index}`, branch(what, atMs)]));
          let outcome: unknown;
          marbles(({ scheduler, flush, expectNoTimersLeft, subscribe }) => {
            const note = (what: unknown): void => {
              outcome = [what, scheduler.now()];
            };
            const told = gather(branches, { within }).pipe(
              tap({ next: (values) => note(Object.keys(values)), error: () => note('failed') }),
            );
            subscribe(told);
            expectNoTimersLeft();
            flush();
          })();
          expect(open).to.equal(0);
          const endOf = ([what, atMs]: (typeof kinds)[number]): number =>
            what === 'sync' ? 0 : what === 'never' ? Number.POSITIVE_INFINITY : atMs;
          const failed = kinds.filter(([what]) => what === 'error' || what === 'empty').map(endOf);
          const firstFailure = Math.min(Number.POSITIVE_INFINITY, ...failed);
          const last = Math.max(0, ...kinds.map(endOf));
          const all = Object.keys(branches);
          expect(outcome).to.deep.equal(
            firstFailure === Number.POSITIVE_INFINITY && last <= within
              ? [all, last]
              : ['failed', Math.min(firstFailure, within)],
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a limit that is none', () => {
    for (const within of [-1, Number.NaN, '5 parsecs' as '5s', '25d'] as const)
      expect(() => gather({ a: NEVER }, { within })).to.throw(RangeError);
    const misspelt: object = { timeout: '1s' };
    expect(() => gather({ a: NEVER }, misspelt)).to.throw(RangeError, 'gather: no option "timeout", only within');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  ignoreElements,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  throwError,
  timer,
} from 'rxjs';
import { BranchTimeoutError, GatherFailedError, isTransient, NoValueError, TransientError } from '../../src/errors.ts';
import { gatherSettled, type Settled } from '../../src/operators/gather-settled.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const down = new TransientError('down');
const fulfilled = <T>(value: T): Settled<T> => ({ status: 'fulfilled', value });
const rejected = (reason: Error): Settled<never> => ({ status: 'rejected', reason });

describe('gatherSettled', () => {
  it(
    'says of each branch what it gave or why it failed, when all have ended',
    documented('gather-settled', ({ cold, expectObservable, expectSubscriptions }) => {
      const good = cold(' -a-b|    ');
      const bad = cold('  --#      ', undefined, down);
      const late = cold(' -----c|  ');
      const expected = '  ------(g|)';

      expectObservable(gatherSettled({ good, bad, late })).toBe(expected, {
        g: { good: fulfilled('b'), bad: rejected(down), late: fulfilled('c') },
      });
      expectSubscriptions(good.subscriptions).toBe('^---!  ');
      expectSubscriptions(bad.subscriptions).toBe(' ^-!    ');
      expectSubscriptions(late.subscriptions).toBe('^-----!');
    }),
  );

  it('keeps the keys in the order of declaration, whichever branch is first', async () => {
    const result = await firstValueFrom(gatherSettled({ zebra: timer(2), ape: of(1), newt: Promise.reject(down) }));
    expect(Object.keys(result)).to.deep.equal(['zebra', 'ape', 'newt']);
    expect(result.newt).to.deep.equal(rejected(down));
  });

  it('takes any name for an own key', async () => {
    const branches: Record<string, ObservableInput<unknown>> = Object.fromEntries([
      ['__proto__', throwError(() => down)],
    ]);
    expect(Object.hasOwn(await firstValueFrom(gatherSettled(branches)), '__proto__')).to.equal(true);
  });

  it(
    'emits an empty object for no branches',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      expectObservable(gatherSettled({}, { within: 5 })).toBe('(g|)', { g: {} });
      expectObservable(gatherSettled({}, { atLeast: 1 })).toBe('#', undefined, new GatherFailedError(0, 1, {}));
      expectNoTimersLeft();
    }),
  );

  it(
    'never emits while a branch goes on and time is not limited',
    marbles(({ cold, expectObservable }) => {
      expectObservable(gatherSettled({ a: cold('-a|'), b: NEVER })).toBe('-');
    }),
  );

  it(
    'rejects and ends what still runs when time is over, whatever it has emitted',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const silent = cold('------a|');
      const spoke = cold(' -a----b|');
      const late = rejected(new BranchTimeoutError(4));
      expectObservable(gatherSettled({ silent, quick: cold('-a|'), spoke }, { within: 4 })).toBe('----(g|)', {
        g: { silent: late, quick: fulfilled('a'), spoke: late },
      });
      expectSubscriptions(silent.subscriptions).toBe('^---!');
      expectSubscriptions(spoke.subscriptions).toBe(' ^---!');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes durations, what comes exactly at the limit, and stops its clock when all have ended',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(gatherSettled({ a: cold('800ms (a|)') }, { within: '800ms' })).toBe('800ms (g|)', {
        g: { a: fulfilled('a') },
      });
      expectObservable(gatherSettled({ a: cold('-a|') }, { within: '800ms' })).toBe('--(g|)', {
        g: { a: fulfilled('a') },
      });
      expectNoTimersLeft();
    }),
  );

  it(
    'fails when fewer than asked for are fulfilled, with every reason, after every branch was heard',
    marbles(({ cold, expectObservable }) => {
      const branches = {
        a: cold('--#', undefined, down),
        b: cold('-b|'),
        c: cold('---#', undefined, new TypeError('bug')),
        d: NEVER,
      };
      const reasons = { a: down, c: new TypeError('bug'), d: new BranchTimeoutError(5) };
      expectObservable(gatherSettled(branches, { within: 5, atLeast: 2 })).toBe(
        '-----#',
        undefined,
        new GatherFailedError(1, 2, reasons),
      );
      expectObservable(gatherSettled(branches, { within: 5, atLeast: 1 }).pipe(map(({ b }) => b))).toBe('-----(b|)', {
        b: fulfilled('b'),
      });
    }),
  );

  it('says that there are no more branches, where none failed', () =>
    expect(new GatherFailedError(1, 3, {}).message).to.equal('1 of at least 3 branches succeeded; there are no more'));

  it('wraps a reason that is no error, as transient as it says itself', async () => {
    const hopeful = { isTransient: true };
    const { text, object, nothing } = await firstValueFrom(
      gatherSettled({
        text: throwError(() => 'oops'),
        object: throwError(() => hopeful),
        nothing: Promise.reject(undefined),
      }),
    );
    const reasons = [text, object, nothing].map((outcome) =>
      outcome.status === 'rejected' ? outcome.reason : undefined,
    );
    expect(reasons.map((reason) => reason?.message)).to.deep.equal([
      'oops',
      'thrown value: an object with isTransient',
      'thrown value: undefined',
    ]);
    expect(reasons.map((reason) => reason?.cause)).to.deep.equal(['oops', hopeful, undefined]);
    expect(reasons.map(isTransient)).to.deep.equal([false, true, false]);
  });

  it(
    'rejects a branch without a value, one that throws when subscribed to, and what is no branch',
    marbles(({ cold, expectObservable }) => {
      const thrown = new TypeError('factory');
      const throwing = defer(() => {
        throw thrown;
      });
      expectObservable(gatherSettled({ empty: EMPTY, throwing, good: cold('-a|') })).toBe('--(g|)', {
        g: {
          empty: rejected(new NoValueError('branch "empty" ended without a value')),
          throwing: rejected(thrown),
          good: fulfilled('a'),
        },
      });
      expectObservable(
        gatherSettled({ no: 5 as unknown as ObservableInput<never> }).pipe(map(({ no }) => no.status)),
      ).toBe('(r|)', { r: 'rejected' });
    }),
  );

  it(
    'unsubscribes all branches and clears its timer',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const [a, b] = [cold('----a|'), cold('-----b|')];
      expectObservable(gatherSettled({ a, b }, { within: '1h' }), '^--!').toBe('---');
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'subscribes anew for each subscriber, and again',
    marbles(({ cold, expectObservable }) => {
      const result = gatherSettled({ a: cold('-a|') });
      const g = { a: fulfilled('a') };
      expectObservable(result).toBe('  --(g|)', { g });
      expectObservable(result, '-^').toBe('---(g|)', { g });
      expectObservable(concat(result, result)).toBe('--g-(g|)', { g });
    }),
  );

  it(
    'lets one branch end another while it is subscribed to',
    marbles(({ expectObservable }) => {
      const first = new Subject<number>();
      const second = defer(() => {
        first.error(down);
        return of(2);
      });
      expectObservable(gatherSettled({ first, second })).toBe('(g|)', {
        g: { first: rejected(down), second: fulfilled(2) },
      });
    }),
  );

  it(
    'settles every branch even when teardowns throw at the limit',
    marbles(({ expectObservable }) => {
      const broken = new Observable<number>(() => () => {
        throw new Error('teardown');
      });
      const names = gatherSettled({ broken, other: broken, quiet: NEVER }, { within: 3 }).pipe(
        map((outcomes) =>
          Object.values(outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason.name : '')),
        ),
      );
      expectObservable(names).toBe('---(n|)', {
        n: ['UnsubscriptionError', 'UnsubscriptionError', 'BranchTimeoutError'],
      });
    }),
  );

  it('refuses options that are none', () => {
    expect(() => gatherSettled({}, { within: -1 })).to.throw(RangeError);
    expect(() => gatherSettled({}, { within: '25d' })).to.throw(RangeError, 'within');
    for (const atLeast of [-1, 0.5, Number.NaN])
      expect(() => gatherSettled({}, { atLeast })).to.throw(RangeError, 'atLeast');
    expect(() => gatherSettled({}, { atleast: 1 } as object)).to.throw(
      RangeError,
      'gatherSettled: no option "atleast", only within, atLeast',
    );
  });

  it('accounts for every branch, ends every subscription and leaves no timer', () => {
    const kind = fc.constantFrom('value', 'empty', 'error', 'never', 'sync');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, fc.nat({ max: 9 })), { maxLength: 6 }),
        fc.nat({ max: 9 }),
        fc.nat({ max: 6 }),
        (kinds, within, atLeast) => {
          let open = 0;
          const branch = (what: string, atMs: number): Observable<number> =>
            defer((): Observable<number> => {
              open++;
              if (what === 'sync') return of(1);
              if (what === 'never') return NEVER;
              const wait = timer(atMs);
              return what === 'value'
                ? wait
                : concat(wait.pipe(ignoreElements()), what === 'error' ? throwError(() => down) : EMPTY);
            }).pipe(finalize(() => open--));
          const branches = Object.fromEntries(kinds.map(([what, atMs], index) => [`b${index}`, branch(what, atMs)]));
          const good = kinds.filter(([what, atMs]) => what === 'sync' || (what === 'value' && atMs <= within)).length;
          let heard: number | undefined;
          let failure: unknown;
          marbles(({ expectNoTimersLeft, subscribe }) => {
            const result = new Observable((sink) =>
              gatherSettled(branches, { within, atLeast }).subscribe({
                next: (outcomes) => {
                  heard = Object.values(outcomes).filter(({ status }) => status === 'fulfilled').length;
                },
                error: (error) => {
                  failure = error;
                  sink.complete();
                },
                complete: () => sink.complete(),
              }),
            );
            subscribe(result);
            expectNoTimersLeft();
          })();
          expect(open).to.equal(0);
          if (good >= atLeast) expect(heard).to.equal(good);
          else expect(failure).to.be.instanceOf(GatherFailedError);
        },
      ),
      { numRuns: 200 },
    );
  });
});

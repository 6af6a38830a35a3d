import { expect } from 'chai';
import fc from 'fast-check';
import { concat, EMPTY, finalize, ignoreElements, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import {
  BranchTimeoutError,
  GatherFailedError,
  NoValueError,
  PermanentError,
  TransientError,
} from '../../src/errors.ts';
import { gatherQuorum } from '../../src/operators/gather-quorum.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const two = { atLeast: 2 };
const down = new TransientError('down');
const refused = new PermanentError('refused');

describe('gatherQuorum', () => {
  it(
    'emits the first branches that give something, as many as asked for, and ends the others',
    documented('gather-quorum', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const slow = cold('  -------a|');
      const quick = cold(' -b|      ');
      const middle = cold('-x--c|   ');
      const expected = '   -----(q|)';

      expectObservable(gatherQuorum({ slow, quick, middle }, { ...two, within: '1h' })).toBe(expected, {
        q: { quick: 'b', middle: 'c' },
      });
      expectSubscriptions(slow.subscriptions).toBe('  ^----!   ');
      expectSubscriptions(quick.subscriptions).toBe(' ^-!      ');
      expectSubscriptions(middle.subscriptions).toBe('^----!   ');
      expectNoTimersLeft();
    }),
  );

  it('keeps the keys in the order of declaration, whatever their names, and has none for the others', () => {
    const gate = new Subject<string>();
    const results: object[] = [];
    gatherQuorum({ zebra: gate, ape: of(1), lost: NEVER, newt: of(undefined) }, { atLeast: 3 }).subscribe((result) =>
      results.push(result),
    );
    gate.next('z');
    gate.complete();
    expect(results.map((result) => Object.entries(result))).to.deep.equal([
      [
        ['zebra', 'z'],
        ['ape', 1],
        ['newt', undefined],
      ],
    ]);
    gatherQuorum(Object.fromEntries([['__proto__', of(1)]]), { atLeast: 1 }).subscribe((result) =>
      results.push(result),
    );
    expect(Object.keys(results[1] ?? {})).to.deep.equal(['__proto__']);
  });

  it(
    'does not subscribe to branches behind a quorum that is there at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const behind = cold('-a|');
      expectObservable(gatherQuorum({ a: of(1), b: of(2), behind }, two)).toBe('(q|)', { q: { a: 1, b: 2 } });
      expectSubscriptions(behind.subscriptions).toBe([]);
    }),
  );

  it(
    'goes on without branches that fail as long as enough are left',
    marbles(({ cold, expectObservable }) => {
      const result = gatherQuorum({ a: cold('-#', undefined, down), b: cold('--b|'), c: EMPTY, d: cold('-d|') }, two);
      expectObservable(result).toBe('---(q|)', { q: { b: 'b', d: 'd' } });
    }),
  );

  it(
    'fails as soon as too few are left, says why, and ends the others',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const running = cold('-----a|');
      expectObservable(
        gatherQuorum({ a: cold('--#', undefined, refused), running, b: cold('-|') }, { ...two, within: 9 }),
      ).toBe(
        '--#',
        undefined,
        new GatherFailedError(0, 2, { a: refused, b: new NoValueError('branch "b" ended without a value') }),
      );
      expectSubscriptions(running.subscriptions).toBe('^-!');
      expectNoTimersLeft();
    }),
  );

  it(
    'fails with what a branch throws when it is subscribed to, as an Error',
    marbles(({ expectObservable }) => {
      const throwing = new Observable<never>(() => {
        throw new TypeError('thrown');
      });
      const text = throwError(() => 'text');
      expectObservable(gatherQuorum({ throwing }, { atLeast: 1 })).toBe(
        '#',
        undefined,
        new GatherFailedError(0, 1, { throwing: new TypeError('thrown') }),
      );
      expectObservable(gatherQuorum({ text }, { atLeast: 1 })).toBe(
        '#',
        undefined,
        new GatherFailedError(0, 1, { text: new Error('text', { cause: 'text' }) }),
      );
    }),
  );

  it(
    'fails when time runs out before there are enough, and ends what runs',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const late = cold('-----c|');
      const branches = { a: cold('-a|'), b: cold('--#', undefined, refused), late, never: NEVER };
      expectObservable(gatherQuorum(branches, { ...two, within: 4 })).toBe(
        '----#',
        undefined,
        new GatherFailedError(1, 2, {
          b: refused,
          late: new BranchTimeoutError(4),
          never: new BranchTimeoutError(4),
        }),
      );
      expectObservable(gatherQuorum({ a: cold('---(a|)') }, { atLeast: 1, within: 3 })).toBe('---(q|)', {
        q: { a: 'a' },
      });
      expectSubscriptions(late.subscriptions).toBe('^---!');
      expectNoTimersLeft();
    }),
  );

  it(
    'never emits while too few have ended',
    marbles(({ cold, expectObservable }) => {
      expectObservable(gatherQuorum({ a: cold('-a|'), b: NEVER, c: cold('-c-') }, two)).toBe('-');
    }),
  );

  it(
    'unsubscribes all branches and clears its timer',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const [a, b] = [cold('-----a|'), cold('------b|')];
      expectObservable(gatherQuorum({ a, b }, { ...two, within: '1h' }), '^--!').toBe('---');
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it('emits once, also when its answer makes another branch end', () => {
    const [a, b] = [new Subject<string>(), new Subject<string>()];
    const results: object[] = [];
    gatherQuorum({ a, b }, { atLeast: 1 }).subscribe((result) => {
      results.push(result);
      b.next('b');
      b.complete();
    });
    a.next('a');
    a.complete();
    expect(results).to.deep.equal([{ a: 'a' }]);
  });

  it(
    'subscribes anew for each subscriber, and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('-(a|)');
      const result = gatherQuorum({ a, never: NEVER }, { atLeast: 1 });
      const values = { g: { a: 'a' } };
      expectObservable(result).toBe('  -(g|)', values);
      expectObservable(result, '-^').toBe('--(g|)', values);
      expectObservable(concat(result, result)).toBe('-g(g|)', values);
      expectSubscriptions(a.subscriptions).toBe(['^!', '^!', '-^!', '-^!']);
    }),
  );

  it('refuses options out of their range, by name', () => {
    expect(() => gatherQuorum({ a: NEVER }, { atLeast: 0 })).to.throw(RangeError, 'atLeast');
    expect(() => gatherQuorum({ a: NEVER }, two)).to.throw(
      RangeError,
      'atLeast: expected at most the 1 branches, got 2',
    );
    expect(() => gatherQuorum({ a: NEVER }, { atLeast: 1, within: -1 })).to.throw(RangeError);
    const misspelt = { atLeast: 1, witin: '1s' };
    expect(() => gatherQuorum({ a: NEVER }, misspelt)).to.throw(
      RangeError,
      'gatherQuorum: no option "witin", only within, atLeast',
    );
  });

  it('answers with the quickest that succeed, or fails when that is certain, and ends every branch', () => {
    const job = fc.record({ takesMs: fc.nat({ max: 9 }), fails: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(job, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.nat({ max: 12 }),
        (jobs, pick, within) => {
          const atLeast = 1 + (pick % jobs.length);
          let open = 0;
          let outcome: unknown;
          let endedAt = -1;
          marbles(({ scheduler, flush, expectNoTimersLeft, subscribe }) => {
            const branches = jobs.map(({ takesMs, fails }) =>
              new Observable<unknown>((sink) => {
                open++;
                const end = fails ? throwError(() => down) : of('answer');
                return concat(timer(takesMs).pipe(ignoreElements()), end).subscribe(sink);
              }).pipe(finalize(() => open--)),
            );
            const result = gatherQuorum(Object.fromEntries(branches.entries()), { atLeast, within });
            const note = (value: unknown): void => {
              outcome = value;
              endedAt = scheduler.now();
            };
            subscribe(result);
            result.subscribe({ next: (value) => note(Object.keys(value).length), error: () => note('failed') });
            expectNoTimersLeft();
            flush();
          })();
          const inTime = jobs.filter(({ takesMs }) => takesMs <= within);
          const sorted = (fails: boolean): number[] =>
            inTime.flatMap((one) => (one.fails === fails ? [one.takesMs] : [])).toSorted((one, other) => one - other);
          const answeredAt = sorted(false)[atLeast - 1];
          const hopelessAt = sorted(true)[jobs.length - atLeast];
          expect(open).to.equal(0);
          expect([outcome, endedAt]).to.deep.equal(
            answeredAt === undefined ? ['failed', hopelessAt ?? within] : [atLeast, answeredAt],
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

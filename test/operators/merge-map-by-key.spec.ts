import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, finalize, from, NEVER, type Observable, of, range, Subject, tap, timer } from 'rxjs';
import sinon from 'sinon';
import { mergeMapByKey } from '../../src/operators/merge-map-by-key.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

/** The values of these tests are letters; upper and lower case are the same key. */
const letter = (value: string): string => value.toLowerCase();
const many = { concurrency: 10 };

describe('mergeMapByKey', () => {
  it(
    'runs one key in order and different keys side by side',
    documented('merge-map-by-key', ({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('                           aAb------|');
      const a = cold('                               ----x|    ');
      const A = cold('                                    --y| ');
      const b = cold('                                 -z|     ');
      const expected = '                             ---zx--y-|';
      const inners: Record<string, Observable<string>> = { a, A, b };

      expectObservable(source.pipe(mergeMapByKey(letter, (name) => inners[name] ?? NEVER, many))).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe('    ^----!    ');
      expectSubscriptions(b.subscriptions).toBe('    --^-!     ');
      expectSubscriptions(A.subscriptions).toBe('    -----^--! ');
    }),
  );

  it(
    'keeps no other key waiting behind a busy one, and no slot for a value whose key is busy',
    marbles(({ cold, expectObservable }) => {
      const inners: Record<string, Observable<string>> = { a: NEVER, A: cold('-y|'), b: cold('-z|') };
      expectObservable(
        cold('aAAAb').pipe(mergeMapByKey(letter, (name) => inners[name] ?? NEVER, { concurrency: 2 })),
      ).toBe('-----z');
    }),
  );

  it(
    'runs at most so many at once over all keys; what gets ready queues in turn',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('     (aAbc|)       ');
      const inner = cold('     --x|          ');
      const expected = '       --x--x--x--x|';

      expectObservable(source.pipe(mergeMapByKey(letter, () => inner, { concurrency: 1 }))).toBe(expected);
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '---^--!', '------^--!', '---------^--!']);
    }),
  );

  it(
    'starts the next of a key behind the keys that waited before it',
    marbles(({ cold, flush }) => {
      const started: string[] = [];
      const project = (name: string): Observable<string> =>
        defer(() => {
          started.push(name);
          return cold<string>('--|');
        });
      cold('(aAbc|)')
        .pipe(mergeMapByKey(letter, project, { concurrency: 1 }))
        .subscribe();
      flush();
      expect(started).to.deep.equal(['a', 'b', 'c', 'A']);
    }),
  );

  it(
    'completes with an empty source, at once',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('--|').pipe(mergeMapByKey(letter, () => NEVER, many))).toBe('--|');
    }),
  );

  it(
    'goes on for as long as the source or an inner does',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a---').pipe(mergeMapByKey(letter, (value) => of(value), many))).toBe('-a---');
      expectObservable(cold('-a-|').pipe(mergeMapByKey(letter, () => NEVER, many))).toBe('----');
      expectObservable(cold('(aA|)').pipe(mergeMapByKey(letter, () => cold('---|'), many))).toBe('------|');
    }),
  );

  it(
    'fails with the source, with an inner, with the projection and with the key, and ends all inners',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const thrown = new TypeError('thrown');
      const throwing = (): never => {
        throw thrown;
      };
      const other = cold('------|');
      const besideOther =
        (failing: () => Observable<string>) =>
        (name: string): Observable<string> =>
          name === 'b' ? other : failing();

      expectObservable(cold('b--#').pipe(mergeMapByKey(letter, besideOther(throwing), many))).toBe('---#');
      expectObservable(
        cold('ba--').pipe(
          mergeMapByKey(
            letter,
            besideOther(() => cold('--#')),
            many,
          ),
        ),
      ).toBe('---#');
      expectObservable(cold('b--a').pipe(mergeMapByKey(letter, besideOther(throwing), many))).toBe(
        '---#',
        undefined,
        thrown,
      );
      expectObservable(
        cold('b--a').pipe(mergeMapByKey((name) => (name === 'a' ? throwing() : name), besideOther(throwing), many)),
      ).toBe('---#', undefined, thrown);
      expectSubscriptions(other.subscriptions).toBe(['^--!', '^--!', '^--!', '^--!']);
    }),
  );

  it(
    'unsubscribes source and inners, and forgets what waits',
    marbles(({ cold, hot, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = hot('aAbB-----|');
      const inner = cold('----x|');
      expectObservable(source.pipe(mergeMapByKey(letter, () => inner, many)), '^--!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '--^!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'keeps the state of each subscriber apart, and can be subscribed to again',
    marbles(({ cold, expectObservable }) => {
      const result = cold('(aA|)').pipe(mergeMapByKey(letter, (value) => cold(`--${value}|`), many));
      expectObservable(result).toBe('   --a--A|');
      expectObservable(result, '-^').toBe('---a--A|');
      expectObservable(concat(result, result)).toBe('--a--A--a--A|');
    }),
  );

  it('takes a value fed back by its own inner, behind it', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    const project = (value: number): Observable<number> =>
      of(value).pipe(tap(() => value < 1_000 && source.next(value + 1)));
    source.pipe(mergeMapByKey(() => 'one', project, many)).subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal(Array.from({ length: 1_000 }, (_, index) => index + 1));
  });

  it(
    'compares keys as a Map does',
    marbles(({ cold, expectObservable }) => {
      const inner = cold('--(x|)');
      expectObservable(
        cold('(ab|)').pipe(
          mergeMapByKey(
            () => Number.NaN,
            () => inner,
            many,
          ),
        ),
      ).toBe('--x-(x|)');
      expectObservable(
        cold('(ab|)').pipe(
          mergeMapByKey(
            () => ({}),
            () => inner,
            many,
          ),
        ),
      ).toBe('      --(xx|)');
    }),
  );

  it('keeps a thousand keys that are through at most, and those that are busy whatever becomes of others', () => {
    const set = sinon.spy(Map.prototype, 'set');
    try {
      const source = new Subject<string>();
      const gate = new Subject<string>();
      const started: string[] = [];
      const project = (name: string): Observable<string> => {
        started.push(name);
        return name === 'a' ? gate : of(name);
      };
      source.pipe(mergeMapByKey(letter, project, many)).subscribe();
      for (const name of 'aA') source.next(name);
      for (let n = 0; n < 2_500; n++) source.next(`key ${n}`);
      const keys = set.getCalls().findLast(({ args }) => args[0] === 'key 2499')?.thisValue as Map<string, unknown>;
      expect(keys).to.include.keys('a', 'key 2499').and.not.include.keys('key 0');
      expect(keys.size).to.be.at.most(1_001);
      expect(started).to.include('a').and.not.include('A');
      gate.complete();
      expect(started.at(-1)).to.equal('A');
    } finally {
      set.restore();
    }
  });

  it('keeps the order of a key that comes again after it was through', () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    const gates = new Map<string, Subject<string>>();
    const project = (name: string): Observable<string> => {
      seen.push(name);
      const gate = new Subject<string>();
      gates.set(name, gate);
      return gate;
    };
    source.pipe(mergeMapByKey(letter, project, many)).subscribe();
    source.next('a');
    gates.get('a')?.complete();
    for (const name of 'bAa') source.next(name);
    expect(seen.join('')).to.equal('abA');
    gates.get('A')?.complete();
    expect(seen.join('')).to.equal('abAa');
  });

  for (const keys of [1, 7, 100_000]) {
    it(`runs 100 000 waiting values of ${keys} keys whose inners end at once, in constant stack`, () => {
      const gate = new Subject<number>();
      const seen: number[] = [];
      let isComplete = false;
      range(0, 100_001)
        .pipe(
          mergeMapByKey(
            (value) => value % keys,
            (value): Observable<number> => (value === 0 ? gate : of(value)),
            { concurrency: 1 },
          ),
        )
        .subscribe({
          next: (value) => seen.push(value),
          complete: () => {
            isComplete = true;
          },
        });
      gate.complete();
      expect(isComplete).to.equal(true);
      expect(new Set(seen).size).to.equal(100_000);
    });
  }

  it('refuses a concurrency that is none', () => {
    expect(() => mergeMapByKey(letter, () => NEVER, { concurrency: 0 })).to.throw(
      RangeError,
      'concurrency: expected an integer of at least 1, got 0',
    );
  });

  it('keeps the order of each key, the bound over all keys, and ends every inner', () => {
    const job = fc.record({ key: fc.constantFrom('x', 'y', 'z'), takesMs: fc.nat({ max: 5 }), isSync: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(job, { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.option(fc.nat({ max: 40 }), { nil: undefined }),
        (jobs, concurrency, unsubscribeAt) => {
          const open: string[] = [];
          const done: number[] = [];
          let most = 0;
          const run = (index: number): Observable<unknown> =>
            defer(() => {
              const { key = '', takesMs = 0, isSync = false } = jobs[index] ?? {};
              expect(open).not.to.include(key);
              most = Math.max(most, open.push(key));
              return (isSync ? of(0) : timer(takesMs)).pipe(
                tap(() => done.push(index)),
                finalize(() => open.splice(open.indexOf(key), 1)),
              );
            });
          marbles(({ expectNoTimersLeft, subscribe }) => {
            const result = from(jobs.keys()).pipe(mergeMapByKey((index) => jobs[index]?.key, run, { concurrency }));
            subscribe(result, unsubscribeAt === undefined ? '^' : `^${'-'.repeat(unsubscribeAt)}!`);
            expectNoTimersLeft();
          })();
          expect(most).to.be.at.most(concurrency);
          expect(open).to.deep.equal([]);
          for (const key of ['x', 'y', 'z']) {
            const ofKey = done.filter((index) => jobs[index]?.key === key);
            expect(ofKey).to.deep.equal(ofKey.toSorted((one, other) => one - other));
          }
          if (unsubscribeAt === undefined) expect(done).to.have.length(jobs.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

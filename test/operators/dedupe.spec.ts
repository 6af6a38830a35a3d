import { expect } from 'chai';
import fc from 'fast-check';
import { concat, type MonoTypeOperatorFunction, NEVER, Observable, Subject, tap } from 'rxjs';
import { type DedupeOptions, dedupeBy } from '../../src/operators/dedupe.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

/** The values of these tests are letters; upper and lower case are the same key. */
const letter = (value: string): string => value.toLowerCase();
const dedupe = (options: DedupeOptions<string>): MonoTypeOperatorFunction<string> => dedupeBy(letter, options);

describe('dedupeBy', () => {
  it(
    'mirrors the source without the values whose key was passed on a while ago',
    documented('dedupe', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('  a-A-b-a--A-|');
      const expected = '     a---b----A-|';

      expectObservable(source.pipe(dedupe({ ttl: 7 }))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('^----------!');
      expectNoTimersLeft();
    }),
  );

  it(
    'counts from the value that was passed on, not from its repeats',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('aaaaaaaa|').pipe(dedupe({ ttl: 3 }))).toBe('a--a--a-|');
    }),
  );

  it(
    'lets rather a repeat pass than forget the bound on its memory',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('abcabc|').pipe(dedupe({ ttl: '1h', maxKeys: 2 }))).toBe('abcabc|');
      expectObservable(cold('abcabc|').pipe(dedupe({ ttl: '1h', maxKeys: 3 }))).toBe('abc---|');
    }),
  );

  it(
    'hands each repeat to its listener',
    marbles(({ cold, expectObservable, flush }) => {
      const repeats: string[] = [];
      expectObservable(cold('aAbBc|').pipe(dedupe({ ttl: '1m', onRepeat: (value) => repeats.push(value) }))).toBe(
        'a-b-c|',
      );
      flush();
      expect(repeats).to.deep.equal(['A', 'B']);
    }),
  );

  it(
    'passes empty, endless and failing sources',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('--|').pipe(dedupe({ ttl: 1 }))).toBe('--|');
      expectObservable(NEVER.pipe(dedupe({ ttl: 1 }))).toBe('-');
      expectObservable(cold('a-#', undefined, 'down').pipe(dedupe({ ttl: 1 }))).toBe('a-#', undefined, 'down');
    }),
  );

  it(
    'unsubscribes the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-b-c');
      expectObservable(source.pipe(dedupe({ ttl: 1 })), '^--!').toBe('a-b-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }),
  );

  it(
    'fails with what the key or the listener throws, and ends the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const thrown = new TypeError('thrown');
      const throwing = (): never => {
        throw thrown;
      };
      const source = cold('-a-a-');
      expectObservable(source.pipe(dedupeBy(throwing, { ttl: 9 }))).toBe('-#', undefined, thrown);
      expectObservable(source.pipe(dedupe({ ttl: 9, onRepeat: throwing }))).toBe('-a-#', undefined, thrown);
      expectSubscriptions(source.subscriptions).toBe(['^!', '^--!']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    source
      .pipe(
        dedupe({ ttl: '1h' }),
        tap((value) => {
          seen.push(value);
          source.next(value);
          if (value === 'a') source.next('b');
        }),
      )
      .subscribe();
    source.next('a');
    expect(seen).to.deep.equal(['a', 'b']);
  });

  it(
    'remembers for each subscription alone',
    marbles(({ cold, expectObservable }) => {
      const result = cold('aA|').pipe(dedupe({ ttl: '1h' }));
      expectObservable(result).toBe('a-|');
      expectObservable(result, '-^').toBe('-a-|');
      expectObservable(concat(result, result)).toBe('a-a-|');
    }),
  );

  it('passes what subscribing throws', () => {
    const thrown = new TypeError('thrown');
    const failures: unknown[] = [];
    new Observable<string>(() => {
      throw thrown;
    })
      .pipe(dedupe({ ttl: 1 }))
      .subscribe({ error: (failure) => failures.push(failure) });
    expect(failures).to.deep.equal([thrown]);
  });

  it('refuses options out of their range, by name', () => {
    expect(() => dedupe({ ttl: -1 })).to.throw(RangeError, 'ttl: expected');
    expect(() => dedupe({ ttl: 1, maxKeys: 0 })).to.throw(
      RangeError,
      'maxKeys: expected an integer of at least 1, got 0',
    );
  });

  it('never passes a key twice within its time, and loses no key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: fc.nat({ max: 4 }), at: fc.nat({ max: 30 }) }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 12 }),
        (values, ttl) => {
          const passed: { key: number; at: number }[] = [];
          const inOrder = values.toSorted((one, other) => one.at - other.at);
          marbles(({ scheduler, flush }) => {
            const source = new Subject<{ key: number; at: number }>();
            source.pipe(dedupeBy(({ key }) => key, { ttl })).subscribe((value) => passed.push(value));
            for (const value of inOrder) scheduler.schedule(() => source.next(value), value.at);
            flush();
          })();
          for (const [index, { key, at }] of passed.entries()) {
            const next = passed.slice(index + 1).find((later) => later.key === key);
            if (next !== undefined) expect(next.at - at).to.be.at.least(ttl);
          }
          for (const { key, at } of values)
            expect(passed.some((one) => one.key === key && one.at <= at && at - one.at < ttl)).to.equal(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { concat, finalize, NEVER, Observable, of, range, Subject, tap, timer } from 'rxjs';
import { TimeoutExceededError } from '../../src/errors.ts';
import { timeoutWithin } from '../../src/operators/timeout-within.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

describe('timeoutWithin', () => {
  it(
    'mirrors the source until it ends, and fails when it has not ended in time',
    documented('timeout-within', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('  -a--b--c-|');
      const expected = '     -a--b-#   ';

      expectObservable(source.pipe(timeoutWithin(6))).toBe(expected, undefined, new TimeoutExceededError(6));
      expectSubscriptions(source.subscriptions).toBe('^-----!');
      expectNoTimersLeft();
    }),
  );

  it(
    'passes a source that ends in time, empty ones too, and clears its timer',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(cold('-a-b|').pipe(timeoutWithin('1h'))).toBe('-a-b|');
      expectObservable(cold('--|').pipe(timeoutWithin('1h'))).toBe('--|');
      expectObservable(of('a').pipe(timeoutWithin(0))).toBe('(a|)');
      expectNoTimersLeft();
    }),
  );

  it(
    'bounds the whole, however often the source emits',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('aaaaaaaa').pipe(timeoutWithin(4))).toBe(
        'aaaa(a#)',
        undefined,
        new TimeoutExceededError(4),
      );
    }),
  );

  it(
    'fails a source that never ends',
    marbles(({ expectObservable }) => {
      expectObservable(NEVER.pipe(timeoutWithin('2s'))).toBe('2s #', undefined, new TimeoutExceededError(2_000));
      expectObservable(NEVER.pipe(timeoutWithin(0))).toBe('#', undefined, new TimeoutExceededError(0));
    }),
  );

  it(
    'takes what comes exactly at the limit',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('---(a|)').pipe(timeoutWithin(3))).toBe('---(a|)');
    }),
  );

  it(
    'passes a failure unchanged and clears its timer',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(cold('-#', undefined, 'down').pipe(timeoutWithin(9))).toBe('-#', undefined, 'down');
      expectNoTimersLeft();
    }),
  );

  it(
    'unsubscribes the source and clears its timer when unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-a---');
      expectObservable(source.pipe(timeoutWithin('1h')), '^--!').toBe('-a--');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'has torn the source down before the failure is passed on',
    marbles(({ flush }) => {
      const seen: string[] = [];
      NEVER.pipe(
        finalize(() => seen.push('freed')),
        timeoutWithin(2),
      ).subscribe({ error: () => seen.push('failed') });
      flush();
      expect(seen).to.deep.equal(['freed', 'failed']);
    }),
  );

  it(
    'fails with what subscribing or the teardown throws',
    marbles(({ expectObservable, flush }) => {
      const thrown = new TypeError('thrown');
      const throwing = new Observable(() => {
        throw thrown;
      });
      const failures: unknown[] = [];
      const broken = new Observable(() => () => {
        throw thrown;
      });
      expectObservable(throwing.pipe(timeoutWithin(5))).toBe('#', undefined, thrown);
      broken.pipe(timeoutWithin(5)).subscribe({ error: (failure) => failures.push(failure) });
      flush();
      expect(failures).to.have.length(1);
      expect(failures[0]).to.have.property('name', 'UnsubscriptionError');
    }),
  );

  it('lets a value feed or end its own source', () => {
    const source = new Subject<number>();
    const seen: unknown[] = [];
    source
      .pipe(
        timeoutWithin('1h'),
        tap((value) => (value < 3 ? source.next(value + 1) : source.complete())),
      )
      .subscribe({ next: (value) => seen.push(value), complete: () => seen.push('done') });
    source.next(1);
    expect(seen).to.deep.equal(['done']);
  });

  it(
    'counts for each subscriber from its own subscription, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a---');
      const result = source.pipe(timeoutWithin(3));
      expectObservable(result).toBe('-a-#', undefined, new TimeoutExceededError(3));
      expectObservable(result, '--^').toBe('---a-#', undefined, new TimeoutExceededError(3));
      expectSubscriptions(source.subscriptions).toBe(['^--!', '--^--!']);
    }),
  );

  it('refuses what is no duration, by name', () => {
    expect(() => timeoutWithin('5 parsecs' as '5s')).to.throw(RangeError, /^within: expected .* got '5 parsecs'$/);
    expect(() => timeoutWithin(-1)).to.throw(RangeError, 'within');
    expect(() => timeoutWithin('25d')).to.throw(
      RangeError,
      'within: expected at most 2147483647 ms, got 2160000000 ms',
    );
  });

  it('never lives longer than its time, and never cuts what is shorter', () => {
    fc.assert(
      fc.property(fc.nat({ max: 50 }), fc.nat({ max: 50 }), fc.nat({ max: 5 }), (takesMs, withinMs, drips) => {
        marbles(({ expectNoTimersLeft, flush, scheduler, subscribe }) => {
          let freedAt: number | undefined;
          const source = concat(range(0, drips), timer(takesMs)).pipe(
            finalize(() => {
              freedAt = scheduler.frame;
            }),
          );
          subscribe(source.pipe(timeoutWithin(withinMs)));
          expectNoTimersLeft();
          flush();
          expect(freedAt).to.equal(Math.min(takesMs, withinMs));
        })();
      }),
      { numRuns: 200 },
    );
  });
});

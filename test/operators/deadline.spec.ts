import { expect } from 'chai';
import fc from 'fast-check';
import { concat, finalize, NEVER, Observable, of, Subject, tap, timer } from 'rxjs';
import { DeadlineExceededError, isTransient } from '../../src/errors.ts';
import { withDeadline } from '../../src/operators/deadline.ts';
import { MAX_TIMER_MS } from '../../src/policies/duration.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

describe('withDeadline', () => {
  it(
    'mirrors the source until it ends, and fails at the deadline when it has not ended by then',
    documented('deadline', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('     -a--b--|    ');
      const early = '           ^           ';
      const late = '            ----^       ';
      const expected = '        -a--b--|    ';
      const expectedLate = '    -----a--b#  ';

      const result = source.pipe(withDeadline(9));

      expectObservable(result, early).toBe(expected);
      expectObservable(result, late).toBe(expectedLate, undefined, new DeadlineExceededError(9));
      expectSubscriptions(source.subscriptions).toBe(['^------!', '----^----!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'does not subscribe at or after the deadline',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a|');
      const result = source.pipe(withDeadline(3));
      expectObservable(result, '---^').toBe('---#', undefined, new DeadlineExceededError(3));
      expectObservable(result, '----^').toBe('----#', undefined, new DeadlineExceededError(3));
      expectObservable(source.pipe(withDeadline(-1))).toBe('#', undefined, new DeadlineExceededError(-1));
      expectSubscriptions(source.subscriptions).toBe([]);
    }),
  );

  it('is permanent: what retries must not go on', () => {
    expect(isTransient(new DeadlineExceededError(1))).to.equal(false);
  });

  it(
    'passes empty sources and failures, and clears its timer',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(cold('--|').pipe(withDeadline(99))).toBe('--|');
      expectObservable(cold('-#', undefined, 'down').pipe(withDeadline(99))).toBe('-#', undefined, 'down');
      expectObservable(of('a').pipe(withDeadline(99))).toBe('(a|)');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes what comes exactly at the deadline',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('---(a|)').pipe(withDeadline(3))).toBe('---(a|)');
    }),
  );

  it(
    'has none for Infinity',
    marbles(({ cold, expectObservable, expectNoTimersLeft, scheduler }) => {
      expectObservable(cold('-a|').pipe(withDeadline(Number.POSITIVE_INFINITY))).toBe('-a|');
      expectObservable(NEVER.pipe(withDeadline(Number.POSITIVE_INFINITY)), '^--!').toBe('----');
      expectNoTimersLeft();
      const due = scheduler.actions.length;
      NEVER.pipe(withDeadline(Number.POSITIVE_INFINITY)).subscribe();
      expect(scheduler.actions).to.have.length(due);
    }),
  );

  it(
    'waits for a deadline beyond the longest timer',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      const at = 2 * MAX_TIMER_MS + 5;
      expectObservable(NEVER.pipe(withDeadline(at))).toBe(`${at}ms #`, undefined, new DeadlineExceededError(at));
      expectNoTimersLeft();
    }),
  );

  it(
    'unsubscribes the source and clears its timer when unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-a---');
      expectObservable(source.pipe(withDeadline(3_600_000)), '^--!').toBe('-a--');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'has torn the source down before the failure is passed on, and fails with what that throws',
    marbles(({ flush }) => {
      const seen: unknown[] = [];
      NEVER.pipe(
        finalize(() => seen.push('freed')),
        withDeadline(2),
      ).subscribe({ error: () => seen.push('failed') });
      new Observable(() => () => {
        throw new TypeError('teardown');
      })
        .pipe(withDeadline(3))
        .subscribe({ error: (failure: Error) => seen.push(failure.name) });
      flush();
      expect(seen).to.deep.equal(['freed', 'failed', 'UnsubscriptionError']);
    }),
  );

  it(
    'passes what subscribing throws',
    marbles(({ expectObservable }) => {
      const thrown = new TypeError('thrown');
      const throwing = new Observable(() => {
        throw thrown;
      });
      expectObservable(throwing.pipe(withDeadline(5))).toBe('#', undefined, thrown);
    }),
  );

  it('lets a value end its own source', () => {
    const source = new Subject<number>();
    const seen: unknown[] = [];
    source
      .pipe(
        withDeadline(Date.now() + 60_000),
        tap(() => source.complete()),
      )
      .subscribe({ next: (value) => seen.push(value), complete: () => seen.push('done') });
    source.next(1);
    expect(seen).to.deep.equal(['done']);
  });

  it(
    'ends subscriptions of any age at the same moment, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a---');
      const result = source.pipe(withDeadline(5));
      const failure = new DeadlineExceededError(5);
      expectObservable(result).toBe('--a--#', undefined, failure);
      expectObservable(result, '--^').toBe('----a#', undefined, failure);
      expectObservable(concat(result, result), '----^').toBe('-----#', undefined, failure);
      expectSubscriptions(source.subscriptions).toBe(['^----!', '--^--!', '----^!']);
    }),
  );

  it('refuses what is no moment', () => {
    expect(() => withDeadline(Number.NaN)).to.throw(RangeError, 'at: expected a moment in milliseconds, got NaN');
    expect(() => withDeadline('5s' as never)).to.throw(RangeError, 'at: expected a moment in milliseconds, got 5s');
  });

  it('never runs past the deadline, and never cuts what is done before', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.nat({ max: 30 }), fc.nat({ max: 40 }), (beginsAt, takesMs, deadlineAt) => {
        marbles(({ expectNoTimersLeft, flush, scheduler, subscribe }) => {
          let freedAt: number | undefined;
          const source = timer(takesMs).pipe(
            finalize(() => {
              freedAt = scheduler.frame;
            }),
          );
          subscribe(source.pipe(withDeadline(deadlineAt)), `${'-'.repeat(beginsAt)}^`);
          expectNoTimersLeft();
          flush();
          expect(freedAt).to.equal(beginsAt >= deadlineAt ? undefined : Math.min(beginsAt + takesMs, deadlineAt));
        })();
      }),
      { numRuns: 200 },
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { catchError, defer, finalize, NEVER, Observable, Subject, take, tap, throwError, timer } from 'rxjs';
import { PermanentError, RetryExhaustedError, TimeoutExceededError, TransientError } from '../../src/errors.ts';
import { type RetryWithBackoffOptions, retryWithBackoff } from '../../src/operators/retry-with-backoff.ts';
import { MAX_TIMER_MS } from '../../src/policies/duration.ts';
import { createRetryBudget } from '../../src/policies/retry-budget.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const down = new TransientError('down');
const gone = new PermanentError('gone');
const exhausted = (attempts: number, because?: string): RetryExhaustedError =>
  new RetryExhaustedError(attempts, { cause: down, ...(because === undefined ? {} : { because }) });
const noTime = 'no time is left for another';
const noBudget = 'the retry budget is empty';
const twice = (attempt: number): number => 2 * attempt;
const options: RetryWithBackoffOptions = { maxAttempts: 3, backoff: twice };

describe('retryWithBackoff', () => {
  it(
    'subscribes again after each pause, then gives up',
    documented('retry-with-backoff', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-#        ', undefined, down);
      const attempts = [
        '                   ^!        ',
        '                   ---^!     ',
        '                   --------^!',
      ];
      const expected = '    ---------#';

      const result = source.pipe(retryWithBackoff(options));

      expectObservable(result).toBe(expected, undefined, exhausted(3));
      expectSubscriptions(source.subscriptions).toBe(attempts);
      expectNoTimersLeft();
    }),
  );

  it(
    'passes on the attempt that succeeds, and the values of those before it',
    marbles(({ cold, expectObservable }) => {
      const attempts = [cold('-a-#', undefined, down), cold('-b-(c|)')];
      const result = defer(() => attempts.shift() ?? NEVER).pipe(retryWithBackoff(options));
      expectObservable(result).toBe('-a----b-(c|)');
    }),
  );

  it(
    'passes an empty source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--|');
      expectObservable(source.pipe(retryWithBackoff(options))).toBe('--|');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'passes a source that never ends',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a--');
      expectObservable(source.pipe(retryWithBackoff(options))).toBe('-a--');
      expectSubscriptions(source.subscriptions).toBe('^---');
    }),
  );

  it(
    'passes a permanent cause unchanged, at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-#', undefined, gone);
      expectObservable(source.pipe(retryWithBackoff(options))).toBe('-#', undefined, gone);
      expectSubscriptions(source.subscriptions).toBe('^!');
    }),
  );

  it(
    'passes a permanent cause of a later attempt unchanged',
    marbles(({ cold, expectObservable }) => {
      const attempts = [cold('-#', undefined, down), cold('-#', undefined, gone)];
      const result = defer(() => attempts.shift() ?? NEVER).pipe(retryWithBackoff(options));
      expectObservable(result).toBe('----#', undefined, gone);
    }),
  );

  it(
    'takes whatever is no error of ours for permanent, unless told otherwise',
    marbles(({ cold, expectObservable }) => {
      const source = cold('-#', undefined, 'oops');
      expectObservable(source.pipe(retryWithBackoff(options))).toBe('-#', undefined, 'oops');
      expectObservable(source.pipe(retryWithBackoff({ ...options, isTransient: (cause) => cause === 'oops' }))).toBe(
        '---------#',
        undefined,
        new RetryExhaustedError(3, { cause: 'oops' }),
      );
    }),
  );

  it(
    'passes the only attempt of one unchanged',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-#', undefined, down);
      expectObservable(source.pipe(retryWithBackoff({ ...options, maxAttempts: 1 }))).toBe('-#', undefined, down);
      expectSubscriptions(source.subscriptions).toBe('^!');
    }),
  );

  it(
    'clears its timer when unsubscribed during a pause',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-#', undefined, down);
      expectObservable(source.pipe(retryWithBackoff({ ...options, backoff: () => 1_000 })), '^--!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^!');
      expectNoTimersLeft();
    }),
  );

  it(
    'unsubscribes the attempt that runs',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempts = [cold('-#', undefined, down), cold('----|')];
      const [, second] = attempts;
      expectObservable(defer(() => attempts.shift() ?? NEVER).pipe(retryWithBackoff(options)), '^----!').toBe('-----');
      expectSubscriptions(second?.subscriptions ?? []).toBe('---^-!');
    }),
  );

  it(
    'gives up at once when the pause would end at the deadline',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-#   ', undefined, down);
      const attempts = ['  ^!   ', '  ---^!'];
      // Attempt 2 fails at 4; its pause of 4 would end at 8.
      expectObservable(source.pipe(retryWithBackoff({ ...options, deadlineAt: 8 }))).toBe(
        '----#',
        undefined,
        exhausted(2, noTime),
      );
      expectSubscriptions(source.subscriptions).toBe(attempts);
      expectNoTimersLeft();
    }),
  );

  it(
    'tries once more when the pause ends before the deadline',
    marbles(({ cold, expectObservable }) => {
      const source = cold('-#', undefined, down);
      expectObservable(source.pipe(retryWithBackoff({ ...options, deadlineAt: 9 }))).toBe(
        '---------#',
        undefined,
        exhausted(3),
      );
    }),
  );

  it(
    'hands the backoff the attempt, its cause and the last pause, and reports each retry',
    marbles(({ cold, expectObservable, flush }) => {
      const asked: unknown[] = [];
      const reported: unknown[] = [];
      const backoff = (...args: unknown[]): number => asked.push(args) * 3;
      expectObservable(
        cold('-#', undefined, down).pipe(
          retryWithBackoff({ maxAttempts: 3, backoff, onRetry: (...args) => reported.push(args) }),
        ),
      ).toBe('------------#', undefined, exhausted(3));
      flush();
      expect(asked).to.deep.equal([
        [1, down, 0],
        [2, down, 3],
      ]);
      expect(reported).to.deep.equal([
        [1, 3, down],
        [2, 6, down],
      ]);
    }),
  );

  for (const option of ['backoff', 'isTransient', 'onRetry'] as const) {
    it(
      `fails with what ${option} throws`,
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const thrown = new TypeError(option);
        const source = cold('-#', undefined, down);
        const throwing = {
          ...options,
          [option]: () => {
            throw thrown;
          },
        };
        expectObservable(source.pipe(retryWithBackoff(throwing))).toBe('-#', undefined, thrown);
        expectSubscriptions(source.subscriptions).toBe('^!');
      }),
    );
  }

  it(
    'fails with what a teardown throws',
    marbles(({ flush, subscribe }) => {
      const failing = new Observable((sink) => {
        timer(1).subscribe(() => sink.error(down));
        return () => {
          throw new Error('teardown');
        };
      });
      let failure: unknown;
      subscribe(
        failing.pipe(
          retryWithBackoff(options),
          tap({
            error: (error) => {
              failure = error;
            },
          }),
          take(1),
        ),
        '^--!',
      );
      flush();
      expect(failure).to.have.property('name', 'UnsubscriptionError');
    }),
  );

  for (const pause of [Number.NaN, -1]) {
    it(
      `fails when the backoff gives ${pause}`,
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-#', undefined, down).pipe(retryWithBackoff({ ...options, backoff: () => pause }))).toBe(
          '-#',
          undefined,
          new RangeError(`backoff: expected milliseconds of at least 0, got ${pause}`),
        );
      }),
    );
  }

  it('cuts a pause to what a timer can hold', () => {
    const pauses: number[] = [];
    const subscription = throwError(() => down)
      .pipe(
        retryWithBackoff({
          ...options,
          backoff: () => Number.POSITIVE_INFINITY,
          onRetry: (_, delayMs) => pauses.push(delayMs),
        }),
      )
      .subscribe();
    subscription.unsubscribe();
    expect(pauses).to.deep.equal([MAX_TIMER_MS]);
  });

  it(
    'tears a failed attempt down before its pause begins',
    marbles(({ cold, flush }) => {
      const log: string[] = [];
      cold('-#', undefined, down)
        .pipe(
          finalize(() => log.push('torn down')),
          retryWithBackoff({ maxAttempts: 2, backoff: () => 1, onRetry: () => log.push('paused') }),
        )
        .subscribe({ error: () => log.push('failed') });
      flush();
      expect(log).to.deep.equal(['torn down', 'paused', 'torn down', 'failed']);
    }),
  );

  it(
    'never subscribes again in the same stack: 3 000 attempts that fail at once need no deep one',
    marbles(({ flush }) => {
      let subscriptions = 0;
      let isInside = false;
      let failure: unknown;
      const source = new Observable((sink) => {
        expect(isInside).to.equal(false);
        isInside = true;
        subscriptions++;
        sink.error(down);
        isInside = false;
      });
      source.pipe(retryWithBackoff({ maxAttempts: 3_000, backoff: () => 0 })).subscribe({
        error: (error) => {
          failure = error;
        },
      });
      flush();
      expect([subscriptions, failure instanceof RetryExhaustedError]).to.deep.equal([3_000, true]);
    }),
  );

  it(
    'counts attempts for each subscriber and each subscription anew',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -#        ', undefined, down);
      const attempts = [
        '                    ^!        ',
        '                    -^!       ',
        '                    ---^!     ',
        '                    ----^!    ',
      ];
      const result = source.pipe(retryWithBackoff({ maxAttempts: 2, backoff: twice }));
      expectObservable(result).toBe('      ----#', undefined, exhausted(2));
      expectObservable(result, '-^').toBe(' -----#', undefined, exhausted(2));
      expectSubscriptions(source.subscriptions).toBe(attempts);
    }),
  );

  it(
    'can be subscribed to again after it gave up',
    marbles(({ cold, expectObservable }) => {
      const result = cold('-#', undefined, down).pipe(retryWithBackoff({ maxAttempts: 2, backoff: twice }));
      expectObservable(result.pipe(catchError(() => result))).toBe('--------#', undefined, exhausted(2));
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    source
      .pipe(
        retryWithBackoff(options),
        tap((value) => value < 3 && source.next(value + 1)),
      )
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  it(
    'cuts an attempt that takes longer than its time, and tries again',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const attempts = [cold('-a----|'), cold('--b|')];
      const [late, inTime] = attempts;
      const result = defer(() => attempts.shift() ?? NEVER).pipe(retryWithBackoff({ ...options, attemptTimeout: 3 }));
      expectObservable(result).toBe('-a-----b|');
      expectSubscriptions(late?.subscriptions ?? []).toBe('  ^--!');
      expectSubscriptions(inTime?.subscriptions ?? []).toBe('-----^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'gives each attempt the same time, and gives up with its timeout',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-');
      const failure = new RetryExhaustedError(2, { cause: new TimeoutExceededError(3) });
      expectObservable(source.pipe(retryWithBackoff({ maxAttempts: 2, backoff: twice, attemptTimeout: '3ms' }))).toBe(
        '--------#',
        undefined,
        failure,
      );
      expectSubscriptions(source.subscriptions).toBe(['^--!', '-----^--!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'leaves no timer of an attempt that is unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('-a--');
      expectObservable(source.pipe(retryWithBackoff({ ...options, attemptTimeout: 100 })), '^--!').toBe('-a-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectNoTimersLeft();
    }),
  );

  it(
    'gives up at once when the budget holds no retry, and says so',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      // Two calls pay for one retry.
      const budget = createRetryBudget({ ratio: 0.5, minimumPerSecond: 0 });
      const retried: number[] = [];
      const result = cold('-#', undefined, down).pipe(
        retryWithBackoff({ ...options, budget, onRetry: (attempt) => retried.push(attempt) }),
      );
      const source = cold('-#', undefined, down);
      expectObservable(result).toBe('-#', undefined, exhausted(1, noBudget));
      expectObservable(source.pipe(retryWithBackoff({ ...options, budget })), '---^').toBe(
        '-------#',
        undefined,
        exhausted(2, noBudget),
      );
      expectSubscriptions(source.subscriptions).toBe(['---^!', '------^!']);
      expectNoTimersLeft();
      flush();
      expect(retried).to.deep.equal([]);
      expect(exhausted(1, noBudget).message).to.equal('gave up after 1 attempt, the retry budget is empty: down');
    }),
  );

  it(
    'takes nothing out of the budget for a retry that is not made',
    marbles(({ cold, expectObservable, flush }) => {
      const budget = createRetryBudget({ ratio: 1, minimumPerSecond: 0 });
      const paid = { ...options, budget };
      const permanent = cold('-#', undefined, gone).pipe(retryWithBackoff(paid));
      const late = cold('-#', undefined, down).pipe(retryWithBackoff({ ...paid, deadlineAt: 2 }));
      const only = cold('-#', undefined, down).pipe(retryWithBackoff({ ...paid, maxAttempts: 1 }));
      expectObservable(permanent).toBe('-#', undefined, gone);
      expectObservable(late).toBe('-#', undefined, exhausted(1, noTime));
      expectObservable(only).toBe('-#', undefined, down);
      flush();
      expect(budget.balance(1)).to.equal(3);
    }),
  );

  it(
    'asks whether a retry is free when it is about to be made, and then takes nothing',
    marbles(({ cold, expectObservable, flush }) => {
      const asked: unknown[] = [];
      const isFree = (cause: unknown): boolean => {
        asked.push(cause);
        return asked.length === 1;
      };
      // The first retry is free, and two calls pay for another.
      const budget = createRetryBudget({ ratio: 0.5, minimumPerSecond: 0 });
      const result = cold('-#', undefined, down).pipe(retryWithBackoff({ ...options, maxAttempts: 4, budget, isFree }));
      const late = cold('-#', undefined, down).pipe(retryWithBackoff({ ...options, budget, isFree, deadlineAt: 2 }));
      expectObservable(late).toBe('-#', undefined, exhausted(1, noTime));
      expectObservable(result, '---^').toBe('------------#', undefined, exhausted(3, noBudget));
      flush();
      expect(asked).to.deep.equal([down, down, down]);
    }),
  );

  it('never makes more retries than its calls and the reserve pay for, whatever fails (F34: total calls ≤ (1 + budget) × messages)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat({ max: 60 }), failures: fc.nat({ max: 4 }) }), { maxLength: 60 }),
        fc.integer({ min: 0, max: 10 }),
        (calls, tenths) => {
          const ratio = tenths / 10;
          const budget = createRetryBudget({ ratio, minimumPerSecond: 1 });
          let subscriptions = 0;
          marbles(({ expectNoTimersLeft, subscribe }) => {
            for (const { at, failures } of calls) {
              let left = failures;
              const source = defer(() => {
                subscriptions++;
                return timer(1).pipe(
                  tap(() => {
                    if (left-- > 0) throw down;
                  }),
                );
              });
              const retried = source.pipe(retryWithBackoff({ maxAttempts: 4, backoff: twice, budget }));
              subscribe(retried, `${'-'.repeat(at)}^`);
            }
            expectNoTimersLeft();
          })();
          expect(subscriptions).to.be.at.most(calls.length * (1 + ratio) + 10 + 1e-6);
        },
      ),
    );
  });

  it('refuses an attempt timeout that is none', () => {
    for (const attemptTimeout of [0, -1, Number.NaN, '5 parsecs' as '5s'])
      expect(() => retryWithBackoff({ ...options, attemptTimeout })).to.throw(RangeError, 'attemptTimeout: expected');
  });

  it('refuses fewer than one attempt', () => {
    for (const maxAttempts of [0, -1, 1.5, Number.NaN]) {
      expect(() => retryWithBackoff({ ...options, maxAttempts })).to.throw(
        RangeError,
        `maxAttempts: expected an integer of at least 1, got ${maxAttempts}`,
      );
    }
  });

  it('never subscribes more than maxAttempts times, and ends every subscription', () => {
    const outcome = fc.constantFrom('transient', 'permanent', 'value', 'never');
    fc.assert(
      fc.property(
        fc.array(outcome, { maxLength: 8 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 20 }),
        fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
        fc.integer({ min: 0, max: 80 }),
        (outcomes, maxAttempts, pauseMs, deadlineAt, unsubscribeAt) => {
          let subscriptions = 0;
          let open = 0;
          const source = new Observable<number>((sink) => {
            const kind = outcomes[subscriptions++] ?? 'transient';
            open++;
            const ends = timer(3).subscribe(() => {
              if (kind === 'value') sink.complete();
              else if (kind !== 'never') sink.error(kind === 'transient' ? down : gone);
            });
            return () => {
              ends.unsubscribe();
              open--;
            };
          });
          marbles(({ expectNoTimersLeft, subscribe }) => {
            const retried = source.pipe(retryWithBackoff({ maxAttempts, backoff: () => pauseMs, deadlineAt }));
            subscribe(retried, `^${'-'.repeat(unsubscribeAt)}!`);
            expectNoTimersLeft();
          })();
          expect(subscriptions).to.be.within(1, maxAttempts);
          expect(open).to.equal(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

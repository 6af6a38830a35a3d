/**
 * Retry: resubscribe to a failed source after a growing pause.
 * A native Subscriber, because this stands around every call: until something fails it only passes on, and nothing is allocated.
 * How long the pauses are, a `Backoff` says; which causes are worth another attempt, `isTransient`.
 */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable, Subscriber, timer } from 'rxjs';
import { isTransient as isTransientCause, RetryExhaustedError } from '../errors.ts';
import type { Backoff } from '../policies/backoff.ts';
import { type Duration, MAX_TIMER_MS } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { RetryBudget } from '../policies/retry-budget.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { timeoutWithin } from './timeout-within.ts';

export interface RetryWithBackoffOptions {
  /** Subscriptions in all, the first included. Integer, at least 1; Infinity for no bound. */
  readonly maxAttempts: number;
  /** Pause in milliseconds after failed attempt n (from 1). A pause the cause asks for (`Retry-After`) is for this function to obey. */
  readonly backoff: Backoff;
  /** Whether a cause is worth another attempt. Default: what the cause says of itself, `isTransient: true`, as a `TransientError` does. */
  readonly isTransient?: ((cause: unknown) => boolean) | undefined;
  /**
   * Time for each attempt, from its subscription to its end; one that takes longer is unsubscribed and fails with TimeoutExceededError,
   * which is transient. At least 1 ms, at most 24 days. Default: none.
   */
  readonly attemptTimeout?: Duration | undefined;
  /**
   * What retries are paid from, shared with other calls of the same dependency: the first attempt pays in, each retry takes out before
   * its pause. Default: none, each call retries on its own account.
   */
  readonly budget?: RetryBudget | undefined;
  /** Whether a retry for this cause, about to be made, takes nothing out of the budget: it adds nothing to the dependency's load. Default: none is. */
  readonly isFree?: ((cause: unknown) => boolean) | undefined;
  /** Moment on the clock of RxJS, `asyncScheduler.now()`, from which on no attempt begins. Default: none. */
  readonly deadlineAt?: number | undefined;
  /** Called before each pause with the number of the attempt that failed, the pause and the cause. */
  readonly onRetry?: ((attempt: number, delayMs: number, cause: unknown) => void) | undefined;
}

const OPTIONS: Known<RetryWithBackoffOptions> = {
  maxAttempts: true,
  backoff: true,
  isTransient: true,
  attemptTimeout: true,
  budget: true,
  isFree: true,
  deadlineAt: true,
  onRetry: true,
};

/**
 * Mirrors the source; when attempt n fails with a transient cause, waits `backoff(n, cause)` ms and subscribes again.
 *
 * Values of a failed attempt are passed on, not taken back: wrap one call, not a stream of many.
 * Never subscribes again in the same stack, however short the pause. A failed attempt is torn down before the next one begins.
 * Holds nothing in memory but the current attempt. Unsubscribing during a pause clears its timer.
 * A permanent cause passes unchanged, and so does the first failure when `maxAttempts` is 1: nothing was retried, nothing is exhausted.
 * What an option function or the teardown of a failed attempt throws becomes the error.
 *
 * @throws RetryExhaustedError when attempt `maxAttempts` (2 or more) failed too; at once, without the pause, when that would end at or
 * after `deadlineAt`, or when the budget holds no retry. `cause` is the last error.
 * @throws RangeError at once when an option is out of its range, or for one it does not have; as the error of the stream when `backoff` gives no pause.
 */
export function retryWithBackoff<T>(options: RetryWithBackoffOptions): MonoTypeOperatorFunction<T> {
  requireKnown('retryWithBackoff', options, OPTIONS);
  const backoff: unknown = options.backoff;
  if (typeof backoff !== 'function')
    throw new TypeError(
      `backoff: expected a function from attempt to milliseconds, as exponentialBackoff makes, got ${String(backoff)}`,
    );
  return retrying(options);
}

/** `retryWithBackoff` for who makes it for each call or step, of options written down here: their names are not looked at. */
export function retrying<T>(options: RetryWithBackoffOptions): MonoTypeOperatorFunction<T> {
  const { maxAttempts, attemptTimeout, budget } = options;
  requireCount('maxAttempts', maxAttempts, 1);
  const inTime =
    attemptTimeout === undefined ? undefined : timeoutWithin<T>(requireDurationMs('attemptTimeout', attemptTimeout, 1));
  return (source) => {
    const attempt = inTime === undefined ? source : inTime(source);
    return new Observable((sink) => {
      budget?.deposit(asyncScheduler.now());
      attempt.subscribe(new AttemptSubscriber(sink, attempt, options, undefined));
    });
  };
}

/** One attempt. Values and completion pass through; a failure is replaced by the next attempt. */
class AttemptSubscriber<T> extends Subscriber<T> {
  readonly #sink: Subscriber<T>;
  readonly #source: Observable<T>;
  readonly #options: RetryWithBackoffOptions;
  readonly #retries: Retries | undefined;

  /** `retries`: undefined for the first attempt. */
  constructor(
    sink: Subscriber<T>,
    source: Observable<T>,
    options: RetryWithBackoffOptions,
    retries: Retries | undefined,
  ) {
    super(sink);
    this.#sink = sink;
    this.#source = source;
    this.#options = options;
    this.#retries = retries;
  }

  protected override _error(cause: unknown): void {
    const sink = this.#sink;
    const retries = this.#retries ?? new Retries(this.#options);
    let delayMs: number;
    try {
      this.unsubscribe();
      delayMs = retries.pauseAfter(cause);
    } catch (failure) {
      sink.error(failure);
      return;
    }
    sink.add(
      timer(delayMs).subscribe(() => {
        this.#source.subscribe(new AttemptSubscriber(sink, this.#source, this.#options, retries));
      }),
    );
  }
}

/**
 * What is known of a source that has failed: how often, and the pause before its last attempt. Made at the first failure; `retryWithBackoff`
 * asks it, and src/http/call.ts, where a Subscriber around each attempt is felt.
 */
export class Retries {
  readonly #options: RetryWithBackoffOptions;
  /** The attempt under way, or the one that failed last. */
  #attempt = 1;
  /** The pause before that attempt. */
  #pausedMs = 0;

  constructor(options: RetryWithBackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next attempt, of which `onRetry` is told. @throws what the whole fails with if there is none. */
  pauseAfter(cause: unknown): number {
    const delayMs = this.#nextPause(cause);
    this.#options.onRetry?.(this.#attempt, delayMs, cause);
    this.#attempt++;
    this.#pausedMs = delayMs;
    return delayMs;
  }

  #nextPause(cause: unknown): number {
    const {
      maxAttempts,
      backoff,
      isTransient = isTransientCause,
      budget,
      isFree,
      deadlineAt = Number.POSITIVE_INFINITY,
    } = this.#options;
    if (maxAttempts === 1 || !isTransient(cause)) throw cause;
    if (this.#attempt >= maxAttempts) throw new RetryExhaustedError(this.#attempt, { cause });

    const delayMs = Math.min(backoff(this.#attempt, cause, this.#pausedMs), MAX_TIMER_MS);
    if (!(delayMs >= 0)) throw new RangeError(`backoff: expected milliseconds of at least 0, got ${delayMs}`);
    const nowMs = asyncScheduler.now();
    if (nowMs + delayMs >= deadlineAt) throw this.#exhausted(cause, 'no time is left for another');
    if (isFree?.(cause) !== true && budget?.withdraw(nowMs) === false)
      throw this.#exhausted(cause, 'the retry budget is empty');
    return delayMs;
  }

  #exhausted(cause: unknown, because: string): RetryExhaustedError {
    return new RetryExhaustedError(this.#attempt, { cause, because });
  }
}

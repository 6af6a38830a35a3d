/**
 * Rate limit: a bound on how many sources start in a time, with a bounded queue for those that wait, for each key of its own.
 * One limiter is shared by all calls that count towards the same limit. It counts by a sliding window or a
 * token bucket, and `learn` takes in what answers tell of the other side's limit.
 */
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import type { Duration } from '../policies/duration.ts';
import type { RateLimitAnswer } from '../policies/learned-quota.ts';
import type { RatePolicy } from '../policies/rate-policy.ts';
import { requireKnown } from '../policies/require-known.ts';
import { SlidingWindow } from '../policies/sliding-window.ts';
import { TokenBucket } from '../policies/token-bucket.ts';
import type { Known } from '../policies/unknown-option.ts';
import { ForwardClock } from './forward-clock.ts';
import { KeyedLimiter, type RatePause } from './keyed-limiter.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireMade } from './require-made.ts';

export type { RateLimitAnswer, RatePause };

/** How starts are spread: `sliding-window` in any order within the limit, `token-bucket` at a steady pace after a first burst. */
export type RateLimitKind = 'sliding-window' | 'token-bucket';

export interface RateLimiterOptions extends RateQueueOptions {
  /** Sources that start in each period. Integer from 1 to 1 000 000. */
  readonly requests: number;
  /** The period. At least 1 ms, at most 24 days. */
  readonly per: Duration;
  /**
   * `sliding-window`: never more than `requests` in any span as long as the period, which is what "100 a second" says to most APIs.
   * `token-bucket`: `burst` at once, then `requests` a period at a steady pace. Default: `token-bucket` where `burst` is given.
   */
  readonly kind?: RateLimitKind | undefined;
  /**
   * Tokens the bucket holds, and begins with: in any span of t, no more than `burst + requests × t / per` start. Integer from 1 to
   * 1 000 000. Time is counted in milliseconds: with a burst of 1 no more than one starts in each, and pauses are rounded up.
   * Default: `requests`, so up to twice as many in the first period after a pause.
   */
  readonly burst?: number | undefined;
}

export interface RateQueueOptions {
  /** Sources that may wait for their start, of each key. Integer, at least 0; Infinity where something else bounds them. Default: 1000. */
  readonly maxQueued?: number | undefined;
  /**
   * Keys that are counted at a time; a key whose past matters no more is forgotten. Integer, at least 1. Default: 10 000. More than
   * that are rejected, not forgotten: a limit that is forgotten is no limit.
   */
  readonly maxKeys?: number | undefined;
  /** No pause or quota that the other side tells of holds longer. At least 1 ms, at most 24 days. Default: 5 minutes. */
  readonly maxPause?: Duration | undefined;
  /**
   * Called when nothing of a key starts for a while, because of `penalise` or of a `retryAfterMs`. What it throws is an unhandled error.
   */
  readonly onPause?: ((pause: RatePause) => void) | undefined;
}

export interface RateLimiter {
  /** Sources that wait for their start now, of all keys. */
  readonly queued: number;
  /** Keys counted now. */
  readonly keys: number;
  /**
   * Mirrors the source, subscribed to as soon as the limit of its key lets it start: at once, or in the order of arrival.
   *
   * Each subscription counts, whatever becomes of it. Unsubscribing while it waits leaves the queue: nothing ran, nothing is counted,
   * and no timer is left. Holds one entry per waiting subscription, at most `maxQueued` for each of `maxKeys` keys; for a key a few
   * numbers, and with a sliding window the moments of up to `requests` starts.
   *
   * @param key Whose limit counts; keys are compared as a `Map` does. Default: one for all that name none.
   * @throws RateLimitRejectedError when `maxQueued` wait already, or `maxKeys` keys are counted: the source is not subscribed to.
   */
  run<T>(source: Observable<T>, key?: unknown): Observable<T>;
  /** Starts nothing of the key before `untilAt`, in milliseconds on the clock of RxJS; at most `maxPause`. Does not shorten a pause. */
  penalise(untilAt: number, key?: unknown): void;
  /**
   * Takes in what an answer says of the limit. `retryAfterMs` pauses the key; `remaining` lets no more start until the reset, less those
   * that still run (so tell it after the call has ended); `limit` lowers `requests`, and never above what is configured.
   * Numbers that are none, and negative ones, are as if they were not told.
   * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 `Retry-After`
   * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ `RateLimit` and its older forms
   */
  learn(answer: RateLimitAnswer, key?: unknown): void;
}

/** Such a count times the longest period, 2^31 ms, is still a whole number that is exact. */
const MOST_TOKENS = 1_000_000;

/**
 * A rate limiter nothing was started with yet: its bucket is full, its window empty.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  requireKnown('createRateLimiter', options, OPTIONS);
  const { requests, per, burst, kind = burst === undefined ? 'sliding-window' : 'token-bucket' } = options;
  const periodMs = requireRate(requests, per);
  if (kind !== 'sliding-window' && kind !== 'token-bucket')
    throw new RangeError(`kind: expected sliding-window or token-bucket, got ${String(kind)}`);
  if (burst !== undefined && kind === 'sliding-window')
    throw new RangeError(`burst: expected none with a sliding window, got ${burst}`);
  if (burst !== undefined) requireTokens('burst', burst);

  const permits = (): RatePolicy =>
    kind === 'sliding-window'
      ? new SlidingWindow({ requests, periodMs })
      : new TokenBucket({ requests, periodMs, burst: burst ?? requests });
  return new KeyedLimiter({ ...queueParts(options), periodMs, permits, clock: new ForwardClock() });
}

/** `run` of a rate limiter, as an operator. */
export function rateLimit<T>(shared: RateLimiter, key?: unknown): MonoTypeOperatorFunction<T> {
  requireMade('rateLimit', 'createRateLimiter', shared);
  return (source) => shared.run(source, key);
}

/** @returns the period in milliseconds. @throws RangeError for an option out of its range. */
export function requireRate(requests: number, per: Duration): number {
  requireTokens('requests', requests);
  return requireDurationMs('per', per, 1);
}

/** @throws RangeError unless it is a count that a bucket can hold. */
export function requireTokens(option: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_TOKENS) return;
  throw new RangeError(`${option}: expected an integer from 1 to ${MOST_TOKENS}, got ${count}`);
}

/** The options of the queue, by name. */
export const QUEUE_OPTIONS: Known<RateQueueOptions> = { maxQueued: true, maxKeys: true, maxPause: true, onPause: true };

const OPTIONS: Known<RateLimiterOptions> = { requests: true, per: true, kind: true, burst: true, ...QUEUE_OPTIONS };

/** The options of the queue, checked and filled in. */
export function queueParts({ maxQueued = 1_000, maxKeys = 10_000, maxPause = '5m', onPause }: RateQueueOptions) {
  requireCount('maxQueued', maxQueued, 0);
  requireCount('maxKeys', maxKeys, 1);
  return { maxQueued, maxKeys, maxPauseMs: requireDurationMs('maxPause', maxPause, 1), onPause };
}

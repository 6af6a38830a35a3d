/**
 * Backoff: how long to pause after failed attempt n. Pure arithmetic: no clock, and randomness is a parameter.
 * Whether there is another attempt at all is decided by whoever acts, `operators/retry-with-backoff.ts`.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ where the formulas come from
 */
import { MAX_TIMER_MS } from './duration.ts';
import { type Jitter, jittered } from './jitter.ts';
import type { Random } from './random.ts';
import { requireKnown } from './require-known.ts';
import type { Known } from './unknown-option.ts';

/**
 * Pause in milliseconds after failed attempt `attempt` (from 1). `previousMs` is the pause before this one in the same run of
 * attempts, 0 at first: a rule that needs memory is handed it, so every rule can be shared by any number of runs.
 */
export type Backoff = (attempt: number, cause: unknown, previousMs: number) => number;

export interface ExponentialBackoffOptions {
  /** Ceiling of the pause after the first failed attempt, in milliseconds. At least 0. */
  readonly initialMs: number;
  /** No pause is longer, in milliseconds. At least `initialMs`, at most 2^31 − 1. */
  readonly maxMs: number;
  /** By how much the ceiling grows from one attempt to the next. At least 1. Default: 2. */
  readonly factor?: number | undefined;
  /** How a pause is drawn under its ceiling. */
  readonly jitter: Jitter;
}

const EXPONENTIAL: Known<ExponentialBackoffOptions> = { initialMs: true, maxMs: true, factor: true, jitter: true };

/**
 * A pause drawn under `min(maxMs, initialMs × factor^(attempt − 1))`. Safe for any attempt: what overflows is the maximum.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function exponentialBackoff(options: ExponentialBackoffOptions, random: Random): (attempt: number) => number {
  requireKnown('exponentialBackoff', options, EXPONENTIAL);
  const { initialMs, maxMs, factor = 2, jitter } = options;
  requireBounds(initialMs, maxMs);
  if (!(factor >= 1)) throw new RangeError(`factor: expected a number of at least 1, got ${factor}`);

  // 0 × Infinity is not a number, hence the first case.
  const ceilingMs = (attempt: number): number =>
    initialMs === 0 ? 0 : Math.min(maxMs, initialMs * factor ** (attempt - 1));
  return (attempt) => jittered(ceilingMs(attempt), jitter, random);
}

/**
 * The same pause after each attempt.
 * @throws RangeError when `ms` is no pause: negative, not finite, or longer than a timer can be.
 */
export function constantBackoff(ms: number): (attempt: number) => number {
  if (!(ms >= 0 && ms <= MAX_TIMER_MS)) throw new RangeError(`ms: expected 0 to ${MAX_TIMER_MS}, got ${ms}`);
  return () => ms;
}

export interface DecorrelatedBackoffOptions {
  /** No pause is shorter, in milliseconds. At least 0. */
  readonly initialMs: number;
  /** No pause is longer, in milliseconds. At least `initialMs`, at most 2^31 − 1. */
  readonly maxMs: number;
}

const DECORRELATED: Known<DecorrelatedBackoffOptions> = { initialMs: true, maxMs: true };

/**
 * Decorrelated jitter: each pause is drawn between `initialMs` and three times the pause before it, at most `maxMs`.
 * Depends on the last pause alone, not on the attempt.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function decorrelatedBackoff(options: DecorrelatedBackoffOptions, random: Random): Backoff {
  requireKnown('decorrelatedBackoff', options, DECORRELATED);
  const { initialMs, maxMs } = options;
  requireBounds(initialMs, maxMs);

  return (_attempt, _cause, previousMs) => {
    const ceilingMs = Math.max(initialMs, previousMs) * 3;
    return Math.min(maxMs, initialMs + random() * (ceilingMs - initialMs));
  };
}

function requireBounds(initialMs: number, maxMs: number): void {
  if (!(initialMs >= 0)) throw new RangeError(`initialMs: expected a number of at least 0, got ${initialMs}`);
  if (!(maxMs >= initialMs && maxMs <= MAX_TIMER_MS)) {
    throw new RangeError(`maxMs: expected initialMs (${initialMs}) to ${MAX_TIMER_MS}, got ${maxMs}`);
  }
}

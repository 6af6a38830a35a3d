/**
 * What the other side told of its limit: a pause it asked for, and how many more it takes until when.
 * Pure: every moment is an argument, in milliseconds. What is no number of at least 0 is as if it were not told.
 */

/** What an answer says about the limit it counts towards, read from its headers. */
export interface RateLimitAnswer {
  /** Milliseconds to wait before anything more (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
  /** Requests it still takes until the reset (`RateLimit-Remaining`, `r` of `RateLimit`). */
  readonly remaining?: number | undefined;
  /** Milliseconds until it counts anew (`RateLimit-Reset`, `t` of `RateLimit`). */
  readonly resetAfterMs?: number | undefined;
  /** Requests it takes in each of its periods (`RateLimit-Limit`, `q` of `RateLimit-Policy`). */
  readonly limit?: number | undefined;
}

export class LearnedQuota {
  readonly #periodMs: number;
  readonly #maxPauseMs: number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #left = Number.POSITIVE_INFINITY;
  #leftUntilMs = Number.NEGATIVE_INFINITY;

  /** A quota without a reset lasts `periodMs`; nothing that is told holds longer than `maxPauseMs`. */
  constructor(periodMs: number, maxPauseMs: number) {
    this.#periodMs = periodMs;
    this.#maxPauseMs = maxPauseMs;
  }

  /** Milliseconds until one more may start; 0 when it may now. */
  waitMs(nowMs: number): number {
    const untilMs = this.#left > 0 ? this.#pausedUntilMs : Math.max(this.#pausedUntilMs, this.#leftUntilMs);
    return Math.max(0, untilMs - nowMs);
  }

  /** One starts. Only when `waitMs` is 0. */
  take(nowMs: number): void {
    if (nowMs < this.#leftUntilMs) this.#left--;
    else this.#left = Number.POSITIVE_INFINITY;
  }

  /** Nothing starts for so long. A pause that lasts longer stays. @returns the pause it came to, undefined when it is no news. */
  pause(forMs: number, nowMs: number): number | undefined {
    const pauseMs = Math.min(forMs, this.#maxPauseMs);
    if (!(pauseMs > 0) || nowMs + pauseMs <= this.#pausedUntilMs) return undefined;
    this.#pausedUntilMs = nowMs + pauseMs;
    return pauseMs;
  }

  /**
   * No more than `remaining` start until the reset, less those that `run` now, for the answer may not know of them.
   * The latest answer replaces what earlier ones told.
   */
  learn({ remaining, resetAfterMs }: RateLimitAnswer, running: number, nowMs: number): void {
    if (!isTold(remaining)) return;
    this.#left = Math.max(0, Math.floor(remaining) - running);
    this.#leftUntilMs = nowMs + Math.min(isTold(resetAfterMs) ? resetAfterMs : this.#periodMs, this.#maxPauseMs);
  }

  isAtRest(nowMs: number): boolean {
    return this.#pausedUntilMs <= nowMs && this.#leftUntilMs <= nowMs;
  }
}

export const isTold = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && value >= 0;

/**
 * Token bucket: starts take a token each, tokens come back at a steady rate, and a bucket holds `burst` of them. Starts full.
 * In any span of t milliseconds no more than `burst + t × requests / periodMs` start.
 *
 * Counts in tokens × milliseconds of the period, where a token costs `periodMs` and each millisecond brings `requests`: whole numbers, so
 * that nothing is lost or won by rounding, however long it runs.
 *
 * @see https://www.rfc-editor.org/rfc/rfc2697 for the bucket of committed rate and burst
 */
import type { RatePolicy } from './rate-policy.ts';

export interface TokenBucketOptions {
  /** Tokens that come back in each period. Integer, at least 1. */
  readonly requests: number;
  /** In milliseconds, at least 1. */
  readonly periodMs: number;
  /** Tokens the bucket holds. Integer, at least 1. */
  readonly burst: number;
  /** Tokens at the beginning. Default: `burst`. */
  readonly tokens?: number;
}

export class TokenBucket implements RatePolicy {
  readonly #options: TokenBucketOptions;
  #requests: number;
  #capacity: number;
  #credit: number;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TokenBucketOptions) {
    const { requests, periodMs, burst, tokens = burst } = options;
    this.#options = options;
    this.#requests = requests;
    this.#capacity = burst * periodMs;
    this.#credit = tokens * periodMs;
  }

  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (this.#options.periodMs - this.#credit) / this.#requests);
  }

  take(nowMs: number): void {
    this.#fill(nowMs);
    this.#credit -= this.#options.periodMs;
  }

  limitTo(requests: number): void {
    const { requests: most, burst, periodMs } = this.#options;
    this.#requests = Math.min(requests, most);
    this.#capacity = Math.min(requests, burst) * periodMs;
  }

  isAtRest(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#credit === this.#capacity;
  }

  #fill(nowMs: number): void {
    if (this.#filledAtMs !== Number.NEGATIVE_INFINITY) {
      const gained = (nowMs - this.#filledAtMs) * this.#requests;
      this.#credit = Math.min(this.#capacity, this.#credit + gained);
    }
    this.#filledAtMs = nowMs;
  }
}

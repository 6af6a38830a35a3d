/**
 * Sliding window: in any span as long as the period, no more than `requests` start. Exact: it keeps the moment of each start that may
 * still matter, the latest `requests` of them, 8 bytes each.
 */
import type { RatePolicy } from './rate-policy.ts';

export interface SlidingWindowOptions {
  /** Starts in any span of `periodMs`. Integer, at least 1. */
  readonly requests: number;
  /** In milliseconds, at least 1. A start counts until exactly so long after it. */
  readonly periodMs: number;
}

const FIRST_LENGTH = 16;

export class SlidingWindow implements RatePolicy {
  readonly #options: SlidingWindowOptions;
  #requests: number;
  /** Round and round: the latest starts, the newest before `#next`. Grows as it fills, up to `requests`. */
  #starts: Float64Array;
  #next = 0;
  #count = 0;

  constructor(options: SlidingWindowOptions) {
    this.#options = options;
    this.#requests = options.requests;
    this.#starts = new Float64Array(Math.min(FIRST_LENGTH, options.requests));
  }

  waitMs(nowMs: number): number {
    return Math.max(0, this.#startedAt(this.#requests) + this.#options.periodMs - nowMs);
  }

  take(nowMs: number): void {
    if (this.#count === this.#starts.length) this.#grow();
    this.#starts[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#starts.length;
    this.#count = Math.min(this.#count + 1, this.#starts.length);
  }

  limitTo(requests: number): void {
    this.#requests = Math.min(requests, this.#options.requests);
  }

  isAtRest(nowMs: number): boolean {
    return this.#startedAt(1) + this.#options.periodMs <= nowMs;
  }

  /** When the nth latest start was; long ago when there were fewer. */
  #startedAt(nth: number): number {
    if (nth > this.#count) return Number.NEGATIVE_INFINITY;
    const { length } = this.#starts;
    return this.#starts[(this.#next + length - nth) % length] ?? Number.NEGATIVE_INFINITY;
  }

  /** Only when full for the first time at its length: then the oldest stands first. */
  #grow(): void {
    const { length } = this.#starts;
    if (length === this.#options.requests) return;
    const grown = new Float64Array(Math.min(length * 2, this.#options.requests));
    grown.set(this.#starts);
    this.#starts = grown;
    this.#next = length;
  }
}

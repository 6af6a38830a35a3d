/**
 * Quantiles of many durations in little memory: counted in buckets that grow by a twelfth, so that a quantile is right to about 6 %. Pure.
 * Cheap to add to, because that happens for each message; exact quantiles would have to keep them all.
 */

/** Buckets for each doubling. */
const STEPS = 8;
/** Up to 2^32 ms. */
const BUCKETS = 32 * STEPS;

export class DurationSummary {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(ms: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log2(Math.max(0, ms) + 1) * STEPS));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  /** Milliseconds that this share of the durations does not exceed, by nearest rank; 0 where there is none. */
  quantileMs(ratio: number): number {
    let left = Math.ceil(ratio * this.#total);
    for (let bucket = 0; bucket < BUCKETS && left > 0; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      // The middle of the bucket.
      if (left <= 0) return Math.round(2 ** ((bucket + 0.5) / STEPS) - 1);
    }
    return 0;
  }
}

/**
 * A quantile of the latest latencies. Pure: bounded by number, no clock.
 * Kept sorted, because the quantile is asked for at every call: with some hundred measurements moving them costs less than any sketch.
 */

export interface LatencyQuantileOptions {
  /** Share of the latencies that are at most the quantile: 0.95 for the 95th percentile. Above 0, at most 1. */
  readonly quantileRatio: number;
  /** Measurements kept; a new one replaces the oldest. Integer, at least 1. */
  readonly window: number;
  /** Measurements below which there is no quantile. Integer, at least 1. */
  readonly minimum: number;
}

export class LatencyQuantile {
  readonly #quantileRatio: number;
  readonly #minimum: number;
  /** In the order they came, round and round. */
  readonly #recent: Float64Array;
  /** The same, ascending; the first `#count` are filled. */
  readonly #sorted: Float64Array;
  #next = 0;
  #count = 0;

  constructor({ quantileRatio, window, minimum }: LatencyQuantileOptions) {
    this.#quantileRatio = quantileRatio;
    this.#minimum = minimum;
    this.#recent = new Float64Array(window);
    this.#sorted = new Float64Array(window);
  }

  record(latencyMs: number): void {
    const sorted = this.#sorted;
    if (this.#count === this.#recent.length) {
      const leaving = this.#position(this.#recent[this.#next] ?? 0);
      sorted.copyWithin(leaving, leaving + 1, this.#count);
      this.#count--;
    }
    const entering = this.#position(latencyMs);
    sorted.copyWithin(entering + 1, entering, this.#count);
    sorted[entering] = latencyMs;
    this.#count++;
    this.#recent[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % this.#recent.length;
  }

  /** The smallest measurement that the share of them does not exceed (nearest rank); undefined while there are too few. */
  get valueMs(): number | undefined {
    if (this.#count < this.#minimum) return undefined;
    return this.#sorted[Math.ceil(this.#quantileRatio * this.#count) - 1];
  }

  /** Position of the first that is not below `latencyMs`. */
  #position(latencyMs: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? 0) < latencyMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

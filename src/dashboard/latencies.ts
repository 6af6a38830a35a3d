/** The latest durations, for quantiles that are asked for now and then. Bounded by number; recording is one store, sorting waits for the question. */

const KEPT = 512;
/** Fewer say nothing. */
const MINIMUM = 5;

export class Latencies {
  readonly #recent = new Float64Array(KEPT);
  #count = 0;

  record(durationMs: number): void {
    this.#recent[this.#count++ % KEPT] = durationMs;
  }

  /** The smallest durations that these shares of all do not exceed (nearest rank); undefined while there are too few. */
  quantiles<Ratios extends readonly number[]>(...ratios: Ratios): { [Index in keyof Ratios]: number | undefined } {
    const sorted = this.#recent.slice(0, Math.min(this.#count, KEPT)).sort();
    const of = (ratio: number): number | undefined =>
      sorted.length < MINIMUM ? undefined : sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)];
    return ratios.map(of) as { [Index in keyof Ratios]: number | undefined };
  }
}

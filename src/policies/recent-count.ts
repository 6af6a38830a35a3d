/**
 * A count of what happened lately, in a fixed amount of memory: the window is cut into slices, and the oldest slice is forgotten as a
 * whole. Pure: the moment is an argument. A clock that is set back makes counts be forgotten later than due, by a window at most.
 */

/** Slices of a window. What is counted is between nine tenths of the window and all of it. */
const SLICES = 10;

export class RecentCount {
  readonly #sliceMs: number;
  /** Counts by slice number modulo the ring's size. */
  readonly #ring = new Array<number>(SLICES).fill(0);
  #newest = Number.NEGATIVE_INFINITY;
  #total = 0;

  /** `windowMs`: how far back to count, in milliseconds. Above 0. */
  constructor(windowMs: number) {
    this.#sliceMs = windowMs / SLICES;
  }

  add(nowMs: number): void {
    this.#forget(nowMs);
    const place = this.#newest % SLICES;
    this.#ring[place] = (this.#ring[place] ?? 0) + 1;
    this.#total++;
  }

  total(nowMs: number): number {
    this.#forget(nowMs);
    return this.#total;
  }

  #forget(nowMs: number): void {
    const slice = Math.floor(nowMs / this.#sliceMs);
    if (slice === this.#newest) return;
    for (let passed = Math.min(SLICES, slice - this.#newest); passed > 0; passed--) {
      const place = (slice + SLICES + 1 - passed) % SLICES;
      this.#total -= this.#ring[place] ?? 0;
      this.#ring[place] = 0;
    }
    this.#newest = slice;
  }
}

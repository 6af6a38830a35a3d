/**
 * What happened when, in steps of 100 ms: a ring of counters for one pipeline, whatever its load. Rates, sparklines and the density
 * of the marble view are read off it. Pure; the time comes with each count.
 */
import type { BinRow } from './wire.ts';

export const BIN_MS = 100;
/** One minute and some: what the overview looks back to, and what a browser that joins is shown. */
export const BINS_KEPT = 640;

/** Places of a row; those of the APIs follow, three each. */
export const BIN = {
  delivered: 0,
  ack: 1,
  retry: 2,
  deadLetter: 3,
  returned: 4,
  published: 5,
  inFlight: 6,
  waitedMs: 7,
  apis: 8,
} as const;
export const API_BIN = { started: 0, failed: 1, running: 2, size: 3 } as const;

export class Bins {
  readonly #width: number;
  readonly #values: Float64Array;
  /** The number of the bin each place of the ring holds now. */
  readonly #numbers = new Float64Array(BINS_KEPT).fill(-1);

  /** Nearly everything is counted into the same bin as what was before. */
  #latest = -1;
  #latestOffset = 0;

  constructor(apis: number) {
    this.#width = BIN.apis + apis * API_BIN.size;
    this.#values = new Float64Array(BINS_KEPT * this.#width);
  }

  add(at: number, place: number, count = 1): void {
    const offset = this.#open(binOf(at)) + place;
    this.#values[offset] = (this.#values[offset] ?? 0) + count;
  }

  /** For what is a level and not a count: the last one of a bin stands. */
  set(at: number, place: number, level: number): void {
    this.#values[this.#open(binOf(at)) + place] = level;
  }

  /** The sum of a place over whole bins, `from` included, `to` not. */
  sum(place: number, from: number, to: number): number {
    let sum = 0;
    for (let number = Math.max(from, to - BINS_KEPT); number < to; number++) {
      const at = modulo(number);
      if (this.#numbers[at] === number) sum += this.#values[at * this.#width + place] ?? 0;
    }
    return sum;
  }

  /** A whole row, instead of what was there. */
  put({ bin, values }: BinRow): void {
    this.#values.set(values.slice(0, this.#width), this.#open(bin));
  }

  /** The row of a bin that holds anything. */
  row(bin: number): ArrayLike<number> | undefined {
    const at = modulo(bin);
    return this.#numbers[at] === bin ? this.#values.subarray(at * this.#width, (at + 1) * this.#width) : undefined;
  }

  /** Rows that hold anything, `from` included, `to` not, the oldest first. */
  rows(from: number, to: number): BinRow[] {
    const rows: BinRow[] = [];
    for (let number = Math.max(from, to - BINS_KEPT); number < to; number++) {
      const values = this.row(number);
      if (values !== undefined) rows.push({ bin: number, values: Array.from(values) });
    }
    return rows;
  }

  /** Where the values of a bin begin; a bin that was used before is empty again. A clock that stepped back writes into what is there. */
  #open(number: number): number {
    if (number === this.#latest) return this.#latestOffset;
    const at = modulo(number);
    const offset = at * this.#width;
    this.#latest = number;
    this.#latestOffset = offset;
    if (this.#numbers[at] !== number) {
      this.#numbers[at] = number;
      this.#values.fill(0, offset, offset + this.#width);
    }
    return offset;
  }
}

export const binOf = (at: number): number => Math.floor(at / BIN_MS);

const modulo = (number: number): number => ((number % BINS_KEPT) + BINS_KEPT) % BINS_KEPT;

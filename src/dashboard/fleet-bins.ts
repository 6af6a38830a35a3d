/** Steps of 100 ms of one pipeline in several workers, added up. */
import { API_BIN, BIN, BINS_KEPT, Bins } from './bins.ts';
import type { BinRow } from './wire.ts';

export class FleetBins {
  readonly #apis: number;
  readonly #width: number;
  readonly #workers = new Map<number, Bins>();

  constructor(apis: number) {
    this.#apis = apis;
    this.#width = BIN.apis + apis * API_BIN.size;
  }

  take(worker: number, rows: readonly BinRow[]): void {
    const bins = this.#workers.get(worker) ?? new Bins(this.#apis);
    this.#workers.set(worker, bins);
    for (const row of rows) bins.put(row);
  }

  /** What it did stays; what it had in hand it has no longer. */
  forget(worker: number, bin: number): void {
    this.#workers.get(worker)?.put({ bin, values: new Array<number>(this.#width).fill(0) });
  }

  /** Rows that hold anything in any worker, `from` included, `to` not, the oldest first. */
  rows(from: number, to: number): BinRow[] {
    const first = Math.max(from, to - BINS_KEPT);
    const rows: BinRow[] = [];
    const levels = new Map([...this.#workers].map(([worker, bins]) => [worker, rowBefore(bins, first)]));
    for (let bin = first; bin < to; bin++) {
      const values = new Array<number>(this.#width).fill(0);
      let isEmpty = true;
      for (const [worker, bins] of this.#workers) {
        const row = bins.row(bin);
        if (row !== undefined) {
          levels.set(worker, row);
          isEmpty = false;
        }
        // Who said nothing in this step has in hand what it had before.
        const level = levels.get(worker);
        for (let place = 0; place < this.#width; place++)
          values[place] = (values[place] ?? 0) + ((isLevel(place) ? level : row)?.[place] ?? 0);
      }
      if (!isEmpty) rows.push({ bin, values });
    }
    return rows;
  }
}

const isLevel = (place: number): boolean =>
  place < BIN.apis ? place === BIN.inFlight : (place - BIN.apis) % API_BIN.size === API_BIN.running;

function rowBefore(bins: Bins, first: number): ArrayLike<number> | undefined {
  for (let bin = first - 1; bin >= first - BINS_KEPT; bin--) {
    const row = bins.row(bin);
    if (row !== undefined) return row;
  }
  return undefined;
}

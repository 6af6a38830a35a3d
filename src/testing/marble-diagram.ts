/**
 * Diagrams drawn back from what was recorded: several rows over one time axis, so that the same moment stands in the same column of
 * each. What is drawn is valid marble syntax: one character a frame, groups in parentheses, long silences as ` 950ms `.
 */

/** Something in a row at a moment of virtual time. */
export interface Mark {
  readonly frame: number;
  /** One character. */
  readonly symbol: string;
}

export interface Drawing {
  readonly rows: readonly string[];
  /** Where in the rows a frame stands. */
  readonly columnOf: (frame: number) => number;
}

/** A silence longer than this is written as a time, not as dashes. */
const LONGEST_DASHES = 20;

export function draw(rows: readonly (readonly Mark[])[]): Drawing {
  const cells = rows.map(cellsOf);
  const frames = [...new Set(cells.flatMap((row) => [...row.keys()]))].sort((one, other) => one - other);
  const axis = new Axis(rows.length);
  for (const frame of frames) {
    axis.silentUntil(frame);
    axis.mark(
      frame,
      cells.map((row) => row.get(frame)),
    );
  }
  return axis.drawing();
}

function cellsOf(row: readonly Mark[]): Map<number, string> {
  const symbols = new Map<number, string>();
  for (const { frame, symbol } of row) symbols.set(frame, (symbols.get(frame) ?? '') + symbol);
  return new Map([...symbols].map(([frame, group]) => [frame, [...group].length === 1 ? group : `(${group})`]));
}

/** A row that has ended says nothing about the time after its end. */
const withoutAfterlife = (row: string): string => row.replace(/([|#!]\)?)(?:[-\s]|\d+ms)*$/, '$1').trimEnd() || '-';

/** Grows all rows to the right, always to the same length. */
class Axis {
  readonly #rows: string[];
  /** The frame up to which the characters of a row's last group stand for time. */
  readonly #covered: number[];
  readonly #columns = new Map<number, number>();
  #frame = 0;

  constructor(count: number) {
    this.#rows = new Array<string>(count).fill('');
    this.#covered = new Array<number>(count).fill(0);
  }

  silentUntil(frame: number): void {
    while (this.#frame < frame && this.#covered.some((end) => end > this.#frame))
      this.#step(Math.min(frame, this.#frame + 1));
    const silence = frame - this.#frame;
    if (silence > LONGEST_DASHES || !Number.isInteger(silence)) {
      this.#append(this.#rows.map(() => ` ${silence}ms `));
      this.#frame = frame;
    }
    while (this.#frame < frame) this.#step(this.#frame + 1);
  }

  mark(frame: number, cells: readonly (string | undefined)[]): void {
    this.#columns.set(frame, this.#width);
    this.#append(cells.map((cell, row) => cell ?? this.#silence(row)));
    cells.forEach((cell, row) => {
      if (cell !== undefined && cell.length > 1) this.#covered[row] = frame + cell.length;
    });
    this.#frame = frame + 1;
  }

  drawing(): Drawing {
    const columns = this.#columns;
    return { rows: this.#rows.map(withoutAfterlife), columnOf: (frame) => columns.get(frame) ?? 0 };
  }

  get #width(): number {
    return this.#rows[0]?.length ?? 0;
  }

  #step(frame: number): void {
    this.#append(this.#rows.map((_, row) => this.#silence(row)));
    this.#frame = frame;
  }

  /** In a row whose group still covers this frame, a dash would be one frame too many. */
  #silence(row: number): string {
    return (this.#covered[row] ?? 0) > this.#frame ? '' : '-';
  }

  /** Spaces mean nothing in a diagram: they only keep the rows aligned. */
  #append(cells: readonly string[]): void {
    const width = Math.max(...cells.map((cell) => cell.length));
    cells.forEach((cell, row) => {
      this.#rows[row] = (this.#rows[row] ?? '') + cell.padEnd(width);
    });
  }
}

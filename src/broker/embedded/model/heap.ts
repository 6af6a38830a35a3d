/** A binary heap: the least value first, at logarithmic cost. Equal values come in no particular order. */
export class Heap<T> {
  readonly #values: T[] = [];
  readonly #isBefore: (one: T, other: T) => boolean;

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#values.length;
  }

  first(): T | undefined {
    return this.#values[0];
  }

  push(value: T): void {
    const values = this.#values;
    let at = values.length;
    values.push(value);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = values[above];
      if (parent === undefined || !this.#isBefore(value, parent)) break;
      values[at] = parent;
      at = above;
    }
    values[at] = value;
  }

  shift(): T | undefined {
    const values = this.#values;
    const least = values[0];
    const last = values.pop();
    if (last !== undefined && values.length > 0) this.#sink(last);
    return least;
  }

  #sink(value: T): void {
    const values = this.#values;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = values[below];
      if (child === undefined) break;
      const right = values[below + 1];
      if (right !== undefined && this.#isBefore(right, child)) {
        child = right;
        below++;
      }
      if (!this.#isBefore(child, value)) break;
      values[at] = child;
      at = below;
    }
    values[at] = value;
  }
}

/** A queue of values with both ends at constant cost: a ring that doubles when it is full. */
export class Deque<T> {
  #ring = new Array<T | undefined>(16);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#size) & (this.#ring.length - 1)] = value;
    this.#size++;
  }

  first(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#first];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#ring[this.#first];
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#size--;
    return value;
  }

  #grow(): void {
    const ring = new Array<T | undefined>(this.#ring.length * 2);
    for (let at = 0; at < this.#size; at++) ring[at] = this.#ring[(this.#first + at) & (this.#ring.length - 1)];
    this.#ring = ring;
    this.#first = 0;
  }
}

/**
 * Room that no client takes from all others: some is given while the client then holds no more than was free before. Alone he gets half of it,
 * each of two a third, and whoever comes after them finds as much free. Dynamic thresholds are the name of it where queues share a buffer.
 * @see https://doi.org/10.1109/90.664262
 */
export class SharedRoom {
  #free: number;
  /** By clients who hold some. */
  readonly #held = new Map<string, number>();

  constructor(size: number) {
    this.#free = size;
  }

  /** Whether somebody who holds nothing would get as much. */
  has(amount: number): boolean {
    return amount <= this.#free;
  }

  /** Undefined: not now. */
  take(client: string, amount: number): Share | undefined {
    const held = (this.#held.get(client) ?? 0) + amount;
    if (held > this.#free) return undefined;
    this.#held.set(client, held);
    this.#free -= amount;
    return new Share(amount, (returned) => this.#takeBack(client, returned));
  }

  #takeBack(client: string, amount: number): void {
    const held = (this.#held.get(client) ?? 0) - amount;
    if (held > 0) this.#held.set(client, held);
    else this.#held.delete(client);
    this.#free += amount;
  }
}

/** What somebody has of it. */
export class Share {
  #amount: number;
  readonly #giveBack: (amount: number) => void;

  constructor(amount: number, giveBack: (amount: number) => void) {
    this.#amount = amount;
    this.#giveBack = giveBack;
  }

  /** Gives back what is more than that. It never grows. */
  shrinkTo(amount: number): void {
    if (amount >= this.#amount) return;
    this.#giveBack(this.#amount - amount);
    this.#amount = amount;
  }
}

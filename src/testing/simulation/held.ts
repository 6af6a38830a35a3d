/** What is on a line in one direction: passes at once, waits while the line stands still, or is lost with it. */

interface Passenger {
  readonly arrive: () => void;
  readonly lose: () => void;
}

export class Held {
  #isFrozen = false;
  #waiting = new Set<Passenger>();

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** @returns what takes it back, unless it has arrived or is lost. */
  pass(arrive: () => void, lose: () => void): () => void {
    if (!this.#isFrozen) {
      arrive();
      return () => {};
    }
    const passenger: Passenger = { arrive, lose };
    this.#waiting.add(passenger);
    return () => {
      this.#waiting.delete(passenger);
    };
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    for (const { arrive } of this.#take()) arrive();
  }

  /** The line is gone, with all that was on it; the next one is in order. */
  lose(): void {
    this.#isFrozen = false;
    for (const { lose } of this.#take()) lose();
  }

  #take(): readonly Passenger[] {
    const taken = [...this.#waiting];
    this.#waiting = new Set();
    return taken;
  }
}

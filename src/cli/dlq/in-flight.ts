/** Work under way side by side, bounded: whoever adds one waits until there is room for the next. */
export class InFlight {
  readonly #max: number;
  readonly #running = new Set<Promise<void>>();

  /** @param max integer, at least 1. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves when another may be added. The work must never reject. */
  async add(work: Promise<void>): Promise<void> {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
    while (this.#running.size >= this.#max) await Promise.race(this.#running);
  }

  /** Resolves when all of it is over. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}

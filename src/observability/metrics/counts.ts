/** What instruments count into: plain numbers, because it happens several times for each message. Read when somebody asks. */

export class Count {
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }
}

export class Level extends Count {
  dec(): void {
    this.value -= 1;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** Upper bounds in seconds, each within its bucket: from what a local cache takes to what nobody waits for. */
export const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

const BOUNDS_MS = BOUNDS.map((seconds) => seconds * 1_000);

export class Times {
  /** One for each bound, and one for what is above the last. */
  readonly #buckets = new Float64Array(BOUNDS.length + 1);
  #sumMs = 0;

  observeMs(ms: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > (BOUNDS_MS[bucket] ?? 0)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  get sumSeconds(): number {
    return this.#sumMs / 1_000;
  }

  /** How many took no longer than each bound; the last is how many there were. */
  *cumulative(): Iterable<number> {
    let count = 0;
    for (const held of this.#buckets) {
      count += held;
      yield count;
    }
  }
}

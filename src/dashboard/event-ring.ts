/** The latest facts that are drawn, each with a number. Browsers read from where they were; one that is too late is told so. */
import type { Fact } from '../events.ts';
import type { DrawnFact } from './wire.ts';

/** Enough for half a minute at the rate that is drawn, and one to two megabytes. */
const KEPT = 6_000;

export class EventRing {
  readonly #facts: (DrawnFact | undefined)[] = new Array<undefined>(KEPT);
  readonly #first: number;
  #seq: number;

  /** @param first what numbers begin after: one worker's are never taken for another's. */
  constructor(first: number) {
    this.#first = first;
    this.#seq = first;
  }

  /** The number of the latest. */
  get seq(): number {
    return this.#seq;
  }

  add(fact: Fact): void {
    const seq = ++this.#seq;
    this.#facts[seq % KEPT] = { seq, fact };
  }

  /** A number no fact has: whoever has seen less knows nothing of what comes. */
  skip(): number {
    return ++this.#seq;
  }

  /** Whether nothing after this number has been lost. */
  reachesBackTo(seq: number): boolean {
    return seq >= this.#first && seq <= this.#seq && this.#seq - seq <= KEPT;
  }

  /** Those after `seq` that are still kept, the oldest first. */
  since(seq: number): DrawnFact[] {
    const found: DrawnFact[] = [];
    for (let number = Math.max(seq + 1, this.#seq - KEPT + 1); number <= this.#seq; number++) {
      const drawn = this.#facts[number % KEPT];
      if (drawn?.seq === number) found.push(drawn);
    }
    return found;
  }
}

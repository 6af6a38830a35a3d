/**
 * The messages of a quorum queue that wait for a consumer, in the order in which they leave since RabbitMQ 4.0: those that came back first, in the order
 * of their return; then in turns two of high priority and one of the others, in the order of their arrival. Who expires or is dropped from the head
 * takes a turn too.
 */
import { Deque } from './deque.ts';
import type { Entry } from './message.ts';
import type { ReadyMessages } from './ready-messages.ts';

/** Above it a priority is high. There are two kinds, and no more. */
const HIGHEST_NORMAL_PRIORITY = 4;

/** The last is for those of normal priority. */
const TURNS = 3;

export class QuorumMessages implements ReadyMessages {
  readonly #returned = new Deque<Entry>();
  readonly #high = new Deque<Entry>();
  readonly #normal = new Deque<Entry>();
  #turn = 0;
  #bytes = 0;

  get size(): number {
    return this.#returned.size + this.#high.size + this.#normal.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    const isHigh = (entry.message.properties.priority ?? 0) > HIGHEST_NORMAL_PRIORITY;
    (isHigh ? this.#high : this.#normal).push(entry);
    this.#bytes += entry.message.body.length;
  }

  requeue(entry: Entry): void {
    this.#returned.push(entry);
    this.#bytes += entry.message.body.length;
  }

  first(): Entry | undefined {
    return this.#next().first();
  }

  shift(): Entry | undefined {
    const next = this.#next();
    const entry = next.shift();
    if (entry === undefined) return undefined;
    this.#bytes -= entry.message.body.length;
    if (next !== this.#returned) this.#turn = (this.#turn + 1) % TURNS;
    return entry;
  }

  #next(): Deque<Entry> {
    if (this.#returned.size > 0) return this.#returned;
    const isNormalsTurn = this.#turn === TURNS - 1;
    return this.#high.size === 0 || (isNormalsTurn && this.#normal.size > 0) ? this.#normal : this.#high;
  }
}

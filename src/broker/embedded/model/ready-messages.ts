/**
 * The messages of a classic queue that wait for a consumer, in the order in which they leave: by priority, then requeued ones, each at its old
 * place, then by arrival.
 */
import { Deque } from './deque.ts';
import { Heap } from './heap.ts';
import type { Entry } from './message.ts';

/** What a queue asks of the messages that wait in it. */
export interface ReadyMessages {
  readonly size: number;
  /** Of the bodies. */
  readonly bytes: number;
  push(entry: Entry): void;
  requeue(entry: Entry): void;
  /** The one `shift` would take. */
  first(): Entry | undefined;
  shift(): Entry | undefined;
}

/**
 * Whatever was ever delivered came from the front, so every requeued entry is older than every entry that has not been out:
 * two queues in a row keep the order.
 */
interface Level {
  readonly requeued: Heap<Entry>;
  readonly arrived: Deque<Entry>;
}

const isEarlier = (one: Entry, other: Entry): boolean => one.position < other.position;

export class ClassicMessages implements ReadyMessages {
  /** Highest priority first. */
  readonly #levels: readonly Level[];
  readonly #maxPriority: number;
  #size = 0;
  #bytes = 0;

  constructor(maxPriority: number) {
    this.#maxPriority = maxPriority;
    this.#levels = Array.from({ length: maxPriority + 1 }, () => ({
      requeued: new Heap<Entry>(isEarlier),
      arrived: new Deque<Entry>(),
    }));
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    this.#level(entry)?.arrived.push(entry);
    this.#size++;
    this.#bytes += entry.message.body.length;
  }

  requeue(entry: Entry): void {
    this.#level(entry)?.requeued.push(entry);
    this.#size++;
    this.#bytes += entry.message.body.length;
  }

  first(): Entry | undefined {
    for (const level of this.#levels) {
      const entry = level.requeued.first() ?? level.arrived.first();
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  shift(): Entry | undefined {
    for (const level of this.#levels) {
      const entry = level.requeued.size > 0 ? level.requeued.shift() : level.arrived.shift();
      if (entry === undefined) continue;
      this.#size--;
      this.#bytes -= entry.message.body.length;
      return entry;
    }
    return undefined;
  }

  #level({ message }: Entry): Level | undefined {
    return this.#levels[this.#maxPriority - Math.min(message.properties.priority ?? 0, this.#maxPriority)];
  }
}

/**
 * The messages of a queue that wait for a consumer, in the order in which they leave: by priority, then requeued ones, then by arrival.
 * Classic queues put a requeued message back at its old place, quorum queues at the front in the order of return, or at the end.
 */
import { Deque } from './deque.ts';
import { Heap } from './heap.ts';
import type { Entry } from './message.ts';

interface Requeued {
  readonly size: number;
  push(entry: Entry): void;
  first(): Entry | undefined;
  shift(): Entry | undefined;
}

/**
 * Whatever was ever delivered came from the front, so every requeued entry is older than every entry that has not been out:
 * two queues in a row keep the order.
 */
interface Level {
  readonly requeued: Requeued;
  readonly arrived: Deque<Entry>;
}

const isEarlier = (one: Entry, other: Entry): boolean => one.position < other.position;

export class ReadyMessages {
  /** Highest priority first. */
  readonly #levels: readonly Level[];
  readonly #maxPriority: number;
  #size = 0;
  #bytes = 0;

  constructor(maxPriority: number, requeueTo: 'place' | 'front') {
    this.#maxPriority = maxPriority;
    this.#levels = Array.from({ length: maxPriority + 1 }, () => ({
      requeued: requeueTo === 'place' ? new Heap<Entry>(isEarlier) : new Deque<Entry>(),
      arrived: new Deque<Entry>(),
    }));
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the bodies. */
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

  #level(entry: Entry): Level | undefined {
    return this.#levels[this.#maxPriority - Math.min(entry.priority, this.#maxPriority)];
  }
}

/**
 * The consumers of one queue, and whose turn it is: the highest priority that can take a message, in turns among equals.
 * A consumer that is full leaves the row and comes back at its end when it has room again, as in RabbitMQ.
 */
import type { Consumer } from './channel.ts';

interface Row {
  readonly priority: number;
  readonly waiting: Consumer[];
}

export class Consumers {
  readonly #all = new Set<Consumer>();
  readonly #isSingleActive: boolean;
  readonly #prefersRoom: boolean;
  /** Highest priority first. */
  #rows: readonly Row[] = [];
  #active: Consumer | undefined;

  /** With `isSingleActive` one has all messages; `prefersRoom` names its successor as quorum queues do since RabbitMQ 4.0. */
  constructor(options: { readonly isSingleActive: boolean; readonly prefersRoom: boolean }) {
    this.#isSingleActive = options.isSingleActive;
    this.#prefersRoom = options.prefersRoom;
  }

  get size(): number {
    return this.#all.size;
  }

  get hasExclusive(): boolean {
    for (const consumer of this.#all) if (consumer.isExclusive) return true;
    return false;
  }

  [Symbol.iterator](): Iterator<Consumer> {
    return this.#all[Symbol.iterator]();
  }

  add(consumer: Consumer): void {
    this.#all.add(consumer);
    this.#row(consumer.priority).waiting.push(consumer);
    this.#active ??= consumer;
  }

  remove(consumer: Consumer): void {
    this.#all.delete(consumer);
    this.#rows = this.#rows
      .map((row) => ({ ...row, waiting: row.waiting.filter((other) => other !== consumer) }))
      .filter(({ priority }) => this.#hasPriority(priority));
    if (this.#active === consumer) this.#active = this.#successor();
  }

  /** Whose turn it is, already moved to the end of the row; undefined when nobody can take a message. */
  next(): Consumer | undefined {
    if (this.#isSingleActive) return this.#active !== undefined && canTake(this.#active) ? this.#active : undefined;
    for (const { waiting } of this.#rows) {
      while (waiting.length > 0) {
        const consumer = waiting[0];
        if (consumer === undefined) break;
        if (canTake(consumer)) {
          if (waiting.length > 1) {
            waiting.shift();
            waiting.push(consumer);
          }
          return consumer;
        }
        waiting.shift();
        consumer.isBlocked = true;
      }
    }
    return undefined;
  }

  /** Back into the row, if it has room and still consumes. */
  unblock(consumer: Consumer): void {
    if (!consumer.isBlocked || !this.#all.has(consumer) || !canTake(consumer)) return;
    consumer.isBlocked = false;
    this.#row(consumer.priority).waiting.push(consumer);
  }

  #row(priority: number): Row {
    const found = this.#rows.find((row) => row.priority === priority);
    if (found !== undefined) return found;
    const row: Row = { priority, waiting: [] };
    this.#rows = [...this.#rows, row].sort((one, other) => other.priority - one.priority);
    return row;
  }

  #hasPriority(priority: number): boolean {
    for (const consumer of this.#all) if (consumer.priority === priority) return true;
    return false;
  }

  /** Of the highest priority the oldest, or the one with most room, and of those the oldest. */
  #successor(): Consumer | undefined {
    const isBefore = (one: Consumer, other: Consumer): boolean =>
      one.priority === other.priority
        ? this.#prefersRoom && roomOf(one) > roomOf(other)
        : one.priority > other.priority;
    let best: Consumer | undefined;
    for (const consumer of this.#all) if (best === undefined || isBefore(consumer, best)) best = consumer;
    return best;
  }
}

const roomOf = ({ prefetch, unacked }: Consumer): number =>
  prefetch === 0 ? Number.POSITIVE_INFINITY : prefetch - unacked;

export function canTake({ channel, noAck, prefetch, unacked }: Consumer): boolean {
  if (channel.isPaused) return false;
  if (noAck) return true;
  return (
    (prefetch === 0 || unacked < prefetch) &&
    (channel.channelPrefetch === 0 || channel.unackedByConsumers < channel.channelPrefetch)
  );
}

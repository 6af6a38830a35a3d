/**
 * A stream: a log that many read, each from a place of its own. Reading takes nothing from it; an ack only makes room for more. What it holds
 * ends by its bounds of size and age, counted by single messages where RabbitMQ counts whole segments.
 */
import type { Consumer } from './channel.ts';
import { canTake } from './consumers.ts';
import { preconditionFailed } from './fault.ts';
import { EMPTY_TABLE, type Field, isInteger, long, printed, type Table, withField } from './field.ts';
import { type Entry, type Message, withProperties } from './message.ts';
import { Queue, type QueueIdentity, type QueueSurroundings } from './queue.ts';
import type { Place } from './queue-arguments.ts';

interface Logged {
  readonly message: Message;
  readonly at: number;
}

export class StreamQueue extends Queue {
  readonly #around: QueueSurroundings;
  /** The offset of the first that is kept is `#first`. */
  #log: Logged[] = [];
  #first = 0;
  #bytes = 0;
  readonly #next = new WeakMap<Consumer, number>();

  constructor(identity: QueueIdentity, around: QueueSurroundings) {
    super(identity, around);
    this.#around = around;
  }

  override get ready(): number {
    return this.#log.length;
  }

  override accept(message: Message): boolean {
    this.#log.push({ message, at: this.#around.now() });
    this.#bytes += message.body.length;
    this.drain();
    return true;
  }

  /** @throws AmqpFault 406 for a place that is none. */
  attach(consumer: Consumer, fields: Table, place: Place): void {
    this.#next.set(consumer, this.#offsetOf(fields.get('x-stream-offset'), place));
  }

  override drain(): void {
    if (this.isDeleted) return;
    this.#forget();
    for (const consumer of this.consumers) this.#feed(consumer);
  }

  /** Since RabbitMQ 4.0 by reject and nack too: a log has nothing to take back. */
  override settled(): void {
    this.unacked--;
  }

  /** Whoever ends with a message out has read it all the same. */
  override requeue(): void {
    this.unacked--;
  }

  override shown({ message, position }: Entry): Message {
    const { properties } = message;
    return withProperties(message, {
      ...properties,
      headers: withField(properties.headers ?? EMPTY_TABLE, 'x-stream-offset', long(position)),
    });
  }

  override delete(): number {
    this.isDeleted = true;
    const count = this.#log.length;
    this.#log = [];
    return count;
  }

  override restart(): void {}

  #feed(consumer: Consumer): void {
    while (canTake(consumer)) {
      const position = Math.max(this.#next.get(consumer) ?? this.#first, this.#first);
      const logged = this.#log[position - this.#first];
      if (logged === undefined) return;
      this.#next.set(consumer, position + 1);
      const entry = { message: logged.message, position, expiresAt: Number.POSITIVE_INFINITY };
      this.handOver({ ...entry, redelivered: false, returns: 0 }, consumer);
    }
  }

  #offsetOf(field: Field | undefined, place: Place): number {
    const end = this.#first + this.#log.length;
    // As in RabbitMQ, who says nothing reads what comes.
    if (field === undefined) return end;
    if (field.type === 'timestamp') {
      const at = Number(field.value) * 1_000;
      const found = this.#log.findIndex((logged) => logged.at >= at);
      return found === -1 ? end : this.#first + found;
    }
    if (isInteger(field)) return Number(field.value);
    const text = printed(field);
    if (text === 'first') return this.#first;
    if (text === 'last') return Math.max(this.#first, end - 1);
    if (text === 'next') return end;
    throw preconditionFailed(`invalid arg 'x-stream-offset' for ${place}: "${text}"`);
  }

  #forget(): void {
    const { maxLengthBytes = Number.POSITIVE_INFINITY, maxAgeMs = Number.POSITIVE_INFINITY } = this.settings;
    const since = this.#around.now() - maxAgeMs;
    let gone = 0;
    for (const { message, at } of this.#log) {
      if (this.#bytes <= maxLengthBytes && at >= since) break;
      this.#bytes -= message.body.length;
      gone++;
    }
    if (gone === 0) return;
    this.#log = this.#log.slice(gone);
    this.#first += gone;
  }
}

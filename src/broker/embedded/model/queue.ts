/**
 * One queue: what it holds, who consumes it, and what becomes of each message. Time, effects and dead-lettering come from outside.
 * Every copy that enters leaves in exactly one way, and the ledger counts which.
 */
import type { Connection, ConsumedQueue, Consumer, Unacked } from './channel.ts';
import { Consumers } from './consumers.ts';
import type { DeadLetterReason } from './deaths.ts';
import type { Effect } from './effect.ts';
import { EMPTY_TABLE, long, type Table, withField } from './field.ts';
import type { Ledger } from './ledger.ts';
import { type Entry, isPersistent, type Message, withProperties } from './message.ts';
import type { QueueSettings } from './queue-arguments.ts';
import { QuorumMessages } from './quorum-messages.ts';
import { ClassicMessages, type ReadyMessages } from './ready-messages.ts';

/** What a queue needs of the broker it belongs to. */
export interface QueueSurroundings {
  now(): number;
  emit(effect: Effect): void;
  deadLetter(queue: Queue, message: Message, reason: DeadLetterReason): void;
  /** Asks to be woken (`onAlarm`) at that moment or earlier. */
  wakeAt(queue: Queue, at: number): void;
  readonly ledger: Ledger;
  /** How many acks of a durable classic queue a crash would undo; 0 remembers none. */
  unsyncedAcks(): number;
}

export interface QueueIdentity {
  readonly name: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly owner: Connection | undefined;
  readonly arguments: Table;
  readonly settings: QueueSettings;
}

export class Queue implements ConsumedQueue {
  readonly name: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  /** The connection that alone may use it. */
  readonly owner: Connection | undefined;
  readonly arguments: Table;
  readonly settings: QueueSettings;
  readonly consumers: Consumers;
  unacked = 0;
  isDeleted = false;
  /** Since when nobody uses it: for `x-expires`. */
  lastUsedAt: number;
  /** The moment it will be woken. */
  alarmAt = Number.POSITIVE_INFINITY;
  readonly #ready: ReadyMessages;
  readonly #around: QueueSurroundings;
  #arrivals = 0;
  #ackedLately: Entry[] = [];

  constructor(identity: QueueIdentity, around: QueueSurroundings) {
    this.name = identity.name;
    this.isDurable = identity.isDurable;
    this.isAutoDelete = identity.isAutoDelete;
    this.owner = identity.owner;
    this.arguments = identity.arguments;
    this.settings = identity.settings;
    const { isQuorum, isSingleActiveConsumer, maxPriority } = identity.settings;
    this.consumers = new Consumers({ isSingleActive: isSingleActiveConsumer, prefersRoom: isQuorum });
    this.#ready = isQuorum ? new QuorumMessages() : new ClassicMessages(maxPriority);
    this.#around = around;
    this.lastUsedAt = around.now();
  }

  get ready(): number {
    return this.#ready.size;
  }

  /** Takes a message. @returns false when the queue is full and rejects publishes. */
  accept(message: Message, expirationMs: number | undefined): boolean {
    const { messageTtlMs = Number.POSITIVE_INFINITY, isQuorum } = this.settings;
    const entry: Entry = {
      message,
      position: this.#arrivals++,
      expiresAt: this.#expiry(Math.min(messageTtlMs, expirationMs ?? Number.POSITIVE_INFINITY)),
      redelivered: false,
      returns: 0,
    };
    // An empty queue hands over at once, even what expires at this moment or exceeds its bound.
    const consumer = this.#ready.size === 0 ? this.consumers.next() : undefined;
    if (consumer !== undefined) {
      this.#around.ledger.enqueued++;
      // In a quorum queue it takes its turn all the same.
      if (isQuorum) {
        this.#ready.push(entry);
        this.#ready.shift();
      }
      this.handOver(entry, consumer);
      return true;
    }
    if (this.settings.overflow !== 'drop-head' && this.#wouldOverflow(message)) {
      this.#around.ledger.turnedAway++;
      if (this.settings.overflow === 'reject-publish-dlx') this.#around.deadLetter(this, message, 'maxlen');
      return false;
    }
    this.#around.ledger.enqueued++;
    this.#ready.push(entry);
    this.dropExpired();
    this.#dropOverflow();
    this.#watchHead();
    return true;
  }

  /** Hands ready messages to whoever can take them. */
  drain(): void {
    if (this.isDeleted) return;
    while (this.#ready.size > 0) {
      this.dropExpired();
      if (this.#ready.size === 0) break;
      const consumer = this.consumers.next();
      if (consumer === undefined) break;
      const entry = this.#ready.shift();
      if (entry === undefined) break;
      this.handOver(entry, consumer);
    }
    this.#watchHead();
  }

  /** The next message, for `basic.get`. The caller keeps it unacked, or tells `settled`. */
  take(): Entry | undefined {
    this.dropExpired();
    const entry = this.#ready.shift();
    if (entry === undefined) return undefined;
    this.unacked++;
    this.#countDelivery(entry);
    this.#watchHead();
    return entry;
  }

  /** The message as it is handed over. */
  shown(entry: Entry): Message {
    if (!this.settings.isQuorum || entry.returns === 0) return entry.message;
    const { properties } = entry.message;
    const headers = withField(properties.headers ?? EMPTY_TABLE, 'x-delivery-count', long(entry.returns));
    return withProperties(entry.message, { ...properties, headers });
  }

  /** An unacked message is done: acked, or rejected for good. */
  settled(entry: Entry, outcome: 'acked' | 'rejected'): void {
    if (this.isDeleted) return;
    this.unacked--;
    this.#around.ledger[outcome]++;
    if (outcome === 'rejected') this.#around.deadLetter(this, entry.message, 'rejected');
    else this.#rememberAck(entry);
  }

  /** An unacked message comes back, by its consumer's word or with its channel. The caller drains when all have. */
  requeue(entry: Entry, cause: 'client' | 'channel'): void {
    if (this.isDeleted) return;
    this.unacked--;
    entry.redelivered = true;
    entry.returns++;
    const { isQuorum, deliveryLimit = Number.POSITIVE_INFINITY } = this.settings;
    if (isQuorum && entry.returns > deliveryLimit) {
      this.#around.ledger.limitReached++;
      this.#around.deadLetter(this, entry.message, 'delivery_limit');
      return;
    }
    this.#around.ledger.requeued++;
    // A quorum queue whose limit was lifted puts what clients give back at its end, lest one message keep its log from being cut.
    const isLast = isQuorum && deliveryLimit === Number.POSITIVE_INFINITY && cause === 'client';
    if (isLast) this.#ready.push(entry);
    else this.#ready.requeue(entry);
    this.#dropOverflow();
  }

  /** Removes what has expired at the head; behind it nothing expires, as in RabbitMQ. */
  dropExpired(): void {
    const now = this.#around.now();
    for (let head = this.#ready.first(); head !== undefined && head.expiresAt <= now; head = this.#ready.first()) {
      this.#ready.shift();
      this.#around.ledger.expired++;
      this.#around.deadLetter(this, head.message, 'expired');
    }
  }

  onAlarm(): void {
    this.dropExpired();
    this.#watchHead();
  }

  purge(): number {
    const count = this.#ready.size;
    while (this.#ready.shift() !== undefined);
    this.#around.ledger.purged += count;
    return count;
  }

  /** Forgets everything. @returns how many messages were ready. */
  delete(): number {
    this.isDeleted = true;
    const count = this.#ready.size;
    this.#around.ledger.deleted += count + this.unacked;
    while (this.#ready.shift() !== undefined);
    this.unacked = 0;
    return count;
  }

  /** What a restart does to the content: transient messages go, acks that had not reached the disk are undone. */
  restart(areAcksUndone: boolean): void {
    const { ledger } = this.#around;
    const kept: Entry[] = areAcksUndone ? this.#ackedLately : [];
    ledger.resurrected += kept.length;
    ledger.enqueued += kept.length;
    this.#ackedLately = [];
    for (let entry = this.#ready.shift(); entry !== undefined; entry = this.#ready.shift()) {
      if (this.settings.isQuorum || isPersistent(entry.message)) kept.push(entry);
      else ledger.lostAtRestart++;
    }
    for (const entry of kept.sort((one, other) => one.position - other.position)) {
      if (areAcksUndone) entry.redelivered = true;
      this.#ready.push(entry);
    }
    this.#watchHead();
  }

  /** The message is with the consumer from now on. */
  protected handOver(entry: Entry, consumer: Consumer): void {
    const { channel, noAck } = consumer;
    const deliveryTag = ++channel.lastDeliveryTag;
    const redelivered = entry.redelivered;
    const message = this.shown(entry);
    this.#countDelivery(entry);
    if (noAck) {
      this.#around.ledger.acked++;
    } else {
      const unacked: Unacked = { entry, queue: this, consumer };
      channel.unacked.set(deliveryTag, unacked);
      channel.unackedByConsumers++;
      consumer.unacked++;
      this.unacked++;
    }
    this.#around.emit({
      kind: 'deliver',
      channel,
      consumerTag: consumer.tag,
      deliveryTag,
      redelivered,
      queue: this.name,
      message,
    });
  }

  #countDelivery(entry: Entry): void {
    this.#around.ledger.delivered++;
    if (entry.redelivered) this.#around.ledger.redelivered++;
  }

  #expiry(ttlMs: number): number {
    return ttlMs === Number.POSITIVE_INFINITY ? ttlMs : this.#around.now() + ttlMs;
  }

  #wouldOverflow(message: Message): boolean {
    const { maxLength = Number.POSITIVE_INFINITY, maxLengthBytes = Number.POSITIVE_INFINITY } = this.settings;
    return this.#ready.size + 1 > maxLength || this.#ready.bytes + message.body.length > maxLengthBytes;
  }

  #dropOverflow(): void {
    const { overflow, maxLength = Number.POSITIVE_INFINITY, maxLengthBytes = Number.POSITIVE_INFINITY } = this.settings;
    if (overflow !== 'drop-head') return;
    while (this.#ready.size > maxLength || this.#ready.bytes > maxLengthBytes) {
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      this.#around.ledger.overflowed++;
      this.#around.deadLetter(this, entry.message, 'maxlen');
    }
  }

  #watchHead(): void {
    const expiresAt = this.#ready.first()?.expiresAt;
    if (expiresAt !== undefined && expiresAt < this.alarmAt) this.#around.wakeAt(this, expiresAt);
  }

  #rememberAck(entry: Entry): void {
    const limit = this.#around.unsyncedAcks();
    if (limit === 0 || !this.isDurable || this.settings.isQuorum || !isPersistent(entry.message)) return;
    this.#ackedLately.push(entry);
    if (this.#ackedLately.length > limit) this.#ackedLately.shift();
  }
}

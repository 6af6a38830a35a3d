/**
 * A visit to a queue: its messages are consumed in windows, one consumer after the other on one channel, and stay unsettled.
 * A cancelled consumer keeps what it was given, so each window brings the next messages; one `basic.get` each takes ten times as long.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { AsyncSubject, asyncScheduler, firstValueFrom, type Observable, type Subscription, timer } from 'rxjs';
import { BrokerUnavailableError, type SluiceError, TopologyError } from '../../errors.ts';
import type { SettleResult } from '../../message/delivery.ts';
import type { HeldDelivery, QueueVisit } from '../dead-letters.ts';
import { brokerText, REPLY, reasonOf, replyCodeOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import { type HoldingVisit, heldDelivery } from './held-delivery.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';
import { Settlements, settleThrough } from './settle-through.ts';

const FIRST_WINDOW = 50;
const MIN_WINDOW = 10;
const MAX_WINDOW = 2_000;
/** Bodies of one window, together, as far as the windows before tell. */
const WINDOW_BYTES = 8 * 2 ** 20;
/** A window that got nothing for so long is over: somebody else took what it waits for. */
const IDLE_MS = 1_000;

const RETURN_WITHIN_MS = 3_000;

const LOOK_EVERY_MS = 20;

const NOTHING = Buffer.alloc(0);

/** @throws TopologyError when there is no such queue; BrokerUnavailableError when the link ends. */
export async function visitQueue(link: Link, queue: string, onDefect: DefectListener): Promise<QueueVisit> {
  const visit = new AmqpVisit(link, queue);
  await visit.open(onDefect);
  return visit;
}

class AmqpVisit implements QueueVisit, HoldingVisit {
  readonly queue: string;
  ready = 0;
  readonly #link: Link;
  readonly #lost = new AsyncSubject<string>();
  /** Tags that are not settled. */
  readonly #held = new Set<number>();
  readonly #settlements = new Settlements();
  /** They name the consumers: RabbitMQ puts back what up to 32 of them leave in the order of their names. */
  #windows = 0;
  #channel: Channel | undefined;
  #failure: SluiceError | undefined;
  #isOver = false;
  #ending: Promise<void> | undefined;
  #onFailure: (() => void) | undefined;
  /** Any message of this channel: amqplib settles by message, and looks at the tag alone. */
  #template: ConsumeMessage | undefined;
  /** Letters that are still to be read. */
  #left = 0;
  #messages = 0;
  #bytes = 0;

  constructor(link: Link, queue: string) {
    this.#link = link;
    this.queue = queue;
  }

  get lost(): Observable<string> {
    return this.#lost;
  }

  async open(onDefect: DefectListener): Promise<void> {
    const onGone = (cause: unknown): void => {
      this.#channel = undefined;
      this.#fail(this.#explain(cause));
    };
    this.#channel = await openChannel(this.#link, { onGone, onDefect });
    this.ready = await this.#count();
  }

  async *letters(max = Number.POSITIVE_INFINITY): AsyncGenerator<HeldDelivery, void, undefined> {
    this.#left = Math.min(max, this.ready);
    while (this.#left > 0) {
      const wanted = Math.min(this.#left, this.#windowSize());
      const window = await this.#readWindow(wanted);
      const got = window.length;
      this.#left -= got;
      for (let message = window.shift(); message !== undefined; message = window.shift()) yield message;
      if (this.#failure !== undefined) throw this.#failure;
      if (got < wanted && (await this.#count()) === 0) return;
    }
  }

  passOver(): void {
    this.#left++;
  }

  settle(settlement: 'ack' | 'requeue', deliveryTag: number): SettleResult {
    if (!this.#held.delete(deliveryTag)) return 'repeated';
    const channel = this.#channel;
    const message = this.#withTag(deliveryTag);
    if (channel === undefined || message === undefined) return 'late';
    try {
      if (settlement === 'ack') channel.ack(message);
      else channel.nack(message, false, true);
      this.#settlements.wrote();
    } catch (error) {
      // amqplib refuses to write to a channel that is closing: the broker takes the message back.
      this.#fail(this.#explain(error));
      return 'late';
    }
    return 'sent';
  }

  /**
   * By closing the channel: a queue puts back at once, at its head, what a channel leaves, while RabbitMQ 3.10 writes each message anew at
   * the end of a quorum queue without a delivery limit when it is given back by nack, 50 000 of them over many seconds.
   */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    const { areAtRisk } = this.#settlements;
    if (areAtRisk) await settleThrough(this.#link, channel, this.queue, (tag) => void this.#held.add(tag));
    const before = areAtRisk || this.#held.size > 0 ? await this.#count().catch(() => undefined) : 0;
    const returned = this.#held.size;
    this.#channel = undefined;
    this.#isOver = true;
    this.#held.clear();
    await closeChannel(this.#link, channel);
    if (returned > 0 && before !== undefined) await this.#waitForReady(before + returned).catch(() => {});
  }

  /**
   * The close is answered before the queue has heard of it, and whoever looks meanwhile sees an empty queue. Others may take some of the
   * messages, so the wait ends too when their number has not grown for a while.
   */
  async #waitForReady(expected: number): Promise<void> {
    const channel = await openChannel(this.#link, { onGone: () => {}, onDefect: () => {} });
    let most = -1;
    let grewAtMs = asyncScheduler.now();
    for (;;) {
      const { messageCount } = await this.#link.ask(channel.checkQueue(this.queue), `for queue "${this.queue}"`);
      const nowMs = asyncScheduler.now();
      if (messageCount > most) {
        most = messageCount;
        grewAtMs = nowMs;
      }
      if (messageCount >= expected || nowMs - grewAtMs > RETURN_WITHIN_MS) break;
      await firstValueFrom(timer(LOOK_EVERY_MS));
    }
    await closeChannel(this.#link, channel);
  }

  async #readWindow(wanted: number): Promise<HeldDelivery[]> {
    const channel = this.#openChannel();
    const window: HeldDelivery[] = [];
    await this.#link.ask(channel.prefetch(wanted), 'basic.qos');
    let idle: Subscription | undefined;
    let finish = (): void => {};
    const isOver = new Promise<void>((resolve) => {
      finish = resolve;
    });
    this.#onFailure = finish;
    const waitOn = (): void => {
      idle?.unsubscribe();
      idle = asyncScheduler.schedule(finish, IDLE_MS);
    };
    const receive = (message: ConsumeMessage | null): void => {
      if (message === null) {
        this.#fail(new TopologyError(`queue "${this.queue}" was deleted, or moved to another node`));
        return;
      }
      window.push(this.#take(message));
      if (window.length >= wanted) finish();
      else waitOn();
    };
    try {
      const consumerTag = `window ${String(++this.#windows).padStart(6, '0')}`;
      await this.#link.ask(channel.consume(this.queue, receive, { consumerTag }), 'basic.consume');
      if (window.length < wanted) waitOn();
      await isOver;
      if (this.#failure === undefined) await this.#link.ask(channel.cancel(consumerTag), 'basic.cancel');
    } catch (error) {
      throw this.#failure ?? this.#explain(error);
    } finally {
      idle?.unsubscribe();
      this.#onFailure = undefined;
    }
    return window;
  }

  #take(message: ConsumeMessage): HeldDelivery {
    this.#template ??= { ...message, content: NOTHING };
    this.#held.add(message.fields.deliveryTag);
    this.#messages++;
    this.#bytes += message.content.byteLength;
    return heldDelivery(this, message);
  }

  /** A body that was larger than those before makes one window too large, not the next. */
  #windowSize(): number {
    if (this.#messages === 0) return FIRST_WINDOW;
    const meanBytes = Math.max(1, this.#bytes / this.#messages);
    return Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, Math.floor(WINDOW_BYTES / meanBytes)));
  }

  async #count(): Promise<number> {
    try {
      const { messageCount } = await this.#link.ask(
        this.#openChannel().checkQueue(this.queue),
        `for queue "${this.queue}"`,
      );
      return messageCount;
    } catch (error) {
      throw this.#failure ?? this.#explain(error);
    }
  }

  #openChannel(): Channel {
    if (this.#channel !== undefined) return this.#channel;
    throw this.#failure ?? new BrokerUnavailableError('the visit is over');
  }

  #withTag(deliveryTag: number): ConsumeMessage | undefined {
    const template = this.#template;
    return template === undefined ? undefined : { ...template, fields: { ...template.fields, deliveryTag } };
  }

  #fail(failure: SluiceError): void {
    if (this.#failure !== undefined || this.#isOver) return;
    this.#failure = failure;
    this.#lost.next(failure.message);
    this.#lost.complete();
    this.#onFailure?.();
  }

  #explain(cause: unknown): SluiceError {
    if (cause instanceof BrokerUnavailableError) return cause;
    if (replyCodeOf(cause) === REPLY.notFound)
      return new TopologyError(`queue "${this.queue}" does not exist`, { cause });
    if (replyCodeOf(cause) === REPLY.accessRefused)
      return new TopologyError(`queue "${this.queue}": the broker user may not (${brokerText(cause)})`, { cause });
    const reason = cause === undefined ? 'the channel was closed' : reasonOf(cause);
    return new BrokerUnavailableError(reason, { cause });
  }
}

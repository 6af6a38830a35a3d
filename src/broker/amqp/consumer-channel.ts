/**
 * One consumer on one channel of one link, from `channel.open` to the last settlement. When it is gone it stays gone:
 * bringing the consumer back is another channel's work, and no delivery of this one ever reaches that.
 */
import type { Channel, ConsumeMessage, Options } from 'amqplib';
import { AsyncSubject, type Observable, type Subscription } from 'rxjs';
import type { StreamOffset } from '../broker.ts';
import { AmqpDelivery, type SettlingChannel } from './amqp-delivery.ts';
import { reasonOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';
import { Settlements, settleThrough } from './settle-through.ts';
import { TurnAcks, type Unsettled } from './turn-acks.ts';

export interface ConsumerChannelOptions {
  readonly link: Link;
  readonly queue: string;
  readonly prefetch: number;
  /** See `ConsumeOptions.keepsOrder`. */
  readonly keepsOrder: boolean;
  /** See `ConsumeOptions.streamOffset`. */
  readonly streamOffset?: StreamOffset | undefined;
  readonly onDelivery: (delivery: AmqpDelivery) => void;
  /** The broker accepted the consumer. */
  readonly onConsuming: () => void;
  /** Channel or consumer are gone, or never came to be; called once, not after `stop`. */
  readonly onGone: (reason: string) => void;
  readonly onDefect: DefectListener;
}

export class ConsumerChannel implements SettlingChannel {
  readonly queue: string;
  readonly #options: ConsumerChannelOptions;
  readonly #lost = new AsyncSubject<string>();
  readonly #ended = new AsyncSubject<never>();
  #link: Subscription | undefined;
  #channel: Channel | undefined;
  #consumerTag: string | undefined;
  readonly #acks = new TurnAcks<ConsumeMessage>();
  readonly #settlements = new Settlements();
  #unsettled = 0;
  #leaving: Promise<void> | undefined;
  #isConsuming = false;
  #isStopping = false;
  #isOver = false;

  constructor(options: ConsumerChannelOptions) {
    this.#options = options;
    this.queue = options.queue;
    // The link knows why it went; its channels learn only that they are closed.
    this.#link = options.link.lost.subscribe((reason) => this.#fail(reason));
    if (!this.#isOver) void this.#open();
  }

  get lost(): Observable<string> {
    return this.#lost;
  }

  /** Completes when nothing of it is left on the broker. */
  get ended(): Observable<never> {
    return this.#ended;
  }

  /** Takes no more deliveries; the channel stays for those already out and ends with the last of them. */
  stop(): void {
    if (this.#isStopping || this.#isOver) return;
    this.#isStopping = true;
    // A cancel would let the next consumer begin while messages are in work here: the close of the channel cancels, and gives back what is held.
    if (this.#options.keepsOrder) this.#closeWhenSettled();
    else if (this.#consumerTag !== undefined) void this.#cancel(this.#consumerTag);
    // While it is being opened, the opening looks at the flag after each answer.
  }

  /** Closes the channel in order, whatever is still unsettled: the broker takes that back. */
  close(reason: string): Promise<void> {
    this.#sendAcks();
    this.#end(reason);
    return this.#leave();
  }

  send(settlement: 'ack' | 'requeue', delivery: Unsettled<ConsumeMessage>): boolean {
    const channel = this.#channel;
    if (this.#isOver || channel === undefined) return false;
    if (settlement === 'requeue' && this.#options.keepsOrder) {
      this.#giveBackInOrder();
      return true;
    }
    if (settlement === 'ack') {
      if (this.#acks.add(delivery)) this.#options.link.atEndOfTurn(() => this.#sendAcks());
    } else if (!this.#reject(channel, delivery)) {
      return false;
    }
    this.#unsettled--;
    if (this.#isStopping) this.#closeWhenSettled();
    return true;
  }

  #reject(channel: Channel, delivery: Unsettled<ConsumeMessage>): boolean {
    try {
      // RabbitMQ 4.3 counts a reject towards the delivery limit, a nack it does not.
      channel.reject(delivery.message, true);
    } catch (error) {
      // amqplib refuses to write to a channel that is closing: the broker has taken the delivery back.
      this.#fail(reasonOf(error));
      return false;
    }
    this.#settlements.wrote();
    this.#acks.settled(delivery);
    return true;
  }

  /** Where the channel has gone since, the broker delivers those messages again. */
  #sendAcks(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    try {
      for (const { message, isMultiple } of this.#acks.take()) {
        channel.ack(message, isMultiple);
        this.#settlements.wrote();
      }
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  async #open(): Promise<void> {
    const { link, queue, prefetch, onDefect } = this.#options;
    try {
      const channel = await openChannel(link, { onGone: (cause) => this.#fail(goneReason(cause)), onDefect });
      this.#channel = channel;
      if (this.#isOver || this.#isStopping) return await this.close('stopped');
      await link.ask(channel.prefetch(prefetch), 'basic.qos');
      if (this.#isOver || this.#isStopping) return await this.close('stopped');
      const receive = (message: ConsumeMessage | null): void => this.#receive(message);
      const { consumerTag } = await link.ask(channel.consume(queue, receive, this.#consumeOptions()), 'basic.consume');
      if (this.#isOver) return;
      this.#consumerTag = consumerTag;
      if (this.#isStopping && this.#options.keepsOrder) return this.#closeWhenSettled();
      if (this.#isStopping) return await this.#cancel(consumerTag);
      this.#markConsuming();
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  #consumeOptions(): Options.Consume {
    const { streamOffset: from } = this.#options;
    if (from === undefined) return {};
    const offset = from instanceof Date ? { '!': 'timestamp', value: Math.floor(from.getTime() / 1_000) } : from;
    return { arguments: { 'x-stream-offset': offset } };
  }

  #receive(message: ConsumeMessage | null): void {
    try {
      if (message === null) this.#fail(CANCELLED);
      else if (!this.#isOver) this.#deliver(message);
    } catch (error) {
      // A throw would reach amqplib, which closes the channel for it.
      this.#options.onDefect(error);
    }
  }

  /** On its own it would come again behind those that are out already. It goes back with them, when the channel ends. */
  #giveBackInOrder(): void {
    this.#unsettled--;
    if (this.#isStopping) this.#closeWhenSettled();
    else this.#fail('a message was given back, and those after it with it, to keep their order');
  }

  #deliver(message: ConsumeMessage): void {
    const unsettled = this.#acks.took(message, message.fields.deliveryTag);
    // Held unsettled until the channel ends: given back now, it would come at once again.
    if (this.#isStopping && this.#options.keepsOrder) return;
    this.#unsettled++;
    const delivery = new AmqpDelivery(this, unsettled);
    if (this.#isStopping) {
      delivery.requeue();
      return;
    }
    this.#markConsuming();
    this.#options.onDelivery(delivery);
  }

  /** A delivery can be here before the answer to `basic.consume` has been seen. */
  #markConsuming(): void {
    if (this.#isConsuming) return;
    this.#isConsuming = true;
    this.#options.onConsuming();
  }

  async #cancel(consumerTag: string): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined || this.#isOver) return;
    const proven = this.#settlements.provenByAnswer();
    try {
      await this.#options.link.ask(channel.cancel(consumerTag), 'basic.cancel');
      proven();
    } catch {
      // The channel goes with its unsettled deliveries, or went: either way nothing more comes in.
    }
    this.#consumerTag = undefined;
    this.#closeWhenSettled();
  }

  #closeWhenSettled(): void {
    const isCancelled = this.#consumerTag === undefined || this.#options.keepsOrder;
    if (this.#unsettled === 0 && isCancelled && !this.#isOver) void this.close('stopped');
  }

  /** The channel ends against our will. */
  #fail(reason: string): void {
    if (this.#isOver) return;
    const wasStopping = this.#isStopping;
    this.#end(reason);
    this.#sendAcks();
    // Where the channel is still open (server cancel, unanswered request) its deliveries go back with it.
    if (this.#options.link.isOpen) void this.#leave();
    else this.#ended.complete();
    if (!wasStopping) this.#options.onGone(reason);
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#link?.unsubscribe();
    if (this.#unsettled > 0) this.#lost.next(reason);
    this.#lost.complete();
  }

  #leave(): Promise<void> {
    const channel = this.#channel;
    if (channel !== undefined) this.#leaving ??= this.#closeSettled(channel);
    else this.#ended.complete();
    return this.#leaving ?? Promise.resolve();
  }

  async #closeSettled(channel: Channel): Promise<void> {
    const { link, queue, streamOffset } = this.#options;
    // A stream forgets nothing: an ack there makes room for more, and that is all.
    if (this.#settlements.areAtRisk && streamOffset === undefined) await settleThrough(link, channel, queue);
    await closeChannel(link, channel);
    // Not before: whoever waits for it closes the connection next.
    this.#ended.complete();
  }
}

/** It does not say why. RabbitMQ before 4.3 closes the channel of a delivery that was held too long, and does say so. */
const CANCELLED =
  'the broker cancelled the consumer: its queue was deleted or moved, or, since RabbitMQ 4.3, a delivery was unsettled for longer than consumer_timeout';

const goneReason = (cause: unknown): string => (cause === undefined ? 'the channel was closed' : reasonOf(cause));

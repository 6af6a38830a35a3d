/**
 * One consumer of the port: a channel of its own, brought back whenever connection, channel or consumer goes.
 * Deliveries are bound to the channel they came on; after it has gone their settlement does nothing.
 */
import { asyncScheduler, ReplaySubject, type Subscriber, type Subscription } from 'rxjs';
import { messageOf } from '../../../errors.ts';
import type { Delivery, SettleResult } from '../../../message/delivery.ts';
import type { ConsumeOptions } from '../../broker.ts';
import type { Channel, Connection } from '../model/channel.ts';
import type { DeliverEffect, Effect } from '../model/effect.ts';
import { EMPTY_TABLE } from '../model/field.ts';
import type { Verdict } from '../model/verdict.ts';
import { readHeaders, writeHeaders } from './headers.ts';
import type { InProcessBroker } from './in-process-broker.ts';
import { readProperties } from './properties.ts';

/** One life of the consumer: what is bound to its channel. */
interface Life {
  readonly channel: Channel;
  readonly lost: ReplaySubject<string>;
  /** Handed over and not settled. */
  out: number;
  isOver: boolean;
}

export class PortConsumer {
  readonly #broker: InProcessBroker;
  readonly #queue: string;
  readonly #options: ConsumeOptions;
  readonly #retryMs: number;
  readonly #subscriber: Subscriber<Delivery>;
  #connection: Connection | undefined;
  #life: Life | undefined;
  #retry: Subscription | undefined;
  #isStopped = false;
  #refusal: string | undefined;

  constructor(
    broker: InProcessBroker,
    queue: string,
    options: ConsumeOptions,
    retryMs: number,
    subscriber: Subscriber<Delivery>,
  ) {
    this.#broker = broker;
    this.#queue = queue;
    this.#options = options;
    this.#retryMs = retryMs;
    this.#subscriber = subscriber;
  }

  /** Whether it is over: stopped, and everything it handed over is settled or lost. */
  get isDone(): boolean {
    return this.#isStopped && this.#life === undefined;
  }

  connected(connection: Connection): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#begin();
  }

  disconnected(reason: string): void {
    this.#connection = undefined;
    this.#retry?.unsubscribe();
    this.#end(reason);
  }

  /** Takes no more; what is out stays settleable. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#retry?.unsubscribe();
    const life = this.#life;
    if (life === undefined) return;
    // A cancel would let the next consumer begin while messages are in work here.
    if (!this.#keepsOrder) this.#broker.run((model) => model.cancel(life.channel, CONSUMER_TAG));
    this.#closeIfIdle(life);
  }

  #begin(): void {
    const connection = this.#connection;
    if (this.#isStopped || connection === undefined) return;
    const life: Life = {
      channel: this.#broker.openChannel(connection, (effect) => this.#receive(life, effect)),
      lost: new ReplaySubject<string>(1),
      out: 0,
      isOver: false,
    };
    try {
      this.#broker.run((model) => {
        model.setPrefetch(life.channel, this.#options.prefetch, false);
        const offset = this.#options.streamOffset?.();
        const place = offset === undefined ? EMPTY_TABLE : writeHeaders({ 'x-stream-offset': offset });
        model.consume(life.channel, { queue: this.#queue, consumerTag: CONSUMER_TAG, arguments: place });
      });
    } catch (error) {
      this.#broker.run((model) => model.closeChannel(life.channel));
      this.#refused(messageOf(error));
      return;
    }
    this.#life = life;
    this.#refusal = undefined;
    this.#options.onConsuming?.(true);
  }

  /** A queue that is not there may come: looks again, and tells each reason once. */
  #refused(reason: string): void {
    if (this.#refusal !== reason) this.#options.onConsuming?.(false, reason);
    this.#refusal = reason;
    this.#retry = asyncScheduler.schedule(() => this.#begin(), this.#retryMs);
  }

  #receive(life: Life, effect: Effect): void {
    if (effect.kind === 'deliver') {
      this.#deliver(life, effect);
    } else if (effect.kind === 'cancel') {
      this.#broker.run((model) => model.closeChannel(life.channel));
      this.#ended(`the broker cancelled the consumer of queue "${this.#queue}"`);
    } else if (effect.kind === 'close') {
      this.#broker.run((model) => model.closeChannel(life.channel));
      this.#ended(effect.fault.message);
    }
  }

  #ended(reason: string): void {
    this.#end(reason);
    if (!this.#isStopped) this.#retry = asyncScheduler.schedule(() => this.#begin(), this.#retryMs);
  }

  #end(reason: string): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    life.isOver = true;
    life.lost.next(reason);
    life.lost.complete();
    if (!this.#isStopped) this.#options.onConsuming?.(false, reason);
  }

  #deliver(life: Life, effect: DeliverEffect): void {
    // Held unsettled until the channel ends: given back now, it would come at once again.
    if (this.#isStopped && this.#keepsOrder) return;
    if (this.#isStopped) {
      // It was on its way when the consumer stopped. Where the channel has gone meanwhile, it went back with that.
      if (life.channel.isOpen)
        this.#broker.run((model) => model.settle(life.channel, effect.deliveryTag, false, 'requeue'));
      return;
    }
    life.out++;
    this.#subscriber.next(this.#deliveryOf(life, effect));
  }

  #deliveryOf(life: Life, { deliveryTag, redelivered, message }: DeliverEffect): Delivery {
    let isSettled = false;
    const settle = (verdict: Verdict): SettleResult => {
      if (isSettled) return 'repeated';
      isSettled = true;
      // Closed with its connection, and not told of it yet: another consumer was told first, and whoever heard of it settles this one's too.
      if (life.isOver || !life.channel.isOpen) return 'late';
      life.out--;
      if (verdict === 'requeue' && this.#keepsOrder) {
        this.#giveBackInOrder(life);
        return 'sent';
      }
      this.#broker.run((model) => model.settle(life.channel, deliveryTag, false, verdict));
      this.#closeIfIdle(life);
      return 'sent';
    };
    const { exchange, routingKey, properties, body } = message;
    return {
      queue: this.#queue,
      exchange,
      routingKey,
      deliveryTag,
      redelivered,
      body,
      properties: readProperties(properties),
      headers: readHeaders(properties.headers ?? EMPTY_TABLE),
      lost: life.lost.asObservable(),
      ack: () => settle('ack'),
      requeue: () => settle('requeue'),
    };
  }

  get #keepsOrder(): boolean {
    return this.#options.keepsOrder === true;
  }

  /** On its own it would come again behind those that are out already. It goes back with them, when the channel ends. */
  #giveBackInOrder(life: Life): void {
    if (this.#isStopped) {
      this.#closeIfIdle(life);
      return;
    }
    this.#broker.run((model) => model.closeChannel(life.channel));
    this.#ended('a message was given back, and those after it with it, to keep their order');
  }

  /** A stopped consumer keeps its channel for what is out, no longer. Deliveries still on their way are given back by the close. */
  #closeIfIdle(life: Life): void {
    if (!this.#isStopped || life.out > 0 || life.isOver) return;
    life.isOver = true;
    this.#life = undefined;
    life.lost.complete();
    this.#broker.run((model) => model.closeChannel(life.channel));
  }
}

/** One consumer a channel: any tag will do. */
const CONSUMER_TAG = 'port';

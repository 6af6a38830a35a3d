/** A delivery of RabbitMQ, bound to the channel that brought it: its tag means another message on any other channel. */
import type { ConsumeMessage } from 'amqplib';
import type { Observable } from 'rxjs';
import type { Delivery, Headers, MessageProperties, SettleResult } from '../../message/delivery.ts';
import { readHeaders } from './headers.ts';
import { readProperties } from './properties.ts';
import { unreadableIn } from './sound-headers.ts';
import type { Unsettled } from './turn-acks.ts';

/** What a delivery needs of its channel. */
export interface SettlingChannel {
  readonly queue: string;
  readonly lost: Observable<string>;
  /** Sends the settlement, at the end of this turn of the event loop at the latest; false when the channel is gone, so that nothing is sent. */
  send(settlement: 'ack' | 'requeue', delivery: Unsettled<ConsumeMessage>): boolean;
}

export class AmqpDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly body: Uint8Array;
  readonly properties: MessageProperties;
  readonly headers: Headers;
  readonly unreadable?: string;
  readonly #channel: SettlingChannel;
  readonly #unsettled: Unsettled<ConsumeMessage>;
  #isSettled = false;

  constructor(channel: SettlingChannel, unsettled: Unsettled<ConsumeMessage>) {
    const { message } = unsettled;
    const { fields, properties } = message;
    this.queue = channel.queue;
    this.exchange = fields.exchange;
    this.routingKey = fields.routingKey;
    this.deliveryTag = fields.deliveryTag;
    this.redelivered = fields.redelivered;
    this.body = message.content;
    this.properties = readProperties(properties);
    this.headers = readHeaders(properties.headers);
    const unreadable = unreadableIn(properties.headers);
    if (unreadable !== undefined) this.unreadable = unreadable;
    this.#channel = channel;
    this.#unsettled = unsettled;
  }

  get lost(): Observable<string> {
    return this.#channel.lost;
  }

  ack(): SettleResult {
    return this.#settle('ack');
  }

  requeue(): SettleResult {
    return this.#settle('requeue');
  }

  #settle(settlement: 'ack' | 'requeue'): SettleResult {
    // A second settlement of one tag makes the broker close the channel and take back all its other deliveries.
    if (this.#isSettled) return 'repeated';
    this.#isSettled = true;
    return this.#channel.send(settlement, this.#unsettled) ? 'sent' : 'late';
  }
}

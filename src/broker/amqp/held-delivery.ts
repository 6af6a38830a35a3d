/** A message in hand during a visit. Its hold knows the tag alone, so that what is settled late costs no body. */
import type { ConsumeMessage } from 'amqplib';
import type { Observable } from 'rxjs';
import type { Headers, MessageProperties, SettleResult } from '../../message/delivery.ts';
import type { HeldDelivery } from '../dead-letters.ts';
import { readHeaders } from './headers.ts';
import { readProperties } from './properties.ts';
import { unreadableIn } from './sound-headers.ts';

/** What a held delivery needs of its visit. */
export interface HoldingVisit {
  readonly queue: string;
  readonly lost: Observable<string>;
  settle(settlement: 'ack' | 'requeue', deliveryTag: number): SettleResult;
}

class Hold {
  readonly #visit: HoldingVisit;
  readonly #deliveryTag: number;

  constructor(visit: HoldingVisit, deliveryTag: number) {
    this.#visit = visit;
    this.#deliveryTag = deliveryTag;
  }

  ack(): SettleResult {
    return this.#visit.settle('ack', this.#deliveryTag);
  }

  requeue(): SettleResult {
    return this.#visit.settle('requeue', this.#deliveryTag);
  }
}

export function heldDelivery(visit: HoldingVisit, { fields, properties, content }: ConsumeMessage): HeldDelivery {
  const hold = new Hold(visit, fields.deliveryTag);
  const read: { readonly properties: MessageProperties; readonly headers: Headers } = {
    properties: readProperties(properties),
    headers: readHeaders(properties.headers),
  };
  const unreadable = unreadableIn(properties.headers);
  return {
    queue: visit.queue,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    deliveryTag: fields.deliveryTag,
    redelivered: fields.redelivered,
    body: content,
    ...read,
    ...(unreadable === undefined ? {} : { unreadable }),
    lost: visit.lost,
    hold,
    ack: () => hold.ack(),
    requeue: () => hold.requeue(),
  };
}

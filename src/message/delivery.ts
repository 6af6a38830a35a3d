/**
 * A delivery: one handing-over of a message by the broker, with the three ways to settle it.
 * Which of them, and when, is the engine's business; that it happens once, on the right channel, is the broker adapter's.
 */
import type { Observable } from 'rxjs';

/** A header value as AMQP tables carry it. */
export type HeaderValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly HeaderValue[]
  | HeaderTable;

export interface HeaderTable {
  readonly [name: string]: HeaderValue | undefined;
}

/** Headers of a message: own keys only, on a null prototype (a wire header named `__proto__` stays an ordinary key or is dropped). */
export type Headers = HeaderTable;

/** The basic properties of AMQP 0-9-1, without its deprecated ones. */
export interface MessageProperties {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly userId?: string;
  readonly priority?: number;
  /** Seconds since 1970, as the publisher says. */
  readonly timestamp?: number;
  /** Time to live in milliseconds, as a string of digits. */
  readonly expiration?: string;
  /** Whether the message survives a restart of the broker. */
  readonly persistent?: boolean;
}

/**
 * What became of a settlement: `sent` to the broker; `late`, the channel had gone and the broker will deliver the message again;
 * `repeated`, it was settled before and nothing was done.
 */
export type SettleResult = 'sent' | 'late' | 'repeated';

/** What a message carries, however it came. */
export type Carried = Pick<Delivery, 'body' | 'properties' | 'headers'>;

export interface Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** Unique on the delivery's channel alone. */
  readonly deliveryTag: number;
  /** The broker's hint that it handed the message over before. Proves nothing. */
  readonly redelivered: boolean;
  readonly body: Uint8Array;
  readonly properties: MessageProperties;
  readonly headers: Headers;
  /** Why the headers are not all that the message carries: some could not be decoded, and are left out. */
  readonly unreadable?: string;

  /** Emits the reason once, then completes, when the delivery's channel is gone: whatever is done after that is done again by someone else. Hot; late subscribers get it at once. */
  readonly lost: Observable<string>;

  /** Its effects are done: the broker forgets the message. */
  ack(): SettleResult;
  /** Gives the message back to its queue (`basic.reject` with requeue: the one form that counts towards a delivery limit since RabbitMQ 4.3). */
  requeue(): SettleResult;
}

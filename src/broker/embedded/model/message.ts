/** A message inside the broker, and the entry by which one queue holds it. */
import type { Deaths } from './deaths.ts';
import type { Table } from './field.ts';

/** The basic properties of AMQP 0-9-1. */
export interface BasicProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: Table;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
  readonly messageId?: string;
  readonly timestamp?: number | bigint;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** Further routing keys, from the headers CC and BCC. */
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  readonly properties: BasicProperties;
  readonly body: Uint8Array;
  /** The broker's own record; what clients write into such headers is none of it. */
  readonly deaths?: Deaths;
  /** The properties as they came over the wire, while nobody has changed them: a face may hand them on unread. */
  readonly encoded?: Uint8Array;
}

/** The same message with other properties. */
export function withProperties(message: Message, properties: BasicProperties): Message {
  const { encoded: _, ...rest } = message;
  return { ...rest, properties };
}

export const NO_KEYS: readonly string[] = [];

export const isPersistent = (message: Message): boolean => message.properties.deliveryMode === 2;

/** One queue's hold on a message. */
export interface Entry {
  readonly message: Message;
  /** Grows with each arrival: where a requeued message belongs. */
  readonly position: number;
  /** Moment in milliseconds, `Infinity` for never. */
  readonly expiresAt: number;
  redelivered: boolean;
  /** How often it came back unsettled: what a quorum queue counts against its delivery limit. */
  returns: number;
}

/** A message on its way out: a result, an answer, a retry copy or a dead letter. */
import type { Headers, MessageProperties } from './delivery.ts';

export interface OutgoingMessage {
  /** Empty for the default exchange, which routes to the queue named by the routing key. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly properties: MessageProperties;
  readonly headers: Headers;
  /** Whether a message that reaches no queue is an error. Default: true. */
  readonly mandatory?: boolean;
}

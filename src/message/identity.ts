/**
 * Who a message is: its id, the conversation it belongs to, its place in a trace, the names its effects are known by.
 * Everything is derived from the delivery, nothing is made up on the spot: a redelivery has the same identity.
 */
import { hash } from 'node:crypto';
import type { Delivery } from './delivery.ts';

/** A name of 43 characters for any number of parts; no two lists of parts share one. */
export const fingerprint = (...parts: readonly string[]): string =>
  hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'base64url');

/**
 * The message's id: the publisher's, or else a fingerprint of its body.
 * So a redelivery keeps its id; but two messages without an id and with equal bodies count as one message published twice.
 */
export function messageIdOf(delivery: Delivery): string {
  const given = delivery.properties.messageId;
  if (given !== undefined && given !== '') return given;
  return `body-${hash('sha256', delivery.body, 'base64url')}`;
}

/** The conversation's id: the publisher's, or else the message's own. */
export const correlationIdOf = (delivery: Delivery, messageId: string): string =>
  delivery.properties.correlationId || messageId;

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The W3C trace context to hand on: the message's own where it is well formed, else one derived from the message id.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceparentOf(delivery: Delivery, messageId: string): string {
  const given = delivery.headers.traceparent;
  if (typeof given === 'string' && TRACEPARENT.test(given)) return given;
  const digest = hash('sha256', `trace:${messageId}`, 'hex');
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01`;
}

/** The id of a message's nth result: the same for every attempt, so that whoever consumes it can tell a duplicate. */
export const resultIdOf = (pipeline: string, messageId: string, index: number): string =>
  fingerprint('result', pipeline, messageId, String(index));

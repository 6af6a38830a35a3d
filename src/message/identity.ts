/**
 * Who a message is: its id, the conversation it belongs to, its place in a trace, the names its effects are known by.
 * Everything is derived from the delivery, nothing is made up on the spot: a redelivery has the same identity.
 */
import { hash } from 'node:crypto';
import type { TraceContext } from '../tracing.ts';
import type { Delivery } from './delivery.ts';
import { isShortString } from './short-string.ts';

/** A name of 43 characters for any number of parts; no two lists of parts share one. */
export const fingerprint = (...parts: readonly string[]): string => fingerprintOf(listed(...parts));

/** The fingerprint of parts that are listed already. Lists can be put together: `listed(a, b)` is `listed(a) + listed(b)`. */
export const fingerprintOf = (list: string): string => hash('sha256', list, 'base64url');

export function listed(...parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  return text;
}

/** A name of 43 characters for the bytes of its body. */
export const bodyHashOf = ({ body }: Pick<Delivery, 'body'>): string => hash('sha256', body, 'base64url');

/**
 * The message's id: the publisher's, or else a fingerprint of its body.
 * So a redelivery keeps its id; but two messages without an id and with equal bodies count as one message published twice.
 */
export function messageIdOf(delivery: Delivery): string {
  const given = delivery.properties.messageId;
  if (given !== undefined && given !== '') return given;
  return `body-${bodyHashOf(delivery)}`;
}

/** Tells of the conversation a request belongs to, over HTTP and over the broker, where a request's correlation id is its own. */
export const CONVERSATION_HEADER = 'x-correlation-id';

/**
 * The conversation's id: the publisher's, or else the message's own. Of a message that asks for an answer what its header says: its correlation
 * id may be that of the asking alone.
 */
export function correlationIdOf({ properties, headers }: Delivery, messageId: string): string {
  const { replyTo, correlationId } = properties;
  const told = replyTo === undefined ? undefined : headers[CONVERSATION_HEADER];
  // The id goes on as a property.
  if (typeof told === 'string' && told !== '' && isShortString(told)) return told;
  return correlationId || messageId;
}

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Vendors' own part of a context: what is longer than the standard asks for, or no list of printable members, is dropped. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/**
 * The W3C trace context of whoever published the message, where it is well formed. Baggage is not read: it is other people's data, and
 * would go to every API.
 */
export const producerContextOf = ({ headers }: Delivery): TraceContext | undefined =>
  readTraceContext(headers.traceparent, headers.tracestate);

/** The context in two headers of a stranger. */
export function readTraceContext(traceparent: unknown, tracestate: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The context of a message that brought none: derived from its id, so that a redelivery has the same. */
export function derivedContext(messageId: string): TraceContext {
  const digest = hash('sha256', `trace:${messageId}`, 'hex');
  return { traceparent: `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01` };
}

export const traceIdOf = ({ traceparent }: TraceContext): string => traceparent.slice(3, 35);

/** The id of a message's nth result: the same for every attempt, so that whoever consumes it can tell a duplicate. */
export const resultIdOf = (pipeline: string, messageId: string, index: number): string =>
  fingerprint('result', pipeline, messageId, String(index));

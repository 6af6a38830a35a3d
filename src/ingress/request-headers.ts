/** What a request says of itself in its headers, read as a stranger's words: what is malformed is dropped, or refused where it matters. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { readTraceContext } from '../message/identity.ts';
import type { TraceContext } from '../tracing.ts';

/** The value of a header that may come once; undefined where it is missing, empty, or comes several times. */
export function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Ids end up in logs, in headers of messages and of other requests: letters, digits and what separates them, nothing else. */
const ID = /^[\w.:@/+=-]{1,128}$/;

/** The conversation's id, where the client has one that is fit to be passed on. */
export function correlationIdIn(headers: IncomingHttpHeaders): string | undefined {
  const given = single(headers, 'x-correlation-id') ?? single(headers, 'x-request-id');
  return given !== undefined && ID.test(given) ? given : undefined;
}

export const traceContextIn = (headers: IncomingHttpHeaders): TraceContext | undefined =>
  readTraceContext(headers.traceparent, headers.tracestate);

const IDEMPOTENCY_KEY = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/**
 * The key, with or without the quotes of a structured field. False for one that cannot be used: to drop it would be to do the work twice.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export function idempotencyKeyIn(headers: IncomingHttpHeaders): string | false | undefined {
  const given = headers['idempotency-key'];
  if (given === undefined) return undefined;
  const key = typeof given === 'string' ? given.replace(/^"(.*)"$/, '$1') : '';
  return IDEMPOTENCY_KEY.test(key) ? key : false;
}

/**
 * How long the client prefers to wait, in milliseconds: `wait=5` in seconds, 0 for `respond-async`; undefined where it says neither.
 * @see https://www.rfc-editor.org/rfc/rfc7240
 */
export function preferredWaitMs(headers: IncomingHttpHeaders): number | undefined {
  const preferences = (single(headers, 'prefer') ?? '').slice(0, 1_000).toLowerCase().split(',');
  let waitMs: number | undefined;
  for (const preference of preferences) {
    const [name = '', value = ''] = preference.trim().split(/ *= */, 2);
    if (name === 'respond-async') return 0;
    // Of a preference that is named twice, the first counts.
    if (name === 'wait' && waitMs === undefined && /^"?\d{1,6}"?$/.test(value))
      waitMs = Number(value.replaceAll('"', '')) * 1_000;
  }
  return waitMs;
}

/**
 * Which headers a call may carry. A header that cannot go out as it is, is refused: transports strip and drop such characters
 * silently, which breaks signatures and keys without a trace.
 */

/** A token of RFC 9110 section 5.6.2. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Anything but tab, printable ASCII and the upper half of Latin-1. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** Servers refuse longer ones; 8 kB is what the common ones take for all headers together. */
export const MAX_HEADER_VALUE_BYTES = 8_192;

/** Headers that decide where a request goes and where it ends: those are the transport's. */
const OF_THE_TRANSPORT = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
]);

/** Headers each call gets by itself. */
const OF_THE_CALL: Readonly<Record<string, string>> = {
  'x-correlation-id': 'it is the correlation id of the message',
  traceparent: 'it is the trace of the message',
  tracestate: 'it is the trace of the message',
  'x-timeout-ms': 'it is the time the call has left',
  'idempotency-key': 'use the option idempotencyKey',
};

/** Why a header cannot be sent, or undefined. Names the header, never its value. */
export function headerProblem(name: string, value: unknown): string | undefined {
  return headerNameProblem(name) ?? headerValueProblem(name, value);
}

export function headerNameProblem(name: string): string | undefined {
  // A name may be message data: it is quoted in full only when it is harmless.
  if (!NAME.test(name)) return `header name ${JSON.stringify(name.slice(0, 40))} is not a token`;
  const lower = name.toLowerCase();
  if (OF_THE_TRANSPORT.has(lower) || lower.startsWith('proxy-')) return `header ${lower} is set by the transport alone`;
  return Object.hasOwn(OF_THE_CALL, lower) ? `header ${lower} cannot be set: ${OF_THE_CALL[lower]}` : undefined;
}

export function headerValueProblem(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return `value of header ${name} is no text`;
  if (value.length > MAX_HEADER_VALUE_BYTES)
    return `value of header ${name} is longer than ${MAX_HEADER_VALUE_BYTES} bytes`;
  if (UNSENDABLE.test(value)) return `value of header ${name} holds a control character or one outside Latin-1`;
  if (value !== value.trim()) return `value of header ${name} begins or ends with white space, which servers drop`;
  return undefined;
}

export type HeaderRecord = Readonly<Record<string, string>>;

/**
 * Puts a header into a plain object, `__proto__` too. Without a prototype it would be a dictionary, of which V8 copies each name by itself: two headers
 * cost a call two microseconds.
 */
export function putHeader(headers: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__')
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  else headers[name] = value;
}

/** What it has itself, whatever is found on prototypes. */
export const ownHeader = (headers: HeaderRecord | undefined, name: string): string | undefined =>
  headers !== undefined && Object.hasOwn(headers, name) ? headers[name] : undefined;

const PRINTABLE_ASCII = /^[\x21-\x7e]{1,255}$/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A correlation id as its header carries it: itself where it is printable ASCII without spaces, percent-encoded UTF-8 elsewhere. */
export const headerSafeId = (id: string): string =>
  PRINTABLE_ASCII.test(id)
    ? id
    : encodeURIComponent(id.replace(LONE_SURROGATE, '\ufffd')).slice(0, MAX_HEADER_VALUE_BYTES);

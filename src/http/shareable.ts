/** What a server says on giving its answer to other callers too, later or at the same time. */
import { headerOf, TIMEOUT_HEADER, type TransportResponse } from './transport.ts';

/** With a field name (`private="set-cookie"`) these hold for that field alone; taken for the whole answer, they err on the safe side. */
const FORBIDS = /(?:^|[\s,])(?:no-store|no-cache|private)(?:$|[\s,=])/i;

/** Request headers that differ from message to message: an answer that depends on one of them is for that message alone. `*`: on anything. */
const OF_ONE_MESSAGE: ReadonlySet<string> = new Set(['*', 'x-correlation-id', 'traceparent', TIMEOUT_HEADER]);

/**
 * Whether an answer may be kept, and given to another call of the same request.
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2 response directives
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-4.1 `Vary`
 */
export function isShareable(response: TransportResponse): boolean {
  if (FORBIDS.test(headerOf(response, 'cache-control') ?? '')) return false;
  const vary = (headerOf(response, 'vary') ?? '').toLowerCase().split(',');
  return !vary.some((name) => OF_ONE_MESSAGE.has(name.trim()));
}

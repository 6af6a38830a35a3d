/**
 * Out of axios: what its promises reject with becomes a response or a failure of ours. An AxiosError carries the whole config, keys and
 * bodies included, so none of it goes further than here.
 */
import { ClientRequest } from 'node:http';
import { type AxiosError, AxiosHeaders, type AxiosResponse, isAxiosError } from 'axios';
import { bytesOf, plainHeaders } from './axios-instance.ts';
import { transportErrorOf } from './classify.ts';
import { TransportError, type TransportResponse } from './transport.ts';

const NOTHING = Buffer.alloc(0);

/** A response of axios as the port gives it. A body that an interceptor made into a value goes on as JSON. */
export function transportResponseOf(response: AxiosResponse<unknown>, isAccepted: boolean): TransportResponse {
  const headers = plainHeaders(AxiosHeaders.from(response.headers as AxiosHeaders));
  const { data } = response;
  const wasBytes =
    data === undefined ||
    data === null ||
    typeof data === 'string' ||
    ArrayBuffer.isView(data) ||
    data instanceof ArrayBuffer;
  if (!wasBytes) headers['content-type'] = 'application/json';
  return { status: response.status, isAccepted, headers, body: bytesOf(data) ?? NOTHING };
}

/** A complete response that `validateStatus` refused, or why there is none; what an author's own code threw comes back unchanged. */
export function outcomeOf(
  cause: unknown,
  maxResponseBytes: number,
  host: string,
): { readonly response: TransportResponse } | { readonly failure: unknown } {
  if (!isAxiosError(cause)) return { failure: cause };
  const { response } = cause;
  // A response that broke off is there too, with the status of its head; its body is not.
  if (response !== undefined && ArrayBuffer.isView(response.data))
    return { response: transportResponseOf(response, false) };
  return { failure: failureOf(cause, maxResponseBytes, host) };
}

function failureOf(error: AxiosError, maxResponseBytes: number, host: string): TransportError {
  const { cause, code = '', message } = error;
  const ours = ownFailureIn(cause);
  if (ours !== undefined) return ours;
  // axios tells this limit by its text alone.
  if (message === `maxContentLength size of ${maxResponseBytes} exceeded`)
    return new TransportError('size', 'answer is too large');
  if (message === 'stream has been aborted')
    return new TransportError('network', 'connection closed before the answer was complete (ECONNRESET)');
  if (code === 'ERR_FR_TOO_MANY_REDIRECTS') return new TransportError('response', 'too many redirects');
  if (cause instanceof Error && !isAxiosError(cause)) return transportErrorOf(cause, host, isUnanswered(error));
  if (code === 'ERR_CANCELED') return new TransportError('request', 'cancelled by an interceptor');
  if (NETWORK.has(code)) return new TransportError('network', `connection failed (${code})`);
  return new TransportError('request', `request cannot be sent (${code})`);
}

/** A failure of ours that axios, and whoever redirects below it, wrapped on its way. */
function ownFailureIn(cause: unknown): TransportError | undefined {
  for (let at = cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof TransportError) return at;
  }
  return undefined;
}

/** Node says of a request whether its connection was open before. */
const isUnanswered = ({ request, response }: AxiosError): boolean =>
  response === undefined && request instanceof ClientRequest && request.reusedSocket;

const NETWORK = new Set([
  'ECONNABORTED',
  'ETIMEDOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ERR_NETWORK',
  'ERR_BAD_RESPONSE',
  '',
]);

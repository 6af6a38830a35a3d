/**
 * From failures of the transport to errors of ours, in one place. What is told apart is what we did or saw ourselves (a limit hit, a socket
 * that broke, a response that is no HTTP), never a status: a response that is not complete has none.
 */
import {
  HttpStatusError,
  NetworkError,
  RequestInvalidError,
  ResponseInvalidError,
  ResponseTooLargeError,
  ServiceFailedError,
  SluiceError,
  systemCodeOf,
} from '../errors.ts';
import type { ApiOptions } from './api-options.ts';
import { certificateFault } from './certificate-fault.ts';
import { retryAfterMs } from './retry-after.ts';
import { markStale } from './stale-connections.ts';
import { markTellingNothing } from './tells-nothing.ts';
import { TokenStatusError } from './token-status-error.ts';
import { headerOf, TransportError, type TransportFault, type TransportResponse } from './transport.ts';

/** Which call an error is about. */
export type CallFacts = ConstructorParameters<typeof HttpStatusError>[0];

/** The error of a call for what its transport threw. Anything the transport does not throw by itself is an author's own and passes unchanged. */
export function callErrorOf(call: CallFacts, failure: unknown, maxResponseBytes: number, nowMs: number): unknown {
  if (failure instanceof TokenStatusError)
    return statusErrorOf({ api: call.api, operation: 'token endpoint' }, failure.response, nowMs);
  if (!(failure instanceof TransportError)) return failure;
  const options = failure.cause === undefined ? undefined : { cause: failure.cause };
  switch (failure.fault) {
    case 'network':
      return new NetworkError(call, failure.message, options);
    case 'stale':
      return markStale(new NetworkError(call, failure.message, options));
    case 'carrier':
      return markTellingNothing(new NetworkError(call, failure.message, options));
    case 'size':
      return new ResponseTooLargeError(call, maxResponseBytes);
    case 'response':
      return new ResponseInvalidError(call, failure.message, options);
    case 'request':
      return new RequestInvalidError(call, failure.message, options);
  }
}

/** An API's own word on what a failure is worth, in place of what the error says of itself. Errors are made for one call each, so this one changes. */
export function reclassified(error: unknown, classify: ApiOptions['classify']): unknown {
  if (classify === undefined || !(error instanceof SluiceError)) return error;
  try {
    const verdict = classify(error);
    if (verdict !== undefined)
      Object.defineProperty(error, 'isTransient', { value: verdict === 'transient', enumerable: true });
    return error;
  } catch (thrown) {
    return thrown;
  }
}

/** The error for a complete response whose status is no answer. */
export const statusErrorOf = (call: CallFacts, response: TransportResponse, nowMs: number): HttpStatusError =>
  new HttpStatusError(call, response.status, retryAfterMs(headerOf(response, 'retry-after'), nowMs));

/** The header in which a service names what went wrong, and a transport hands it on. */
export const ERROR_CODE_HEADER = 'x-sluice-error-code';

const ERROR_CODE = /^[A-Z][A-Z0-9_]{0,79}$/;

/** The error for an answer of a service that is a failure. */
export function serviceErrorOf(call: CallFacts, response: TransportResponse, nowMs: number): ServiceFailedError {
  const named = headerOf(response, ERROR_CODE_HEADER);
  return new ServiceFailedError(call, {
    status: response.status,
    errorCode: named !== undefined && ERROR_CODE.test(named) ? named : undefined,
    retryAfterMs: retryAfterMs(headerOf(response, 'retry-after'), nowMs),
  });
}

export const isAccepted = ({ status, isAccepted = status >= 200 && status < 300 }: TransportResponse): boolean =>
  isAccepted;

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not resolved',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'answer contradicts its own length',
  ERR_BUFFER_TOO_LARGE: 'answer is too large',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'answer is too large',
  UND_ERR_HEADERS_OVERFLOW: 'headers of the answer are too large',
  HPE_HEADER_OVERFLOW: 'headers of the answer are too large',
};

/** What an end of the connection without a word of an answer is called. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * The transport's failure for an error of node, undici or zlib, by its code. That error stays as the cause: it names addresses and codes,
 * and neither headers nor bodies. `isUnanswered`: the connection has answered before, and nothing of this answer has come.
 */
export function transportErrorOf(cause: Error, host = 'the server', isUnanswered = false): TransportError {
  const code = rootCodeOf(cause);
  const refusal = certificateFault(code, host, cause);
  if (refusal !== undefined) return new TransportError('network', `${refusal} (${code})`, { cause });
  const fault = isUnanswered && CLOSED.has(code) ? 'stale' : faultOf(code);
  const text =
    TEXTS[code] ??
    (fault === 'response' ? 'answer is garbled' : fault === 'request' ? 'request cannot be sent' : 'connection failed');
  return new TransportError(fault, `${text} (${code})`, { cause });
}

function faultOf(code: string): TransportFault {
  if (code === 'ERR_BUFFER_TOO_LARGE' || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'size';
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'response';
  if (code === 'HTTPParserError') return 'response';
  // llhttp: the peer does not speak HTTP as it should. Only an end that comes too early may be an accident.
  if (code.startsWith('HPE_')) return code === 'HPE_INVALID_EOF_STATE' ? 'network' : 'response';
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR_')) return 'response';
  if (
    code === 'UND_ERR_INVALID_ARG' ||
    code === 'UND_ERR_NOT_SUPPORTED' ||
    code.startsWith('ERR_INVALID_') ||
    code === 'ERR_HTTP_INVALID_HEADER_VALUE'
  )
    return 'request';
  return 'network';
}

/** The code of an error; of several at once (a host with two addresses) the first. */
function rootCodeOf(cause: Error): string {
  const code = systemCodeOf(cause);
  if (code !== undefined) return code;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return rootCodeOf(cause.errors[0]);
  return cause.name;
}

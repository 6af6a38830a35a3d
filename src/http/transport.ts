/**
 * The transport port: bytes out, bytes in. It knows nothing of JSON, schemas, retries or deadlines; those stand above it.
 * The real one of APIs is axios-transport.ts, that of services is the worker's, over its broker; a test or a simulation puts its own in their place.
 */
import type { Observable } from 'rxjs';
import type { MessageIdentity } from '../events.ts';
import type { CallOptions, HttpMethod } from './api.ts';

/** What a request is sent for. */
export interface CallSent {
  /** The message whose handle calls. */
  readonly owner: MessageIdentity;
  readonly request: {
    /** `POST /charge`: method and path template. */
    readonly call: { readonly api: string; readonly operation: string };
    readonly options: CallOptions;
  };
}

/** A request over HTTP. */
export interface HttpRequest extends TransportRequest {
  readonly method: HttpMethod;
}

/** How a request is made: over HTTP, or `ASK`, over the broker. */
export type CallMethod = HttpMethod | 'ASK';

export interface TransportRequest {
  readonly method: CallMethod;
  /** Scheme, host and port: `https://api.example.com`; `amqp:` of a service. Comes from the definition alone. */
  readonly origin: string;
  /** Path and query as they go on the wire; the operation of a service. */
  readonly path: string;
  /** Names in lower case, values checked; read own keys only. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** Time that is left for the answer, in milliseconds: told to the server, kept by the caller, who unsubscribes. Undefined: nothing is told. */
  readonly timeoutMs?: number | undefined;
  /** Whose call it is: for whoever records requests, or answers them from a recording, and for what a message says of its conversation. Undefined: it is no call of a handle. */
  readonly sentFor?: CallSent | undefined;
}

export const isHttp = (request: TransportRequest): request is HttpRequest => request.method !== 'ASK';

/**
 * Tells a server how long its answer is waited for, in milliseconds, as gRPC's `grpc-timeout` does: a length, since clocks differ.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md "Timeout"
 */
export const TIMEOUT_HEADER = 'x-timeout-ms';

/** Headers of a request, that of its time among them. */
export const headersOf = ({ headers, timeoutMs }: TransportRequest): TransportRequest['headers'] =>
  timeoutMs === undefined ? headers : { [TIMEOUT_HEADER]: String(timeoutMs), ...headers };

export interface TransportResponse {
  readonly status: number;
  /** Whether the status counts as an answer. Default: 2xx. */
  readonly isAccepted?: boolean;
  /** Names in lower case; read own keys only. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Decompressed. */
  readonly body: Uint8Array;
  /** One header by its name in lower case, repeated ones joined, where it can be had without reading all of them. Default: it is looked for in `headers`. */
  header?(name: string): string | undefined;
}

/**
 * Cold: subscribing sends the request, unsubscribing aborts it. Emits one complete response, whatever its status, then completes.
 * @throws TransportError, or whatever an author's interceptor throws.
 */
export interface Transport {
  (request: TransportRequest): Observable<TransportResponse>;
  /** Cold. Closes idle connections and aborts what is still under way, then completes. */
  readonly close?: () => Observable<never>;
}

/**
 * What went wrong below: `network`, the answer did not come or broke off; `stale`, the same on a connection that has answered before, and not a word of
 * it: servers give up connections that lie idle, and one may have done so while the request was on its way; `size`, it was larger than allowed;
 * `response`, it came and is not as agreed; `request`, it cannot be sent; `carrier`, what carries requests and answers is away, which tells
 * nothing of whoever is asked.
 */
export type TransportFault = 'network' | 'stale' | 'size' | 'response' | 'request' | 'carrier';

/** Of transports: classify.ts turns it into an error of errors.ts. */
export class TransportError extends Error {
  readonly fault: TransportFault;

  constructor(fault: TransportFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransportError';
    this.fault = fault;
  }
}

/** A response header by its name in lower case; repeated ones joined, as RFC 9110 section 5.3 allows. */
export function headerOf(response: TransportResponse, name: string): string | undefined {
  if (response.header !== undefined) return response.header(name);
  const { headers } = response;
  if (!Object.hasOwn(headers, name)) return undefined;
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

/**
 * The transport of an API without an `axios` function: the fast lane with the headers an untouched axios instance sends. axios itself is not
 * even loaded for it, which takes longer than loading all of sluice.
 */
import { defer, from, ignoreElements, map, mergeMap, type Observable, throwError } from 'rxjs';
import type { HttpMethod } from './api.ts';
import { compressAbove } from './compress.ts';
import type { ConnectSettings } from './connecting.ts';
import { ACCEPTED_ENCODINGS } from './decompress.ts';
import {
  type HttpRequest,
  isHttp,
  TIMEOUT_HEADER,
  type Transport,
  TransportError,
  type TransportResponse,
} from './transport.ts';
import { createUndiciLane, type UndiciLane } from './undici-lane.ts';
import type { BaseUrl } from './url.ts';

export interface PlainTransportOptions extends ConnectSettings {
  readonly base: BaseUrl;
  /** Connections open at once. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Idle connections are closed after this long. */
  readonly keepAliveMs: number;
  /** Largest body, before and after decompression. */
  readonly maxResponseBytes: number;
  /** Larger request bodies go out under gzip. Default: none do. */
  readonly compressAboveBytes?: number | undefined;
}

/** What requests carry by themselves, in the order of the wire. */
export const OWN_HEADERS = {
  accept: 'application/json, text/plain, */*',
  'user-agent': 'sluice',
  'accept-encoding': ACCEPTED_ENCODINGS,
} as const;

/** What the fast lane is told of an axios instance; of none at all, that of an untouched one. */
export interface DirectDefaults {
  /** Default headers for each method, names in lower case. */
  readonly headers: Readonly<Record<HttpMethod, Readonly<Record<string, string>>>>;
  /** Undefined: 2xx is accepted. */
  readonly isAccepted: ((status: number) => boolean) | undefined;
}

const UNTOUCHED: DirectDefaults = {
  headers: { GET: OWN_HEADERS, POST: OWN_HEADERS, PUT: OWN_HEADERS, PATCH: OWN_HEADERS, DELETE: OWN_HEADERS },
  isAccepted: undefined,
};

export function createPlainTransport(options: PlainTransportOptions): Transport {
  const lane = createUndiciLane({ ...options, origin: options.base.origin });
  return Object.assign(
    compressing(
      options,
      overHttp((request) => sendDirect(lane, UNTOUCHED, request)),
    ),
    { close: () => closing(lane) },
  );
}

/** A transport of what goes over HTTP, and of nothing else. */
export const overHttp =
  (send: (request: HttpRequest) => Observable<TransportResponse>): Transport =>
  (request) =>
    isHttp(request)
      ? send(request)
      : throwError(() => new TransportError('request', 'what is asked of a service goes over no HTTP'));

/** Sends what is below the limit as it is, and packs the rest before. */
export function compressing(
  { compressAboveBytes }: Pick<PlainTransportOptions, 'compressAboveBytes'>,
  send: Transport,
): Transport {
  if (compressAboveBytes === undefined) return send;
  const compress = compressAbove(compressAboveBytes);
  return (request) => compress(request).pipe(mergeMap(send));
}

export const closing = (lane: UndiciLane): Observable<never> =>
  defer(() => from(lane.destroy()).pipe(ignoreElements()));

/** Nothing of axios at work but what is known of its defaults. */
export function sendDirect(
  lane: UndiciLane,
  { headers: known, isAccepted }: DirectDefaults,
  request: HttpRequest,
): Observable<TransportResponse> {
  const { headers } = request;
  const defaults = known[request.method];
  const flat: string[] = [];
  for (const name of Object.keys(defaults)) if (!Object.hasOwn(headers, name)) flat.push(name, defaults[name] ?? '');
  for (const name of Object.keys(headers)) flat.push(name, headers[name] ?? '');
  if (request.timeoutMs !== undefined) flat.push(TIMEOUT_HEADER, String(request.timeoutMs));
  const responses = lane.send(request, flat);
  return isAccepted === undefined
    ? responses
    : responses.pipe(map(({ status, headers, body }) => ({ status, headers, body, isAccepted: isAccepted(status) })));
}

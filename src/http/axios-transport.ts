/**
 * The real transport: an axios instance read once, then undici. An API whose instance or interceptors ask for what that lane cannot do
 * goes through axios itself; both lanes answer alike.
 */
import { AxiosHeaders, type AxiosInstance, type AxiosResponse } from 'axios';
import { defer, from, ignoreElements, map, mergeMap, Observable } from 'rxjs';
import { Aborting } from './aborting.ts';
import { outcomeOf, transportResponseOf } from './axios-failure.ts';
import { type AxiosReading, bytesOf, readAxios } from './axios-instance.ts';
import { type AxiosLane, createAxiosLane } from './axios-lane.ts';
import { type Compress, compressAbove } from './compress.ts';
import type { ConnectSettings } from './connecting.ts';
import { configOf, sendConfig } from './intercepted-request.ts';
import { hasInterceptors, intercepted } from './interceptors.ts';
import {
  headersOf,
  TIMEOUT_HEADER,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport.ts';
import { createUndiciLane, type UndiciLane } from './undici-lane.ts';
import type { BaseUrl } from './url.ts';

export interface AxiosTransportOptions extends ConnectSettings {
  /** Whose transport it is, for messages about mistakes: `api "payment"`. */
  readonly subject: string;
  readonly base: BaseUrl;
  /** Connections open at once. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Idle connections are closed after this long. */
  readonly keepAliveMs: number;
  readonly maxRequestBytes: number;
  /** Largest body, before and after decompression. */
  readonly maxResponseBytes: number;
  /** Larger request bodies go out under gzip. Default: none do. */
  readonly compressAboveBytes?: number | undefined;
  /** The author's hand on the instance, before it is read. */
  readonly configure?: ((instance: AxiosInstance) => void) | undefined;
}

export function createAxiosTransport(options: AxiosTransportOptions): Transport {
  const reading = readAxios(options);
  const fast = createUndiciLane({ ...options, origin: options.base.origin });
  const thorough = createAxiosLane(options);
  const lanes = { reading, fast, thorough, options };

  const send = (request: TransportRequest): Observable<TransportResponse> => {
    if (!reading.fitsFastLane) return viaAxios(lanes, request);
    if (hasInterceptors(reading.instance)) return viaInterceptors(lanes, request);
    return direct(lanes, request);
  };
  const { compressAboveBytes } = options;
  const transport = compressAboveBytes === undefined ? send : compressed(compressAbove(compressAboveBytes), send);
  return Object.assign(transport, {
    close: () =>
      defer(() => {
        thorough.destroy();
        return from(fast.destroy()).pipe(ignoreElements());
      }),
  });
}

const compressed =
  (compress: Compress, send: Transport): Transport =>
  (request) =>
    compress(request).pipe(mergeMap(send));

/** Both ways to send, and what is known of the instance they send for. */
interface Lanes {
  readonly reading: AxiosReading;
  readonly fast: UndiciLane;
  readonly thorough: AxiosLane;
  readonly options: AxiosTransportOptions;
}

/** Nothing of axios at work but what was read. */
function direct({ reading, fast }: Lanes, request: TransportRequest): Observable<TransportResponse> {
  const { headers } = request;
  const defaults = reading.headers[request.method];
  const flat: string[] = [];
  for (const name of Object.keys(defaults)) if (!Object.hasOwn(headers, name)) flat.push(name, defaults[name] ?? '');
  for (const name of Object.keys(headers)) flat.push(name, headers[name] ?? '');
  if (request.timeoutMs !== undefined) flat.push(TIMEOUT_HEADER, String(request.timeoutMs));
  const responses = fast.send(request, flat);
  const { isAccepted } = reading;
  return isAccepted === undefined
    ? responses
    : responses.pipe(map((response) => ({ ...response, isAccepted: isAccepted(response.status) })));
}

const viaInterceptors = (lanes: Lanes, request: TransportRequest): Observable<TransportResponse> =>
  fromAxios(lanes.options, (aborting) =>
    intercepted(lanes.reading.instance, configOf(lanes.reading, request), (config) =>
      sendConfig(lanes, request, config, aborting),
    ),
  );

function viaAxios({ reading, thorough, options }: Lanes, request: TransportRequest): Observable<TransportResponse> {
  const { method, body } = request;
  // `false` keeps axios from making up a content type for a request without a body.
  const headers = AxiosHeaders.from({
    ...headersOf(request),
    ...(body === undefined ? { 'content-type': false } : {}),
  });
  const url = request.origin + request.path;
  return fromAxios(options, ({ signal }) =>
    thorough.request({ url, method, headers, data: bytesOf(body), signal }, reading.instance),
  );
}

/** A call of axios as the port wants it: aborted by unsubscribing, its AxiosErrors left behind. */
function fromAxios(
  { base, maxResponseBytes }: AxiosTransportOptions,
  start: (aborting: Aborting) => Promise<AxiosResponse>,
): Observable<TransportResponse> {
  return new Observable((sink) => {
    const aborting = new Aborting();
    const emit = (response: TransportResponse): void => {
      sink.next(response);
      sink.complete();
    };
    start(aborting)
      // What interceptors let through is accepted, whatever its status: they may have mended it.
      .then((response) => transportResponseOf(response, true))
      .then(emit, (cause: unknown) => {
        const outcome = outcomeOf(cause, maxResponseBytes, new URL(base.origin).host);
        if ('response' in outcome) emit(outcome.response);
        else sink.error(outcome.failure);
      });
    return aborting;
  });
}

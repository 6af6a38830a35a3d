/**
 * The transport of an API with an `axios` function: its instance read once, then undici. An API whose instance or interceptors ask for what
 * that lane cannot do goes through axios itself; both lanes answer alike.
 */
import { AxiosHeaders, type AxiosInstance, type AxiosResponse } from 'axios';
import { defer, Observable } from 'rxjs';
import { Aborting } from './aborting.ts';
import { outcomeOf, transportResponseOf } from './axios-failure.ts';
import { type AxiosReading, bytesOf, readAxios } from './axios-instance.ts';
import { type AxiosLane, createAxiosLane } from './axios-lane.ts';
import { configOf, sendConfig } from './intercepted-request.ts';
import { hasInterceptors, intercepted } from './interceptors.ts';
import { closing, compressing, overHttp, type PlainTransportOptions, sendDirect } from './plain-transport.ts';
import { type HttpRequest, headersOf, type Transport, type TransportResponse } from './transport.ts';
import { createUndiciLane, type UndiciLane } from './undici-lane.ts';

export interface AxiosTransportOptions extends PlainTransportOptions {
  /** Whose transport it is, for messages about mistakes: `api "payment"`. */
  readonly subject: string;
  readonly maxRequestBytes: number;
  /** The author's hand on the instance, before it is read. Default: it stays as it is made. */
  readonly configure?: ((instance: AxiosInstance) => void) | undefined;
}

export function createAxiosTransport(options: AxiosTransportOptions): Transport {
  const reading = readAxios(options);
  const fast = createUndiciLane({ ...options, origin: options.base.origin });
  const thorough = createAxiosLane(options);
  const lanes = { reading, fast, thorough, options };

  const send = overHttp((request) => {
    if (!reading.fitsFastLane) return viaAxios(lanes, request);
    if (hasInterceptors(reading.instance)) return viaInterceptors(lanes, request);
    return sendDirect(fast, reading, request);
  });
  return Object.assign(compressing(options, send), {
    close: () =>
      defer(() => {
        thorough.destroy();
        return closing(fast);
      }),
  });
}

/** Both ways to send, and what is known of the instance they send for. */
interface Lanes {
  readonly reading: AxiosReading;
  readonly fast: UndiciLane;
  readonly thorough: AxiosLane;
  readonly options: AxiosTransportOptions;
}

const viaInterceptors = (lanes: Lanes, request: HttpRequest): Observable<TransportResponse> =>
  fromAxios(lanes.options, (aborting) =>
    intercepted(lanes.reading.instance, configOf(lanes.reading, request), (config) =>
      sendConfig(lanes, request, config, aborting),
    ),
  );

function viaAxios({ reading, thorough, options }: Lanes, request: HttpRequest): Observable<TransportResponse> {
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

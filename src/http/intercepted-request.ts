/**
 * Between request and response interceptors: a config goes through the fast lane where that can do what it asks for, else through axios.
 * Towards interceptors it behaves as axios does: responses and AxiosErrors of axios' shape, bodies as bytes.
 */
import { AxiosError, AxiosHeaders, type AxiosResponse } from 'axios';
import { systemCodeOf } from '../errors.ts';
import type { Aborting } from './aborting.ts';
import { type AxiosConfig, type AxiosReading, axiosHeadersOf, bytesOf, plainHeaders } from './axios-instance.ts';
import { type AxiosLane, requireInside } from './axios-lane.ts';
import { type HttpRequest, headersOf, TransportError, type TransportResponse } from './transport.ts';
import type { UndiciLane } from './undici-lane.ts';
import type { BaseUrl } from './url.ts';

/** The request as the first interceptor finds it: the instance's defaults, and nothing of the message outside of URL, headers and data. */
export function configOf({ defaults, headers }: AxiosReading, request: HttpRequest): AxiosConfig {
  const { method, origin, path, body } = request;
  return {
    ...defaults,
    url: origin + path,
    method: method.toLowerCase(),
    headers: axiosHeadersOf(headers[method], headersOf(request)),
    data: bytesOf(body),
  };
}

interface LanesAndBase {
  readonly reading: AxiosReading;
  readonly fast: UndiciLane;
  readonly thorough: AxiosLane;
  readonly options: { readonly base: BaseUrl };
}

/** What a config may bring along that the fast lane takes; anything else has to be as the defaults have it. */
const TAKEN = new Set(['url', 'method', 'headers', 'data', 'validateStatus']);

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] satisfies readonly HttpRequest['method'][];
const isMethod = (method: string): method is HttpRequest['method'] => METHODS.includes(method);

/** The response to what the request interceptors made of the request. Rejects with an AxiosError, as response interceptors expect it. */
export async function sendConfig(
  lanes: LanesAndBase,
  request: HttpRequest,
  config: AxiosConfig,
  aborting: Aborting,
): Promise<AxiosResponse> {
  const { reading, fast, thorough, options } = lanes;
  const method = (config.method ?? request.method).toUpperCase();
  const entries: readonly (readonly [string, unknown])[] = Object.entries(config);
  const fitsFastLane =
    isMethod(method) && entries.every(([key, value]) => TAKEN.has(key) || value === reading.defaults[key]);
  if (!fitsFastLane) return thorough.request({ ...config, signal: aborting.signal });
  try {
    const path = config.url === request.origin + request.path ? request.path : requireInside(options.base, config);
    const headers = Object.entries(plainHeaders(AxiosHeaders.from(config.headers))).flat();
    const response = await once(fast, { method, path, body: bytesOf(config.data) }, headers, aborting);
    return settle(config, response);
  } catch (cause) {
    throw cause instanceof TransportError ? AxiosError.from(cause, systemCodeOf(cause.cause), config) : cause;
  }
}

function once(
  fast: UndiciLane,
  request: Parameters<UndiciLane['send']>[0],
  headers: string[],
  aborting: Aborting,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    if (aborting.isAborted) reject(new TransportError('request', 'cancelled'));
    else aborting.take(fast.send(request, headers).subscribe({ next: resolve, error: reject }));
  });
}

/** As axios settles: a status that `validateStatus` refuses rejects, with the response on the error. */
function settle(config: AxiosConfig, { status, headers, body }: TransportResponse): AxiosResponse {
  const response: AxiosResponse = {
    status,
    statusText: '',
    headers: axiosHeadersOf(headers),
    data: bytesOf(body),
    config,
  };
  const { validateStatus } = config;
  if (typeof validateStatus !== 'function' || validateStatus(status)) return response;
  const code = status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
  throw new AxiosError(`Request failed with status code ${status}`, code, config, undefined, response);
}

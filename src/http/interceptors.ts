/**
 * The author's axios interceptors around the fast lane, in axios' order: those of requests from the last to the first, those of responses
 * from the first to the last. Only calls of an API that has some pay for them.
 */
import type { AxiosInstance, AxiosResponse } from 'axios';
import type { AxiosConfig } from './axios-instance.ts';

const handlersOf = <T>(manager: { readonly handlers?: readonly T[] }): readonly (T | null)[] => manager.handlers ?? [];

/** Asked for each call: interceptors may be added and ejected at any time. */
export function hasInterceptors({ interceptors: { request, response } }: AxiosInstance): boolean {
  return handlersOf(request).length > 0 || handlersOf(response).length > 0;
}

/** The response of `send` for the config the request interceptors make, as the response interceptors leave it. */
export function intercepted(
  { interceptors }: AxiosInstance,
  config: AxiosConfig,
  send: (config: AxiosConfig) => Promise<AxiosResponse>,
): Promise<AxiosResponse> {
  // What an interceptor hands on is the author's word: axios types it as anything.
  let configs = Promise.resolve(config);
  for (const handler of handlersOf(interceptors.request).toReversed()) {
    if (handler === null || handler.runWhen?.(config) === false) continue;
    configs = configs.then(handler.fulfilled, handler.rejected) as Promise<AxiosConfig>;
  }
  let responses = configs.then(send);
  for (const handler of handlersOf(interceptors.response)) {
    if (handler !== null) responses = responses.then(handler.fulfilled, handler.rejected) as Promise<AxiosResponse>;
  }
  return responses;
}

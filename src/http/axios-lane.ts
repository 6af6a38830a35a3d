/**
 * The thorough lane: axios itself, for what the fast lane does not do (custom adapters, agents, proxies, transforms, redirects). Dearer, and under
 * the same rules: nothing leaves the base URL, no proxy from the environment, no redirect unless the author allows some.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosAdapter, type AxiosInstance, type AxiosResponse } from 'axios';
import type { AxiosConfig } from './axios-instance.ts';
import { TransportError } from './transport.ts';
import { KEEP_ALIVE_MS } from './undici-lane.ts';
import { type BaseUrl, isInside } from './url.ts';

export interface AxiosLane {
  /** `config` over the instance's defaults, through `instance` with its interceptors; one without any unless given. */
  request(config: Partial<AxiosConfig>, instance?: AxiosInstance): Promise<AxiosResponse>;
  destroy(): void;
}

export function createAxiosLane(base: BaseUrl, connections: number): AxiosLane {
  const options = { keepAlive: true, maxSockets: connections, timeout: KEEP_ALIVE_MS };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  const bare = axios.create();

  return {
    request(config, instance = bare) {
      const { defaults } = instance;
      const beforeRedirect = config.beforeRedirect ?? defaults.beforeRedirect;
      return instance.request({
        ...config,
        httpAgent: (config.httpAgent ?? defaults.httpAgent ?? httpAgent) as unknown,
        httpsAgent: (config.httpsAgent ?? defaults.httpsAgent ?? httpsAgent) as unknown,
        adapter: guarded(base, config.adapter ?? defaults.adapter),
        beforeRedirect(target, response, request) {
          if (!isInside(base, new URL(String(target.href))))
            throw new TransportError('response', 'answer redirects out of the base URL');
          beforeRedirect?.(target, response, request);
        },
      });
    },
    destroy() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** Looks at the URL a request really goes to, after interceptors and defaults had their say. */
function guarded(base: BaseUrl, adapter: Parameters<typeof axios.getAdapter>[0]): AxiosAdapter {
  return (config) => {
    requireInside(base, config);
    return axios.getAdapter(adapter)(config);
  };
}

/**
 * Path and query of the URL a config leads to.
 * @throws TransportError when that is outside of the base URL.
 */
export function requireInside(base: BaseUrl, config: Partial<AxiosConfig>): string {
  const uri = axios.getUri(config);
  if (!URL.canParse(uri) || !isInside(base, new URL(uri)))
    throw new TransportError('request', 'an interceptor or default leads out of the base URL');
  const { pathname, search } = new URL(uri);
  return pathname + search;
}

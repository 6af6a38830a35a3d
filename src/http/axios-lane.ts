/**
 * The thorough lane: axios itself, for what the fast lane does not do (custom adapters, agents, proxies, transforms, redirects). Dearer, and under
 * the same rules: nothing leaves the base URL, no proxy from the environment, no redirect unless the author allows some.
 */
import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import axios, { type AxiosAdapter, type AxiosInstance, type AxiosResponse } from 'axios';
import type { AxiosConfig } from './axios-instance.ts';
import { type ConnectSettings, connectOptions, isGuarded } from './connecting.ts';
import { boundInterim } from './interim-answers.ts';
import { TransportError } from './transport.ts';
import { type BaseUrl, isInside } from './url.ts';

export interface AxiosLane {
  /** `config` over the instance's defaults, through `instance` with its interceptors; one without any unless given. */
  request(config: Partial<AxiosConfig>, instance?: AxiosInstance): Promise<AxiosResponse>;
  destroy(): void;
}

export interface AxiosLaneOptions extends ConnectSettings {
  readonly base: BaseUrl;
  readonly connections: number;
  readonly keepAliveMs: number;
}

export function createAxiosLane(settings: AxiosLaneOptions): AxiosLane {
  const { base, connections, keepAliveMs } = settings;
  const options = { ...connectOptions(settings), keepAlive: true, maxSockets: connections, timeout: keepAliveMs };
  const httpAgent = bounding(new HttpAgent(options));
  const httpsAgent = bounding(
    settings.tlsNow === undefined ? new HttpsAgent(options) : new RereadingAgent(options, settings),
  );
  const bare = axios.create();

  return {
    request(config, instance = bare) {
      const { defaults } = instance;
      if (isGuarded(settings)) requireOurConnection({ ...defaults, ...config });
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

/** Node tells an agent of each request, by a name that its types leave out. */
function bounding<A extends HttpAgent>(agent: A): A {
  const add: unknown = Reflect.get(agent, 'addRequest');
  if (typeof add !== 'function') return agent;
  const addRequest = (request: ClientRequest, ...rest: readonly unknown[]): void => {
    boundInterim(request);
    Reflect.apply(add, agent, [request, ...rest]);
  };
  return Object.assign(agent, { addRequest });
}

/** Connects with the certificates of this moment, and resumes no session of others. */
class RereadingAgent extends HttpsAgent {
  readonly #settings: ConnectSettings;

  constructor(options: AgentOptions, settings: ConnectSettings) {
    super({ ...options, maxCachedSessions: 0 });
    this.#settings = settings;
  }

  override createConnection(
    ...[options, done]: Parameters<HttpsAgent['createConnection']>
  ): ReturnType<HttpsAgent['createConnection']> {
    try {
      const now = connectOptions({ ...this.#settings, tls: this.#settings.tlsNow?.() });
      return super.createConnection({ ...options, ...now }, done);
    } catch (error) {
      // As if connecting had failed: thrown from here it would pass for a mistake in the request.
      done?.(error instanceof Error ? error : new Error(String(error)), new Socket());
      return undefined;
    }
  }
}

/** What makes a connection of its own would keep neither `tls` nor `addresses`. */
const OWN_CONNECTION = [
  'httpAgent',
  'httpsAgent',
  'proxy',
  'socketPath',
  'transport',
  'lookup',
  'httpVersion',
] as const;

function requireOurConnection(config: Readonly<Record<string, unknown>>): void {
  const own = OWN_CONNECTION.find((key) => config[key] !== undefined && config[key] !== null && config[key] !== false);
  const used = own ?? (config.adapter === 'http' ? undefined : 'adapter');
  if (used !== undefined)
    throw new TransportError(
      'request',
      `an interceptor or default sets ${used}, which keeps neither tls nor addresses`,
    );
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

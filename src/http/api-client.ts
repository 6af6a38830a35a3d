/**
 * The client of an API: one for each worker and definition, so that its limits hold over all pipelines. Bound to a message it is what
 * handles call.
 */
import type { LookupFunction } from 'node:net';
import { asyncScheduler, concat, defer, EMPTY, type Observable } from 'rxjs';
import type { Facts } from '../events.ts';
import type { Bulkhead } from '../operators/bulkhead.ts';
import type { CircuitBreaker } from '../operators/circuit-breaker.ts';
import { TimeLimits } from '../operators/time-limits.ts';
import type { Random } from '../policies/random.ts';
import type { Secret } from '../setting.ts';
import type { Api } from './api.ts';
import { type ApiAvailability, availabilityOf, reportBreaker } from './api-availability.ts';
import { type ApiSettings, readSettings } from './api-settings.ts';
import { authorizedTransport } from './authorized-transport.ts';
import { createAxiosTransport } from './axios-on-demand.ts';
import { BoundApi, type CallScope } from './bound-api.ts';
import { CachedCalls } from './cached-calls.ts';
import type { CallParts } from './call-run.ts';
import type { ApiDefinition } from './define-api.ts';
import { createGuards, type GuardListeners } from './guards.ts';
import { reportSharing } from './limiter.ts';
import { createPlainTransport } from './plain-transport.ts';
import { renewedTransport } from './renewed-transport.ts';
import { TemplateCache } from './template-cache.ts';
import { tokenTransport } from './token-transport.ts';
import type { Transport } from './transport.ts';

export type { ApiAvailability } from './api-availability.ts';
export type { CallScope } from './bound-api.ts';

export interface ApiClientParts {
  readonly facts: Facts;
  readonly random: Random;
  /** What carries the requests, to the API and to its token endpoint. Default: undici; where the definition has an `axios` function, axios and undici. */
  readonly transport?: Transport | undefined;
  /** Stands between the client and what carries its requests: records, or breaks. Default: nothing does. */
  readonly throughTransport?: ((transport: Transport) => Transport) | undefined;
  /** What its slots are part of: the cap of a worker over all APIs. Default: nothing. */
  readonly within?: Bulkhead | undefined;
  /** What idempotency keys are derived under. Default: what a message says of itself. */
  readonly keySecret?: Secret | undefined;
  /** How host names become addresses. Default: as the system does. */
  readonly lookup?: LookupFunction | undefined;
}

export interface ApiClient {
  readonly name: string;
  /** For isolating the API by hand and releasing it. Undefined: it has none. */
  readonly breaker: CircuitBreaker | undefined;
  /** Retries that can be made now. Undefined: it has no budget. */
  retryBudget(): number | undefined;
  /**
   * Whether the API takes calls, and how many, now and at each change; never ends. While someone listens, the circuit half-opens by itself
   * when its time has come, so that whoever paused can send what it needs for probes.
   */
  readonly availability: Observable<ApiAvailability>;
  /** The API for one message. Cheap, and nothing to clean up. */
  bind(scope: CallScope): Api;
  /** Cold. Aborts what is under way, closes connections, then completes. */
  close(): Observable<never>;
}

/**
 * A client of the API. Reads the settings behind its definition. To the store of a shared rate limit it begins to connect, to the API at the first call.
 * @throws ConfigError with every setting that is missing or malformed.
 * @throws DefinitionError when the definition's `axios` function sets a base URL.
 * @throws TypeError when it has such a function and `loadAxiosFor` has not been awaited.
 */
export function createApiClient(definition: ApiDefinition, parts: ApiClientParts): ApiClient {
  const { name } = definition;
  const { facts, random } = parts;
  const settings = { ...readSettings(definition), keySecret: parts.keySecret };
  const listeners: GuardListeners = {
    onBreakerChange: (change) => reportBreaker(facts, name, change),
    onLimit: (limit) =>
      facts.isHeard.limitChanged && facts.report({ type: 'limitChanged', at: asyncScheduler.now(), api: name, limit }),
    onStore: (change) => reportSharing(facts, name, change),
  };
  const guards = createGuards(settings, random, listeners, parts.within);
  const { throughTransport = (transport: Transport) => transport } = parts;
  const transport = throughTransport(transportOf(definition, settings, parts));
  const call: CallParts = { settings, transport, guards, limits: new TimeLimits(), facts };
  const templates = new TemplateCache(name, settings.base);
  const cached = settings.cache === undefined ? undefined : new CachedCalls(call, settings.cache);
  const store = settings.rateLimit?.shared?.store;
  // Last of all: a client that could not be made must not leave a connection behind.
  store?.connect();
  return {
    name,
    breaker: guards.breaker,
    retryBudget: () => guards.budget?.balance(asyncScheduler.now()),
    availability: availabilityOf(guards.breaker, guards.limits),
    bind: (scope) => new BoundApi(call, templates, scope, cached),
    close: () =>
      defer(() => {
        cached?.close();
        return concat(transport.close?.() ?? EMPTY, store?.close() ?? EMPTY);
      }),
  };
}

/**
 * Looks at everything a client of the API would be made of, and makes none: connects to nothing.
 * @throws as `createApiClient`.
 */
export function checkApi(definition: ApiDefinition): void {
  const settings = readSettings(definition);
  // An author's function can be wrong too, and its transport connects with the first call.
  if (definition.options.axios !== undefined) overNetwork(definition, settings, undefined);
}

function transportOf(
  definition: ApiDefinition,
  settings: ApiSettings,
  { transport, lookup }: ApiClientParts,
): Transport {
  const api = transport ?? overNetwork(definition, settings, lookup);
  const { tokenRequest, headers } = settings;
  const { auth } = definition.options;
  if (auth?.scheme === 'header' && auth.canChange()) return renewedTransport(api, auth, headers[auth.header] ?? '');
  if (tokenRequest === undefined) return api;
  const tokens = transport ?? tokenTransport(tokenRequest.origin, settings, lookup);
  return authorizedTransport(api, tokens, tokenRequest, settings.timeoutMs);
}

function overNetwork(
  { name, options: { axios: configure } }: ApiDefinition,
  settings: ApiSettings,
  lookup: LookupFunction | undefined,
): Transport {
  const options = { ...settings, lookup, connectTimeoutMs: settings.timeoutMs };
  return configure === undefined
    ? createPlainTransport(options)
    : createAxiosTransport({ ...options, subject: `api "${name}"`, configure });
}

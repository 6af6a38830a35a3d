/**
 * The client of an API or a service: one for each worker and definition, so that its limits hold over all pipelines. Bound to a message it is
 * what handles call.
 */
import type { LookupFunction } from 'node:net';
import { asyncScheduler, concat, defer, EMPTY, type Observable, throwError } from 'rxjs';
import type { Facts } from '../events.ts';
import type { Bulkhead } from '../operators/bulkhead.ts';
import type { CircuitBreaker } from '../operators/circuit-breaker.ts';
import { TimeLimits } from '../operators/time-limits.ts';
import type { Random } from '../policies/random.ts';
import type { Secret } from '../setting.ts';
import type { Api } from './api.ts';
import { type ApiAvailability, availabilityOf, reportBreaker } from './api-availability.ts';
import { type ApiSettings, type CallSettings, readServiceSettings, readSettings } from './api-settings.ts';
import { authorizedTransport } from './authorized-transport.ts';
import { createAxiosTransport } from './axios-on-demand.ts';
import { BoundApi, type CallScope } from './bound-api.ts';
import { BoundService, operationsOf } from './bound-service.ts';
import { CachedCalls } from './cached-calls.ts';
import type { CallParts } from './call-run.ts';
import type { BoundTarget, CallTarget } from './call-target.ts';
import type { ApiDefinition } from './define-api.ts';
import type { ServiceDefinition } from './define-service.ts';
import { createGuards, type GuardListeners } from './guards.ts';
import { reportSharing } from './limiter.ts';
import { tokenRequests } from './oauth2.ts';
import { createPlainTransport } from './plain-transport.ts';
import { renewedTransport } from './renewed-transport.ts';
import type { Service } from './service.ts';
import { TemplateCache } from './template-cache.ts';
import { tokenTransport } from './token-transport.ts';
import type { Transport } from './transport.ts';

export type { ApiAvailability } from './api-availability.ts';
export type { CallScope } from './bound-api.ts';

export interface ApiClientParts {
  readonly facts: Facts;
  readonly random: Random;
  /**
   * What carries the requests, to the API and to its token endpoint. Default: undici; where the definition has an `axios` function, axios and
   * undici; nothing for a service, whose calls fail then.
   */
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

/** Of an API or a service. */
export interface CallClient<Bound extends BoundTarget = BoundTarget> {
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
  /** The API or service for one message. Cheap, and nothing to clean up. */
  bind(scope: CallScope): Bound;
  /** Cold. Aborts what is under way, closes connections, then completes. */
  close(): Observable<never>;
}

export type ApiClient = CallClient<Api>;

/** A client of a definition of either kind. */
export const createClient = (definition: CallTarget, parts: ApiClientParts): CallClient =>
  definition.kind === 'service' ? createServiceClient(definition, parts) : createApiClient(definition, parts);

/** A service that nobody carries requests to fails each call. @throws ConfigError when the store of its rate limit is not configured. */
function createServiceClient(definition: ServiceDefinition, parts: ApiClientParts): CallClient<Service> {
  const { name } = definition;
  const settings = { ...readServiceSettings(definition), keySecret: parts.keySecret };
  const { transport = uncarried(name), throughTransport = asItIs } = parts;
  const { call, client } = clientOver(name, settings, throughTransport(transport), parts);
  const operations = operationsOf(definition);
  return { ...client, bind: (scope) => new BoundService(name, call, operations, scope) };
}

const asItIs = (transport: Transport): Transport => transport;

const uncarried =
  (name: string): Transport =>
  () =>
    throwError(() => new TypeError(`no broker carries requests to service "${name}" here`));

/**
 * A client of the API. Reads the settings behind its definition. To the store of a shared rate limit it begins to connect, to the API at the first call.
 * @throws ConfigError with every setting that is missing or malformed.
 * @throws DefinitionError when the definition's `axios` function sets a base URL.
 * @throws TypeError when it has such a function and `loadAxiosFor` has not been awaited.
 */
export function createApiClient(definition: ApiDefinition, parts: ApiClientParts): ApiClient {
  const { name } = definition;
  const settings = { ...readSettings(definition), keySecret: parts.keySecret };
  const { throughTransport = asItIs } = parts;
  const transport = throughTransport(transportOf(definition, settings, parts));
  const { call, client } = clientOver(name, settings, transport, parts);
  const templates = new TemplateCache(name, settings.base);
  const cached = settings.cache === undefined ? undefined : new CachedCalls(call, settings.cache);
  return {
    ...client,
    bind: (scope) => new BoundApi(call, templates, scope, cached),
    close: () =>
      defer(() => {
        cached?.close();
        return client.close();
      }),
  };
}

/** What clients of both kinds have in common. */
function clientOver(
  name: string,
  settings: CallSettings,
  transport: Transport,
  { facts, random, within }: ApiClientParts,
): { readonly call: CallParts; readonly client: Omit<CallClient, 'bind'> } {
  const listeners: GuardListeners = {
    onBreakerChange: (change) => reportBreaker(facts, name, change),
    onLimit: (limit) =>
      facts.isHeard.limitChanged && facts.report({ type: 'limitChanged', at: asyncScheduler.now(), api: name, limit }),
    onStore: (change) => reportSharing(facts, name, change),
  };
  const guards = createGuards(settings, random, listeners, within);
  const call: CallParts = { settings, transport, guards, limits: new TimeLimits(), facts };
  const store = settings.rateLimit?.shared?.store;
  // Last of all: a client that could not be made must not leave a connection behind.
  store?.connect();
  const client = {
    name,
    breaker: guards.breaker,
    retryBudget: () => guards.budget?.balance(asyncScheduler.now()),
    availability: availabilityOf(name, guards.breaker, guards.limits),
    close: () =>
      concat(
        defer(() => transport.close?.() ?? EMPTY),
        defer(() => store?.close() ?? EMPTY),
      ),
  };
  return { call, client };
}

/**
 * Looks at everything a client of the API or service would be made of, and makes none: connects to nothing.
 * @throws as `createClient`.
 */
export function checkTarget(definition: CallTarget): void {
  if (definition.kind === 'service') {
    readServiceSettings(definition);
    return;
  }
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
  if (auth?.scheme !== 'oauth2' || tokenRequest === undefined) return api;
  const tokens = transport ?? tokenTransport(tokenRequest.origin, settings, lookup);
  return authorizedTransport(api, tokens, tokenRequests(auth, tokenRequest), settings.timeoutMs);
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

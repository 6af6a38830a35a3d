/**
 * An API's options as its client works with them: durations in milliseconds, defaults filled in, settings read from the environment.
 * Read once, when the worker starts.
 */
import { ConfigError, type Problem } from '../errors.ts';
import type { BreakerOptions } from '../operators/breaker-options.ts';
import type { ClientThrottleOptions } from '../operators/client-throttle.ts';
import type { TokenStore } from '../operators/shared-tokens.ts';
import { durationMs } from '../policies/duration.ts';
import type { Jitter } from '../policies/jitter.ts';
import { currentValue, type Secret } from '../setting.ts';
import { type AddressRule, addressRule, hostProblem } from './addresses.ts';
import { API_DEFAULTS } from './api-defaults.ts';
import type { AdaptiveConcurrency, ApiOptions, RateLimitOptions, RetryOptions } from './api-options.ts';
import type { ApiDefinition } from './define-api.ts';
import { destinationOf, SERVICE_ORIGIN, type ServiceDefinition, type ServiceDestination } from './define-service.ts';
import { headerValueProblem, putHeader } from './headers.ts';
import type { TokenRequest } from './oauth2.ts';
import { SecretError } from './secret-value.ts';
import type { ServiceOptions } from './service-options.ts';
import { readTls, TlsError, type TlsSettings, tlsOfConnects } from './tls.ts';
import { type BaseUrl, parseBaseUrl, UrlError } from './url.ts';

export interface RetrySettings {
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly maxMs: number;
  readonly jitter: Jitter;
  /** Retries for each call; undefined: without a budget. */
  readonly budget: number | undefined;
}

export interface RateLimitSettings extends Omit<RateLimitOptions, 'shared'> {
  /** Undefined: this worker has the limit for itself. */
  readonly shared: SharedLimitSettings | undefined;
}

export interface SharedLimitSettings {
  readonly store: TokenStore;
  /** Name of the bucket there. */
  readonly bucket: string;
  readonly localShareRatio: number;
}

export interface CacheSettings {
  readonly ttlMs: number;
  readonly staleForMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** What calls are made by, of an API and of a service. */
export interface CallSettings extends Pick<ApiOptions, 'hedge' | 'classify'> {
  readonly base: BaseUrl;
  /** Of a service: where its requests go, by operation. Undefined: it is an API. */
  readonly destinationOf: ((operation: string) => ServiceDestination) | undefined;
  /** Headers of every call, names in lower case, on a null prototype; that of `auth` among them where its value is fixed. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header `auth` owns: no call sets it. */
  readonly authHeader: string | undefined;
  readonly timeoutMs: number;
  readonly concurrency: number | Required<AdaptiveConcurrency>;
  readonly maxQueued: number;
  /** Undefined: none. */
  readonly rateLimit: RateLimitSettings | undefined;
  readonly breaker: BreakerOptions | undefined;
  readonly throttle: Pick<ClientThrottleOptions, 'multiplier'> | undefined;
  /** No pause a server asks for is longer. */
  readonly maxRetryAfterMs: number;
  /** Undefined: no retries. */
  readonly retry: RetrySettings | undefined;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  /** What idempotency keys are derived under, with their scope. Undefined: the scope alone. */
  readonly keySecret?: Secret | undefined;
}

/** What only HTTP has. */
export interface ApiSettings extends CallSettings {
  readonly tls: TlsSettings | undefined;
  /** `tls` as it is now, where that may change. */
  readonly tlsNow: (() => TlsSettings) | undefined;
  /** Undefined: every address will do. */
  readonly addresses: AddressRule | undefined;
  /** How a token is asked for, where `auth` is by token. */
  readonly tokenRequest: TokenRequest | undefined;
  readonly connections: number;
  readonly keepAliveMs: number;
  readonly cache: CacheSettings | undefined;
  /** Undefined: none are. */
  readonly compressAboveBytes: number | undefined;
}

/** @throws ConfigError where the store of its shared rate limit is not configured. */
export function readServiceSettings(definition: ServiceDefinition): CallSettings {
  const { name, options } = definition;
  const reader = new SettingReader(`service "${name}"`);
  const rateLimit = options.rateLimit === undefined ? undefined : readRateLimit(name, options.rateLimit, reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return {
    base: { origin: SERVICE_ORIGIN, prefix: '' },
    destinationOf: (operation) => destinationOf(definition, operation),
    headers: {},
    authHeader: undefined,
    ...guardSettings(options),
    rateLimit,
  };
}

type Guarding = Pick<ApiOptions, keyof ServiceOptions & keyof ApiOptions>;

function guardSettings(
  options: Guarding,
): Omit<CallSettings, 'base' | 'destinationOf' | 'headers' | 'authHeader' | 'rateLimit'> {
  const { retry, breaker = {}, hedge, classify } = options;
  return {
    timeoutMs: durationMs(options.timeout ?? API_DEFAULTS.timeoutMs),
    concurrency: concurrencyOf(options.concurrency),
    maxQueued: options.maxQueued ?? API_DEFAULTS.maxQueued,
    breaker: breaker === false ? undefined : breaker,
    throttle: throttleOf(options.throttle),
    maxRetryAfterMs: maxRetryAfterMs(retry),
    retry: retry === false ? undefined : retrySettings(retry),
    maxRequestBytes: options.maxRequestBytes ?? API_DEFAULTS.maxBytes,
    maxResponseBytes: options.maxResponseBytes ?? API_DEFAULTS.maxBytes,
    ...(hedge === undefined ? {} : { hedge }),
    ...(classify === undefined ? {} : { classify }),
  };
}

/**
 * Without a base URL nothing is said of it: a definition lacks one where it was wrong, which was told then.
 * @throws ConfigError with everything that is missing or malformed in the settings behind the definition. Values are not shown.
 */
export function readSettings({ name, options }: ApiDefinition): ApiSettings {
  const reader = new SettingReader(`api "${name}"`);
  const { auth, tls, addresses = 'any', rateLimit } = options;
  const base =
    options.baseUrl === undefined
      ? undefined
      : reader.read('baseUrl', () => parseBaseUrl(currentValue<string>(options.baseUrl)));
  const headers = readHeaders(options, reader);
  const tokenRequest = auth?.scheme === 'oauth2' ? reader.read('auth', () => auth.read()) : undefined;
  const tlsSettings = tls === undefined ? undefined : reader.read('tls', () => readTls(tls));
  const limit = rateLimit === undefined ? undefined : readRateLimit(name, rateLimit, reader);
  const rule = addressRule(addresses);
  if (base !== undefined) {
    const isPlain = base.origin.startsWith('http:');
    if (tls !== undefined && isPlain) reader.report('tls', 'needs a baseUrl with https://');
    checkHost(reader, 'baseUrl', base.origin, rule);
  }
  if (tokenRequest !== undefined) checkHost(reader, 'auth.tokenUrl', tokenRequest.origin, rule);
  if (base === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);

  const guarding = guardSettings(options);
  const { concurrency } = guarding;
  return {
    ...guarding,
    base,
    destinationOf: undefined,
    tls: tlsSettings,
    tlsNow: tls === undefined ? undefined : tlsOfConnects(tls),
    addresses: rule,
    headers,
    authHeader: auth?.header,
    tokenRequest,
    connections: options.connections ?? (typeof concurrency === 'number' ? concurrency : concurrency.max),
    keepAliveMs: durationMs(options.keepAlive ?? API_DEFAULTS.keepAliveMs),
    rateLimit: limit,
    cache: cacheSettings(options.cache),
    compressAboveBytes: options.compressRequests?.above,
  };
}

function checkHost(reader: SettingReader, path: string, origin: string, rule: AddressRule | undefined): void {
  const problem = hostProblem(new URL(origin).hostname, rule);
  if (problem !== undefined) reader.report(path, problem);
}

function concurrencyOf(given: ApiOptions['concurrency']): ApiSettings['concurrency'] {
  if (typeof given !== 'object') return given ?? API_DEFAULTS.concurrency;
  const { adaptive, min = API_DEFAULTS.adaptive.min } = given;
  const { max = Math.max(API_DEFAULTS.adaptive.max, min) } = given;
  return { adaptive, min, max, initial: given.initial ?? Math.min(max, Math.max(min, API_DEFAULTS.adaptive.initial)) };
}

function throttleOf(given: ApiOptions['throttle']): ApiSettings['throttle'] {
  if (given === undefined || given === false) return undefined;
  return given === true || given.k === undefined ? {} : { multiplier: given.k };
}

/** Reads one setting after the other and keeps what is wrong, so that all of it is reported at once. */
class SettingReader {
  readonly problems: Problem[] = [];
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  read<T>(path: string, take: () => T): T | undefined {
    try {
      return take();
    } catch (error) {
      if (error instanceof ConfigError) this.problems.push(...error.problems);
      else if (error instanceof UrlError || error instanceof TlsError || error instanceof SecretError)
        this.report(path, error.message);
      else throw error;
      return undefined;
    }
  }

  report(path: string, message: string): void {
    this.problems.push({ subject: this.#subject, path, message });
  }
}

function readHeaders({ headers = {}, auth }: ApiOptions, reader: SettingReader): ApiSettings['headers'] {
  const read: Record<string, string> = {};
  const take = (name: string, path: string, value: () => string): void => {
    const text = reader.read(path, value);
    const problem = text === undefined ? undefined : headerValueProblem(name, text);
    if (problem !== undefined) reader.report(path, problem);
    putHeader(read, name.toLowerCase(), text ?? '');
  };
  for (const [name, value] of Object.entries(headers)) take(name, `headers.${name}`, () => currentValue<string>(value));
  if (auth?.scheme === 'header') take(auth.header, 'auth', () => auth.read());
  return read;
}

/** The store it shares is read, and not connected yet. */
function readRateLimit(
  api: string,
  { shared, ...rate }: RateLimitOptions,
  reader: SettingReader,
): RateLimitSettings | undefined {
  if (shared === undefined) return { ...rate, shared };
  const { localShareRatio } = shared;
  const store = reader.read('rateLimit.shared', () => shared.read());
  return store === undefined ? undefined : { ...rate, shared: { store, bucket: api, localShareRatio } };
}

function cacheSettings(given: ApiOptions['cache']): CacheSettings | undefined {
  if (given === undefined) return undefined;
  const { ttl, staleFor = 0 } = given;
  const { maxEntries = API_DEFAULTS.cache.maxEntries, maxBytes = API_DEFAULTS.cache.maxBytes } = given;
  return { ttlMs: durationMs(ttl), staleForMs: durationMs(staleFor), maxEntries, maxBytes };
}

function retrySettings({
  maxAttempts,
  backoff = {},
  budget = API_DEFAULTS.retryBudget,
}: RetryOptions = {}): RetrySettings {
  return {
    maxAttempts: maxAttempts ?? API_DEFAULTS.maxAttempts,
    initialMs: durationMs(backoff.initial ?? API_DEFAULTS.backoffInitialMs),
    maxMs: durationMs(backoff.max ?? API_DEFAULTS.backoffMaxMs),
    jitter: backoff.jitter ?? 'full',
    budget: budget === false ? undefined : budget,
  };
}

function maxRetryAfterMs(retry: ApiOptions['retry']): number {
  const { maxRetryAfter, backoff } = typeof retry === 'object' ? retry : {};
  return durationMs(maxRetryAfter ?? backoff?.max ?? API_DEFAULTS.backoffMaxMs);
}

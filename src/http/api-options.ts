/** What authors may say of an API. api-schema.ts checks it, api-settings.ts fills in the defaults of api-defaults.ts. */
import type { AxiosInstance } from 'axios';
import type { SluiceError } from '../errors.ts';
import type { AdaptiveAlgorithm } from '../operators/adaptive-bulkhead.ts';
import type { BreakerOptions } from '../operators/breaker-options.ts';
import type { MeasuredPause } from '../operators/hedge.ts';
import type { TokenStoreDefinition } from '../operators/shared-tokens.ts';
import type { Duration } from '../policies/duration.ts';
import type { Jitter } from '../policies/jitter.ts';
import type { Setting } from '../setting.ts';
import type { Addresses } from './addresses.ts';
import type { Auth } from './auth.ts';
import type { TlsOptions } from './tls.ts';

export interface RetryOptions {
  /** Attempts in all, the first included. Integer, at least 1. Default: 3. */
  readonly maxAttempts?: number;
  /** Pauses between attempts; each is twice as long as the one before. */
  readonly backoff?: {
    /** Ceiling of the first pause. Default: 100 ms. */
    readonly initial?: Duration;
    /** No pause is longer. Default: 5 s. */
    readonly max?: Duration;
    /** `full`: drawn between 0 and the ceiling; `equal`: between half of it and it; `none`: the ceiling itself. Default: full. */
    readonly jitter?: Jitter;
  };
  /** A server's `Retry-After` is obeyed up to this long; it counts where it is longer than the backoff. Default: `backoff.max`. */
  readonly maxRetryAfter?: Duration;
  /**
   * Retries and hedges for each call, over all messages: 0.2 is one for every five calls of the last 10 s, beside 10 that are free. When it is spent,
   * a call's failure passes at once and the message waits in the broker. A call whose kept connection the server closed before a word of the answer
   * is tried once more for nothing. Above 0; false: each call retries on its own account.
   * Default: 0.2, so that an API that fails gets a fifth more load and not `maxAttempts` times as much.
   */
  readonly budget?: false | number;
}

export interface RateLimitOptions {
  /** Attempts that may begin within `per`. Integer from 1 to 1 000 000. */
  readonly requests: number;
  readonly per: Duration;
  /** Attempts that may begin at once after a pause. Integer from 1 to 1 000 000. Default: `requests`. */
  readonly burst?: number;
  /**
   * One limit for all workers that name the same store, `redisTokens` of `sluice/redis`; each of them must give the same numbers. Its bucket there
   * is named after the API. Each attempt waits for an answer of the store. While that is away, a worker keeps to its own share of the limit, and
   * says so by a fact and in the log. What a 429 says is learned by the worker that got it. Default: each worker has the whole limit for itself.
   */
  readonly shared?: TokenStoreDefinition;
}

/** Answers of GET calls, kept in this worker. */
export interface ApiCacheOptions {
  /** How long an answer is given without a call, counted from its arrival. Above 0. */
  readonly ttl: Duration;
  /** For how long after `ttl` it is still given at once, while a call behind it fetches a new one. Default: not at all. */
  readonly staleFor?: Duration;
  /** Answers kept at most; those that were asked for longest ago make room. Integer from 1 to 1 000 000. Default: 1000. */
  readonly maxEntries?: number;
  /** Bytes of all answers kept, together; a larger one is not kept. Integer, at least 1. Default: 32 MB (32 × 2^20). */
  readonly maxBytes?: number;
}

/** Concurrency that follows how the calls fare, between bounds: for an API whose capacity is not known, or changes. */
export interface AdaptiveConcurrency {
  /** `gradient` and `vegas` go by latency, the second more closely; `aimd` goes by failures. */
  readonly adaptive: AdaptiveAlgorithm;
  /** What it begins with. Integer from `min` to `max`. Default: 20, or the nearer of the two. */
  readonly initial?: number;
  /** Integer, at least 1. Default: 1. */
  readonly min?: number;
  /** Integer, at least `min`. Default: 200, or `min` where that is more. */
  readonly max?: number;
}

export interface ApiOptions {
  /** Where the API lives: http or https, a path allowed, no user name, query or fragment. No call ever leaves it. */
  readonly baseUrl: string | Setting<string>;
  /** How the API knows who calls: `apiKey`, `bearer`, `basic` or `oauth2`. Default: not at all. */
  readonly auth?: Auth;
  /** Headers of every call. */
  readonly headers?: Readonly<Record<string, string | Setting<string>>>;
  /** Authorities, client certificate and pinned keys. Default: the authorities Node trusts. Always: verified, TLS 1.2 or newer. */
  readonly tls?: TlsOptions;
  /**
   * Addresses the host may be at, looked at when a connection is made, on what its name resolved to.
   * Default: `any`. The host comes from the definition and no message can change it, so it may well be private or this machine itself; say `public` for
   * an API of somebody else, whose name they could point at your own network.
   */
  readonly addresses?: Addresses;
  /** Time for each attempt, from its beginning: waiting for the rate limit and a slot, connecting and the whole answer. Default: 10 s. */
  readonly timeout?: Duration;
  /** Calls in flight over all pipelines of the worker. Integer, at least 1, or adaptive. Default: 64. */
  readonly concurrency?: number | AdaptiveConcurrency;
  /** Calls that may wait for a slot; one more fails with `BulkheadRejectedError`. Integer, at least 1. Default: 1000. */
  readonly maxQueued?: number;
  /** Connections open at once. Integer, at least 1. Default: as many as `concurrency` allows, which more would not use. */
  readonly connections?: number;
  /**
   * An idle connection is closed after this long, unless the server names a time of its own. Give less than the server's: what is sent just as it
   * closes is lost. Default: 4 s, since common servers close after 5 s.
   */
  readonly keepAlive?: Duration;
  /** How often attempts may begin, over all pipelines of the worker. Learns from 429 and from RateLimit headers. Default: as often as they come. */
  readonly rateLimit?: RateLimitOptions;
  /**
   * Keeps the answers of GET calls, for all pipelines of the worker, and makes one call at a time for the same request: method, path, query and
   * the headers that the call sets. Every caller gets a value of its own. Kept are answers with an accepted status that the caller's schema takes,
   * unless `Cache-Control` says `no-store`, `no-cache` or `private`, or `Vary` names a header that each message has of its own; how long they are
   * good for, `ttl` says alone. Limits and breaker see real calls, and nothing of answers given from here.
   *
   * The call runs under the API's `timeout` and `retry` and in the name of the message that asked first, whatever the deadlines of those who
   * wait; it is aborted when the last of them has left. A single call goes past the cache with `cache: false`. Default: off.
   */
  readonly cache?: ApiCacheOptions;
  /**
   * Stops calling while the API fails: then calls fail at once with `CircuitOpenError`, pipelines that need the API pause, and probes find out
   * when it works again. Failures are transient ones; a 404 or 422 is the answer of a healthy API.
   * Default: on, with half of at least 20 calls within 10 s failing, because a worker that goes on takes message after message to no end.
   */
  readonly breaker?: false | BreakerOptions;
  /** Turns calls away by chance, the more of them the fewer the API accepts; `k`: calls let through for each accepted one. Default: off. */
  readonly throttle?: boolean | { readonly k?: number };
  /**
   * Starts a second try when the first is slow; whichever answers first counts, the other is aborted. Only for GET and calls marked `idempotent`.
   * Each costs a retry of the budget and a place in every limit. Default: off.
   */
  readonly hedge?: { readonly after: Duration | MeasuredPause };
  /**
   * Transient failures are tried again: network, timeout, 408, 425, 429 and 5xx. Every method is: calls that are not idempotent by themselves
   * carry an idempotency key, the same for every attempt. An API that ignores such keys needs `false`.
   */
  readonly retry?: false | RetryOptions;
  /** Whether a failure of this API is worth another attempt, where it differs from what the error says of itself; undefined: as it says. */
  readonly classify?: (error: SluiceError) => 'transient' | 'permanent' | undefined;
  /** Request bodies larger than this go out under gzip; 0 or more. Default: none do, since few servers say that they take it. */
  readonly compressRequests?: { readonly above: number };
  /** Largest request body, in bytes. Integer, at least 1. Default: 10 MB (10 × 2^20). */
  readonly maxRequestBytes?: number;
  /** Largest answer, in bytes, as sent and decompressed. Integer, at least 1. Default: 10 MB (10 × 2^20). */
  readonly maxResponseBytes?: number;
  /**
   * Called once with the API's axios instance: add interceptors, headers, a `validateStatus`. Bodies are bytes there, both ways. Agents, proxies,
   * adapters, transforms and redirects work too, at the price of a slower way through axios itself; redirects stay inside of `baseUrl`. Agents, proxies
   * and adapters are refused beside `tls` and `addresses`, which they would not keep.
   */
  readonly axios?: (instance: AxiosInstance) => void;
}

/**
 * Shared rate limit: one limit for all workers that use the same store of token buckets. A rate limiter like any other for who calls.
 * The store is behind the port of shared-tokens.ts; while it is away each worker keeps to its own share of the limit.
 */
import type { Duration } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { ForwardClock } from './forward-clock.ts';
import { KeyedLimiter } from './keyed-limiter.ts';
import {
  QUEUE_OPTIONS,
  queueParts,
  type RateLimiter,
  type RateQueueOptions,
  requireRate,
  requireTokens,
} from './rate-limit.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireRatio } from './require-ratio.ts';
import { SharedPermits } from './shared-permits.ts';
import type { SharedTokens } from './shared-tokens.ts';
import { type StoreChange, StoreHealth } from './store-health.ts';

export type { SharedRate, SharedTokens, TokenGrant } from './shared-tokens.ts';
export type { StoreChange };

export interface SharedRateLimiterOptions extends RateQueueOptions {
  readonly tokens: SharedTokens;
  /** Name of the limit in the store: workers with the same name share it, and must give the same numbers. Not empty. */
  readonly name: string;
  /** Sources of all workers that start in each period. Integer from 1 to 1 000 000. */
  readonly requests: number;
  /** The period. At least 1 ms, at most 24 days. */
  readonly per: Duration;
  /** Tokens a bucket holds, and begins with. Integer from 1 to 1 000 000. Default: `requests`. */
  readonly burst?: number | undefined;
  /**
   * Share of the limit that this worker keeps to by itself while the store is away: 1 / number of workers. Above 0, at most 1.
   * Without a default, because nobody here knows how many there are.
   */
  readonly localShareRatio: number;
  /** Time the store has for an answer before it counts as away. Above 0. Default: '250ms', little beside a call, much for a store. */
  readonly answerWithin?: Duration | undefined;
  /** Time after which a store that is away is asked again, by one source. Above 0. Default: '1s'. */
  readonly retryEvery?: Duration | undefined;
  /** Called when the store goes away, with the cause, and when it is back. Until then the limit is `localShareRatio` of itself. */
  readonly onStore?: ((change: StoreChange) => void) | undefined;
}

const OPTIONS: Known<SharedRateLimiterOptions> = {
  tokens: true,
  name: true,
  requests: true,
  per: true,
  burst: true,
  localShareRatio: true,
  answerWithin: true,
  retryEvery: true,
  onStore: true,
  ...QUEUE_OPTIONS,
};

export interface SharedRateLimiter extends RateLimiter {
  /** The store does not answer: this worker keeps to its share. */
  readonly isStoreAway: boolean;
}

/**
 * A rate limiter over tokens that other workers take too. What all workers of one name start in any span of t is at most
 * `burst + requests × t / per`, plus one burst for each time the store goes away and comes back, if the shares add up to 1.
 *
 * Within a worker and key, sources start in the order of arrival; between workers, in any. Each question asks for as many tokens as
 * there are sources waiting, and those of sources that leave meanwhile are lost. `penalise` and `learn` hold for this worker alone.
 * Keys are strings or numbers, and become part of the bucket's name.
 *
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createSharedRateLimiter(options: SharedRateLimiterOptions): SharedRateLimiter {
  requireKnown('createSharedRateLimiter', options, OPTIONS);
  const { tokens, name, requests, per, burst = requests, localShareRatio, onStore } = options;
  const { answerWithin = '250ms', retryEvery = '1s' } = options;
  if (name === '') throw new RangeError('name: expected one that is not empty');
  const rate = { requests, periodMs: requireRate(requests, per), burst };
  requireTokens('burst', burst);
  requireRatio('localShareRatio', localShareRatio);
  const parts = queueParts(options);
  // The answer of the store takes a while: without a queue nothing would ever start.
  requireCount('maxQueued', parts.maxQueued, 1);

  const health = new StoreHealth(requireDurationMs('retryEvery', retryEvery, 1), onStore);
  const clock = new ForwardClock();
  const answerWithinMs = requireDurationMs('answerWithin', answerWithin, 1);
  const shared = { tokens, health, rate, localShareRatio, answerWithinMs, clock };
  return new StoredLimiter(health, {
    ...parts,
    periodMs: rate.periodMs,
    clock,
    permits: (line) => new SharedPermits(bucketOf(name, line.key), shared, () => line.answered()),
  });
}

class StoredLimiter extends KeyedLimiter implements SharedRateLimiter {
  readonly #health: StoreHealth;

  constructor(health: StoreHealth, parts: ConstructorParameters<typeof KeyedLimiter>[0]) {
    super(parts);
    this.#health = health;
  }

  get isStoreAway(): boolean {
    return this.#health.awaySinceMs !== undefined;
  }
}

/** @throws TypeError for a key that has no name. */
function bucketOf(name: string, key: unknown): string {
  if (key === undefined) return name;
  if (typeof key === 'string' || typeof key === 'number') return `${name}:${key}`;
  throw new TypeError(`key: expected a string or a number, got ${typeof key}`);
}

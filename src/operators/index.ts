/** `sluice/operators`: the operators alone, each usable on any Observable. */

export {
  type Backoff,
  constantBackoff,
  type DecorrelatedBackoffOptions,
  decorrelatedBackoff,
  type ExponentialBackoffOptions,
  exponentialBackoff,
} from '../policies/backoff.ts';
export type { BreakerReason, CircuitState } from '../policies/circuit-breaker.ts';
export type { Duration } from '../policies/duration.ts';
export type { Jitter } from '../policies/jitter.ts';
export type { Random } from '../policies/random.ts';
export { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from '../policies/retry-budget.ts';
export {
  type AdaptiveAlgorithm,
  type AdaptiveBulkhead,
  type AdaptiveBulkheadOptions,
  createAdaptiveBulkhead,
} from './adaptive-bulkhead.ts';
// ---- fewer calls
export { type Batcher, type BatcherOptions, createBatcher } from './batch.ts';
export type { Branches, BranchValue, MarkedBranches } from './branches.ts';
export type { BreakerChange } from './breaker-changes.ts';
export type { BreakerOptions, OpenTime } from './breaker-options.ts';
// ---- bounds
export { type Bulkhead, type BulkheadOptions, bulkhead, createBulkhead } from './bulkhead.ts';
export {
  type Cache,
  type CacheOptions,
  type CacheUse,
  cached,
  createCache,
  type WeighedCacheOptions,
} from './cache.ts';
export {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
  createCircuitBreaker,
} from './circuit-breaker.ts';
export {
  type ClientThrottle,
  type ClientThrottleOptions,
  clientThrottle,
  createClientThrottle,
} from './client-throttle.ts';
export { withDeadline } from './deadline.ts';
export { type DedupeOptions, dedupeBy } from './dedupe.ts';
export { type FallbackOptions, fallbackTo } from './fallback.ts';
// ---- fan-out and fan-in
export { type Gathered, type GatherOptions, gather } from './gather.ts';
export { type GatheredQuorum, type GatherQuorumOptions, gatherQuorum } from './gather-quorum.ts';
export { type GatheredSettled, type GatherSettledOptions, gatherSettled, type Settled } from './gather-settled.ts';
export { type HedgeOptions, hedge, type MeasuredPause } from './hedge.ts';
export { inSlots } from './in-slots.ts';
export { type JoinByKeyOptions, joinByKey, type Unmatched, type UnmatchedReason } from './join-by-key.ts';
export { type MergeMapByKeyOptions, mergeMapByKey } from './merge-map-by-key.ts';
export { type OptionalBranch, optional } from './optional.ts';
export {
  createRateLimiter,
  type RateLimitAnswer,
  type RateLimiter,
  type RateLimiterOptions,
  type RateLimitKind,
  type RatePause,
  type RateQueueOptions,
  rateLimit,
} from './rate-limit.ts';
// ---- try again, and when not to
export { type RetryWithBackoffOptions, retryWithBackoff } from './retry-with-backoff.ts';
// ---- time
export { timeoutWithin } from './timeout-within.ts';

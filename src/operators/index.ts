/** `sluice/operators`: the operators alone, usable on any Observable. */

export { constantBackoff, type ExponentialBackoffOptions, exponentialBackoff } from '../policies/backoff.ts';
export { type Bulkhead, type BulkheadOptions, bulkhead, createBulkhead } from './bulkhead.ts';
export { type Gathered, type GatherOptions, gather } from './gather.ts';
export { type GatheredSettled, type GatherSettledOptions, gatherSettled, type Settled } from './gather-settled.ts';
export { inSlots } from './in-slots.ts';
export { type MergeMapByKeyOptions, mergeMapByKey } from './merge-map-by-key.ts';
export { type RetryWithBackoffOptions, retryWithBackoff } from './retry-with-backoff.ts';

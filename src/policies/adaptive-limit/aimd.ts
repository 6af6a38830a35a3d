/**
 * Additive increase, multiplicative decrease: one more after each round without a failure, a tenth less after one with.
 * Reads failures alone, so it finds the capacity of an API that refuses or times out, not of one that only gets slower.
 * @see https://github.com/Netflix/concurrency-limits AIMDLimit, here by rounds of calls, as TCP counts
 */
import { isHardlyUsed, type LimitRule } from './limit-rule.ts';

const BACKOFF_RATIO = 0.9;

export const aimd: LimitRule = {
  readsLatency: false,
  next(limit, round) {
    if (round.hasDrops) return Math.min(limit - 1, Math.floor(limit * BACKOFF_RATIO));
    return isHardlyUsed(limit, round) ? limit : limit + 1;
  },
};

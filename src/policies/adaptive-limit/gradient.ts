/**
 * Gradient: scales the limit by how much slower calls are than without load, once that is more than half as slow again, and adds room
 * for a short queue, so that it goes on looking for more.
 * @see https://github.com/Netflix/concurrency-limits GradientLimit, with the tolerance of 1.5 that Envoy and Gradient2Limit came to
 */
import { isHardlyUsed, type LimitRule } from './limit-rule.ts';

/** How much slower than the base is not yet slow. Below 2, so that measuring the base at half the limit can only lower it. */
const TOLERANCE = 1.5;
/** Share of a decrease that one round brings about: one round may be a chance. */
const SMOOTHING = 0.2;
const LEAST_QUEUE = 4;

export const gradient: LimitRule = {
  readsLatency: true,
  next(limit, round, baseMs) {
    if (round.hasDrops) return smoothed(limit, limit / 2);
    if (isHardlyUsed(limit, round)) return limit;

    const ratio = Math.max(0.5, Math.min(1, (TOLERANCE * baseMs) / round.meanMs));
    const next = limit * ratio + Math.max(LEAST_QUEUE, Math.sqrt(limit));
    return next < limit ? smoothed(limit, next) : next;
  },
};

const smoothed = (limit: number, next: number): number => limit * (1 - SMOOTHING) + next * SMOOTHING;

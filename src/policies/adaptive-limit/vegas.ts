/**
 * Vegas: estimates from latency how many calls wait in a queue on the other side, and keeps that between some few and some more.
 * The queue of n calls in flight is n × (1 − base latency / latency).
 * @see https://github.com/Netflix/concurrency-limits VegasLimit: bounds of 3 and 6 times the logarithm of the limit
 */
import { isHardlyUsed, type LimitRule } from './limit-rule.ts';

export const vegas: LimitRule = {
  readsLatency: true,
  next(limit, round, baseMs) {
    const step = Math.max(1, Math.floor(Math.log10(limit)));
    if (round.hasDrops) return limit - step;
    if (isHardlyUsed(limit, round)) return limit;

    const queued = Math.ceil(limit * (1 - baseMs / round.meanMs));
    if (queued <= step) return limit + 6 * step;
    if (queued < 3 * step) return limit + step;
    return queued > 6 * step ? limit - step : limit;
  },
};

/** Freshness: what a stored answer of a certain age may be used for. Pure: the age is an argument. */

export interface FreshnessLimits {
  /** Below this age an answer is fresh. At least 0. */
  readonly ttlMs: number;
  /** For this long after `ttlMs` it may be given while a new one is fetched. At least 0. */
  readonly staleWhileRevalidateMs: number;
  /** For this long after `ttlMs` it may be given in place of a failure. At least 0. */
  readonly staleIfErrorMs: number;
}

/** `fresh`: give it. `stale`: give it and fetch a new one. `spare`: fetch a new one; give it if that fails. `expired`: of no use. */
export type Freshness = 'fresh' | 'stale' | 'spare' | 'expired';

/** @see https://www.rfc-editor.org/rfc/rfc5861 stale-while-revalidate and stale-if-error */
export function freshnessAt(ageMs: number, limits: FreshnessLimits): Freshness {
  if (ageMs < limits.ttlMs) return 'fresh';
  if (ageMs < limits.ttlMs + limits.staleWhileRevalidateMs) return 'stale';
  return canReplaceFailure(ageMs, limits) ? 'spare' : 'expired';
}

/** Whether an answer may stand in for a failure. One that may be given while a new one is fetched may not for that reason alone. */
export const canReplaceFailure = (ageMs: number, { ttlMs, staleIfErrorMs }: FreshnessLimits): boolean =>
  ageMs < ttlMs + staleIfErrorMs;

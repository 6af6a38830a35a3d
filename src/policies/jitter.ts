/**
 * Jitter: spreads the pauses of many clients, so that those that failed together do not come back together.
 * Pure; the ceiling it draws under comes from `backoff.ts`.
 */
import type { Random } from './random.ts';

/**
 * How a pause is drawn under its ceiling: `none` takes the ceiling, `full` anything from 0 to it, `equal` half of it for sure and
 * the other half drawn. Full spreads clients the most; equal never pauses less than half.
 */
export type Jitter = 'none' | 'full' | 'equal';

/**
 * A pause under `ceilingMs`. Fractions of a millisecond stay.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ "FullJitter" and "EqualJitter"
 */
export function jittered(ceilingMs: number, jitter: Jitter, random: Random): number {
  if (jitter === 'none') return ceilingMs;
  if (jitter === 'full') return random() * ceilingMs;
  return ceilingMs / 2 + random() * (ceilingMs / 2);
}

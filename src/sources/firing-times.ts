/** When a schedule fires, as arithmetic: no clock in here, so that every worker and every test comes to the same moments. */

/** All times in milliseconds since 1970. */
export interface FiringTimes {
  /** The last firing at or before a moment; undefined where there was none. */
  latest(now: number): number | undefined;
  /** The first firing after a moment; undefined where there is none to come. */
  next(now: number): number | undefined;
}

/** Every multiple of the period since 1970 began, in UTC: however many workers count, and whenever they started, they count the same. */
export const evenTimes = (periodMs: number): FiringTimes => ({
  latest: (now) => Math.floor(now / periodMs) * periodMs,
  next: (now) => (Math.floor(now / periodMs) + 1) * periodMs,
});

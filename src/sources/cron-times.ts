/**
 * When a cron pattern fires, by croner's reading of it: it knows time zones and what becomes of an hour that comes twice, or not at all.
 * It is asked for dates alone; waiting is the feeder's, on the RxJS clock.
 */
import { Cron } from 'croner';
import type { FiringTimes } from './firing-times.ts';

/**
 * Five fields, or six with seconds first, or a name as `@daily`, in a time zone of the IANA. A time that a change to summer time leaves out
 * fires when the gap is over; one that comes twice fires the first time.
 * @throws Error saying what is wrong with the pattern or the time zone.
 */
export function cronTimes(pattern: string, timezone: string): FiringTimes {
  const cron = new Cron(pattern, { timezone, mode: '5-or-6-parts' });
  return {
    // croner looks before the moment it is given.
    latest: (now) => cron.previousRuns(1, new Date(now + 1))[0]?.getTime(),
    next: (now) => cron.nextRun(new Date(now))?.getTime(),
  };
}

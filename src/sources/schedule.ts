/** A source that fires by the calendar. */
import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';
import { messageOf } from '../errors.ts';
import { cronTimes } from './cron-times.ts';
import type { Firing } from './firing.ts';
import { type FiringOptions, firingOptionsShape, firingSource } from './firing-source.ts';
import type { FiringTimes } from './firing-times.ts';
import type { TypedSource } from './source.ts';

export interface ScheduleOptions extends FiringOptions {
  /** Name of a time zone, `Europe/Berlin`: the pattern is read in it, summer time included. Default: UTC, whatever the machine's is. */
  readonly timeZone?: string;
}

const schema = z.strictObject({
  pattern: z.string().min(1),
  timeZone: z.string().min(1).optional(),
  ...firingOptionsShape,
});

const NEVER_FIRES: FiringTimes = { latest: () => undefined, next: () => undefined };

/**
 * Fires when a cron pattern says so: minute, hour, day of the month, month, day of the week, with seconds before them where there are six fields;
 * `@hourly`, `@daily` and their kin. A time that a change to summer time leaves out fires when the gap is over, one that comes twice the first time.
 *
 * In everything else as `every`: one message for each firing, in a queue of the pipeline's own.
 * @throws DefinitionError naming each wrong option, what is wrong with the pattern, and a time zone nobody knows.
 */
export function schedule(pattern: string, options: ScheduleOptions = {}): TypedSource<typeof Firing> {
  const { timeZone = 'UTC', ...firingOptions } = options;
  const subject = `schedule(${JSON.stringify(pattern) ?? String(pattern)})`;
  const problems = problemsOf(subject, schema, { ...options, pattern });
  reportProblems(problems);
  return firingSource(
    `schedule ${pattern} ${timeZone}`,
    timesOf(subject, pattern, timeZone, problems.length),
    firingOptions,
  );
}

/** While problems are collected the definition is finished all the same: one with a wrong pattern never fires. */
function timesOf(subject: string, pattern: string, timeZone: string, problems: number): FiringTimes {
  if (problems > 0) return NEVER_FIRES;
  const read = readPattern(pattern, timeZone);
  if (read.ok) return read.times;
  reportProblems([{ subject, path: 'pattern', message: read.reason }]);
  return NEVER_FIRES;
}

type Reading = { readonly ok: true; readonly times: FiringTimes } | { readonly ok: false; readonly reason: string };

function readPattern(pattern: string, timeZone: string): Reading {
  try {
    const times = cronTimes(pattern, timeZone);
    // Asking for a time also finds out a time zone nobody knows.
    return times.next(0) === undefined ? { ok: false, reason: 'never fires' } : { ok: true, times };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

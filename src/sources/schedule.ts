/** A source that fires by the calendar. */
import { z } from 'zod';
import { problemsOf, reportProblems, sound } from '../definition.ts';
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

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const schema = z.strictObject({
  pattern: z.string().min(1),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: "expected the name of a time zone, as 'Europe/Berlin' or 'UTC'" })
    .optional(),
  ...firingOptionsShape,
});

const FIELDS =
  "minute, hour, day of month, month and day of week, with seconds before them or not, or '@daily' and its kin";

const NEVER_FIRES: FiringTimes = { latest: () => undefined, next: () => undefined };

/**
 * Fires when a cron pattern says so: minute, hour, day of the month, month, day of the week, with seconds before them where there are six fields;
 * `@hourly`, `@daily` and their kin. A time that a change to summer time leaves out fires when the gap is over, one that comes twice the first time.
 *
 * In everything else as `every`: one message for each firing, in a queue of the pipeline's own.
 * @throws DefinitionError naming each wrong option, what is wrong with the pattern, and a time zone nobody knows.
 */
export function schedule(pattern: string, options: ScheduleOptions = {}): TypedSource<typeof Firing> {
  const subject = `schedule(${JSON.stringify(pattern) ?? String(pattern)})`;
  const problems = problemsOf(subject, schema, { ...options, pattern });
  const { timeZone = 'UTC', ...firingOptions } = sound(options, problems);
  // What is no text was told; any text is read whatever else is wrong, in UTC where that is the time zone.
  const isTold = problems.some(({ path }) => path === 'pattern');
  const read: Reading = isTold ? { ok: true, times: NEVER_FIRES } : readPattern(pattern, timeZone);
  reportProblems(read.ok ? problems : [...problems, { subject, path: 'pattern', message: read.reason }]);
  return firingSource(
    `schedule ${String(pattern)} ${timeZone}`,
    // While problems are collected the definition is finished all the same.
    read.ok ? read.times : NEVER_FIRES,
    firingOptions,
  );
}

type Reading = { readonly ok: true; readonly times: FiringTimes } | { readonly ok: false; readonly reason: string };

function readPattern(pattern: string, timeZone: string): Reading {
  try {
    const times = cronTimes(pattern, timeZone);
    return times.next(0) === undefined ? { ok: false, reason: 'never fires' } : { ok: true, times };
  } catch (error) {
    const reason = messageOf(error)
      .replace(/^CronPattern: /, '')
      .replace(/\.$/, '');
    return { ok: false, reason: `${reason}; expected ${FIELDS}` };
  }
}

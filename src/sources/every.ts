/** A source that fires at even intervals. */
import { z } from 'zod';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import { type Duration, formatDuration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import type { Firing } from './firing.ts';
import { type FiringOptions, firingOptionsShape, firingSource } from './firing-source.ts';
import { evenTimes } from './firing-times.ts';
import type { TypedSource } from './source.ts';

const SHORTEST_MS = 1_000;

const schema = z.strictObject({
  period: durationSchema().refine((period) => (parseDuration(period) ?? 0) >= SHORTEST_MS, {
    error: "expected at least '1s'",
  }),
  ...firingOptionsShape,
});

/**
 * Fires every period: at its multiples since 1970 in UTC, so `'5m'` at each full five minutes and `'1d'` at midnight UTC, whenever workers start.
 *
 * However many workers run, each firing is one message, `{ scheduledAt }`, in a queue of the pipeline's own: retried and dead-lettered like
 * any other. That takes a journal the workers share; with the one in memory, each worker fires. A worker that dies between publishing and
 * writing that down leaves a duplicate with the same message id. Late firings coalesce: what is due is the last one.
 * @throws DefinitionError naming each wrong option.
 */
export function every(period: Duration, options: FiringOptions = {}): TypedSource<typeof Firing> {
  const subject = `every(${JSON.stringify(period) ?? String(period)})`;
  const problems = problemsOf(subject, schema, { ...options, period });
  reportProblems(problems);
  const periodMs = Math.max(SHORTEST_MS, parseDuration(period) ?? SHORTEST_MS);
  return firingSource(`every ${formatDuration(periodMs)}`, evenTimes(periodMs), sound(options, problems));
}

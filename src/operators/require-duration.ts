/** The check of options that are durations. Wrong ones fail where the operator is made, naming the option and showing the value. */
import { DURATION_EXPECTED, type Duration, MAX_TIMER_MS, parseDuration, shownValue } from '../policies/duration.ts';

/**
 * Milliseconds of a duration option.
 * @throws RangeError when it is no duration, shorter than `leastMs`, or longer than a timer can be.
 */
export function requireDurationMs(option: string, duration: Duration, leastMs = 0): number {
  const ms = parseDuration(duration);
  if (ms === undefined) throw new RangeError(`${option}: expected ${DURATION_EXPECTED}, got ${shownValue(duration)}`);
  if (ms < leastMs) throw new RangeError(`${option}: expected at least ${leastMs} ms, got ${ms} ms`);
  if (ms > MAX_TIMER_MS) throw new RangeError(`${option}: expected at most ${MAX_TIMER_MS} ms, got ${ms} ms`);
  return ms;
}

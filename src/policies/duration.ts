/** Durations as authors write them, `'5s'` or milliseconds, and as the code inside counts them: milliseconds. */

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/** Milliseconds, or a number with its unit: `250`, `'250ms'`, `'1.5s'`, `'10m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${Unit}`;

const MS: Readonly<Record<Unit, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest pause a timer of Node can hold; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** What is allowed, as messages about wrong durations say it. */
export const DURATION_EXPECTED = `milliseconds or a number with its unit, '250ms', '5s', '10m', '2h', '7d'`;

/** As it was written: `'5'` is no number. */
export const shownValue = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

/** Milliseconds of a duration, or undefined for what is none: negative, not finite, an unknown unit. */
export function parseDuration(duration: unknown): number | undefined {
  if (typeof duration === 'number') return Number.isFinite(duration) && duration >= 0 ? duration : undefined;
  if (typeof duration !== 'string') return undefined;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * MS[unit as Unit];
}

/**
 * Milliseconds of a duration.
 * @throws RangeError when it is none; definitions are checked before, so this is for operators used alone.
 */
export function durationMs(duration: Duration): number {
  const ms = parseDuration(duration);
  if (ms === undefined) throw new RangeError(`expected ${DURATION_EXPECTED}, got ${shownValue(duration)}`);
  return ms;
}

/** Whether it is a duration that an option may have: above 0 unless `zero` is allowed, and no longer than a timer can hold. */
export function isDuration(value: unknown, { zero = false } = {}): value is Duration {
  const ms = parseDuration(value);
  return ms !== undefined && (zero || ms > 0) && ms <= MAX_TIMER_MS;
}

/** A duration for people: the largest unit that divides it evenly, `90_000` → `90s`. */
export function formatDuration(ms: number): string {
  const unit =
    (['d', 'h', 'm', 's'] as const).find((candidate) => ms >= MS[candidate] && ms % MS[candidate] === 0) ?? 'ms';
  return `${ms / MS[unit]}${unit}`;
}

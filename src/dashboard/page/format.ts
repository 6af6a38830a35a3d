/** Numbers and times as people read them. What has no samples is a dash, never a zero. */

export const NONE = '–';

export function duration(ms: number | undefined): string {
  if (ms === undefined) return NONE;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/** A length somebody has set: `5 s`, not `5.00 s`. */
export const pause = (ms: number): string =>
  duration(ms)
    .replace(/(\.\d*?)0+(?= )/, '$1')
    .replace(/\.(?= )/, '');

/** Per second, short. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 10) return perSecond.toFixed(1);
  return grouped(Math.round(perSecond));
}

const NUMBERS = new Intl.NumberFormat('en');
export const grouped = (count: number): string => NUMBERS.format(count);

export const counted = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

const two = (n: number): string => String(n).padStart(2, '0');

export function clock(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export const clockMs = (at: number): string => `${clock(at)}.${String(Math.floor(at % 1_000)).padStart(3, '0')}`;

export function ago(at: number | undefined, now: number): string {
  if (at === undefined) return NONE;
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** The pause a server asks for. */
import { MAX_TIMER_MS } from '../policies/duration.ts';

const SECONDS = /^\d{1,15}$/;
/** The date form HTTP asks senders to use; other spellings are ignored. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds of a `Retry-After` header, seconds or an HTTP date; undefined for what is neither (negative, fractions, text).
 * At most what a timer holds; a date that has passed is 0.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (SECONDS.test(value)) return Math.min(Number(value) * 1_000, MAX_TIMER_MS);
  if (!HTTP_DATE.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - nowMs, 0), MAX_TIMER_MS);
}

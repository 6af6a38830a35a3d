/** Deadline: the moment by which a source must have ended, the same one for whatever is done for the same message. */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable, Subscription } from 'rxjs';
import { DeadlineExceededError } from '../errors.ts';
import { MAX_TIMER_MS } from '../policies/duration.ts';
import { mirrorUntil } from './cut-off.ts';

/**
 * Mirrors the source until it ends; fails at the deadline when it has not ended by then.
 *
 * By the time the failure is passed on the source is unsubscribed. A source subscribed to at or after the deadline is not subscribed to
 * at all: the stream fails at once. What comes exactly at the deadline is in time. What the teardown of the source throws becomes
 * the error. Holds one timer per subscription; the end of the source or unsubscribing clears it. Cannot stop synchronous work.
 *
 * @param at Moment on the clock of RxJS, `asyncScheduler.now()`: milliseconds since 1970. Infinity for none.
 * @throws DeadlineExceededError when the moment has come. It is permanent: what retries outside of this must not go on.
 * @throws RangeError at once when `at` is not a number.
 */
export function withDeadline<T>(at: number): MonoTypeOperatorFunction<T> {
  if (typeof at !== 'number' || Number.isNaN(at))
    throw new RangeError(`at: expected a moment in milliseconds, got ${String(at)}`);
  return (source) =>
    new Observable((sink) => {
      if (asyncScheduler.now() >= at) sink.error(new DeadlineExceededError(at));
      else
        mirrorUntil(
          source,
          sink,
          (cutOff) => scheduleAt(at, cutOff),
          () => new DeadlineExceededError(at),
        );
    });
}

function scheduleAt(at: number, act: () => void): Subscription {
  if (at === Number.POSITIVE_INFINITY) return Subscription.EMPTY;
  const remainingMs = (): number => Math.min(MAX_TIMER_MS, Math.max(0, at - asyncScheduler.now()));
  // A timer may be early by the clock, and none is longer than MAX_TIMER_MS: then it goes round again.
  return asyncScheduler.schedule(function actOrWait() {
    const ms = remainingMs();
    if (ms > 0) this.schedule(undefined, ms);
    else act();
  }, remainingMs());
}

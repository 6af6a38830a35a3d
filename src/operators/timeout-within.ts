/**
 * Timeout: a bound on the whole of a source, from its subscription to its end.
 * RxJS's own `timeout` bounds the first value or the pause between two: a source that drips would live for ever.
 */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { TimeoutExceededError } from '../errors.ts';
import type { Duration } from '../policies/duration.ts';
import { mirrorUntil } from './cut-off.ts';
import { requireDurationMs } from './require-duration.ts';

/**
 * Mirrors the source until it ends; fails when it has not ended `within` its subscription, however much it has emitted.
 *
 * By the time the failure is passed on the source is unsubscribed: its request is aborted, its slot is free. Values that came before
 * stay passed on; one that comes exactly at the limit is in time. What the teardown of the source throws becomes the error.
 * Holds one timer per subscription; the end of the source or unsubscribing clears it. Cannot stop synchronous work.
 *
 * @param within Time for the whole, counted from the subscription. At least 0, at most 24 days.
 * @throws TimeoutExceededError when the time is over.
 * @throws RangeError at once when `within` is no duration.
 */
export function timeoutWithin<T>(within: Duration): MonoTypeOperatorFunction<T> {
  const withinMs = requireDurationMs('within', within);
  return (source) =>
    new Observable((sink) => {
      mirrorUntil(
        source,
        sink,
        (cutOff) => asyncScheduler.schedule(cutOff, withinMs),
        () => new TimeoutExceededError(withinMs),
      );
    });
}

/** What `timeoutWithin` and `withDeadline` share: a source mirrored until it is cut off, and failed then. */
import { type Observable, Subscriber, type Subscription } from 'rxjs';
import { tearDown } from './tear-down.ts';

/**
 * Mirrors the source into `sink`. When what `schedule` is given is called, the source is unsubscribed, and then `sink` fails with
 * `failure()`. Scheduled after the source is subscribed to, so what comes exactly at that moment is in time; not at all for a
 * source that has ended by then.
 */
export function mirrorUntil<T>(
  source: Observable<T>,
  sink: Subscriber<T>,
  schedule: (cutOff: () => void) => Subscription,
  failure: () => unknown,
): void {
  const mirrored = new Subscriber(sink);
  source.subscribe(mirrored);
  if (!sink.closed) sink.add(schedule(() => sink.error(tearDown(mirrored) ?? failure())));
}

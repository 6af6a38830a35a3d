/** A worker's last spans are sent before its process ends. It does not wait for long, and ends as it would have without them. */
import { catchError, defer, firstValueFrom, map, NEVER, type Observable, of, race, Subject, timer } from 'rxjs';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { sendSpans } from '../observability/send-spans.ts';
import { onSignals, onUncaught } from './signals.ts';

/** Time for exporters, once everything else has ended. */
const SPANS_WITHIN_MS = 3_000;

/** What goes wrong is one line of the log. Never rejects. `hastened`: whoever else may ask it to wait no longer, and why. */
export async function sendLastSpans(log: Logger, hastened: Observable<string> = NEVER): Promise<void> {
  const ending = new Subject<string>();
  const disarm = onSignals({ onFirst: (signal) => ending.next(`${signal} came again`), onSecond: () => {} });
  // An exporter's own mistake, say: it must not become the exit code.
  const disarmUncaught = onUncaught((error) => ending.next(reasonOf(error)));
  const reason = await firstValueFrom(
    race(
      ending,
      hastened,
      defer(sendSpans).pipe(
        map(() => undefined),
        catchError((error: unknown) => of(reasonOf(error))),
      ),
      timer(SPANS_WITHIN_MS).pipe(map(() => `not done within ${SPANS_WITHIN_MS} ms`)),
    ),
  );
  disarm();
  disarmUncaught();
  if (reason !== undefined) log.warn({ reason }, 'the last spans may not have been sent');
}

/** SDKs reject with a list: one error for each exporter. */
const reasonOf = (error: unknown): string => [error].flat().map(messageOf).join('; ');

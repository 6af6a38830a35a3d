/**
 * One call of an API: its attempts, the pauses between them, and hedges beside them, under one deadline. attempt.ts is one of them;
 * what only failures need is made when something fails.
 */
import { asyncScheduler, Observable } from 'rxjs';
import { CallTimeoutError, CircuitOpenError, HttpStatusError, isTransient, ThrottledError } from '../errors.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { durationMs } from '../policies/duration.ts';
import { Attempt } from './attempt.ts';
import type { CallRequest } from './call-request.ts';
import { type CallOwner, type CallParts, CallRun } from './call-run.ts';

/** A cold Observable of one answer. Unsubscribing aborts the request, gives up its slot and clears its timers. */
export const callOf = (parts: CallParts, owner: CallOwner, request: CallRequest): Observable<unknown> =>
  new Observable((sink) => {
    const { within } = request.options;
    const startedAt = asyncScheduler.now();
    const withinMs = within === undefined ? Number.POSITIVE_INFINITY : durationMs(within);
    const deadlineAt = Math.min(startedAt + withinMs, owner.deadlineAt ?? Number.POSITIVE_INFINITY);
    if (deadlineAt <= startedAt) throw new CallTimeoutError(request.call, Math.max(0, deadlineAt - startedAt));

    const run = new CallRun(parts, owner, request, deadlineAt);
    // Made here, before anything is reported: what cannot be sent fails without an attempt.
    const prepared = request.request;
    const { hedge, budget } = parts.guards;
    const single = new Observable((attempt) => {
      if (!attempt.closed) new Attempt(attempt, run, prepared).begin();
    });
    const attempts = hedge !== undefined && request.mayRunTwice ? hedge(single) : single;
    const { retry } = parts.settings;
    if (retry === undefined) return attempts.subscribe(sink);
    return attempts
      .pipe(
        retryWithBackoff({
          maxAttempts: retry.maxAttempts,
          backoff: (attempt, cause, previousMs) => pauseAfter(parts, attempt, cause, previousMs),
          isTransient: isWorthARetry,
          budget,
          deadlineAt,
          onRetry: (attempt, nextDelayMs, cause) => run.reportRetry(attempt, nextDelayMs, cause),
        }),
      )
      .subscribe(sink);
  });

/** Transient, and not turned away because the API fails: a try in a moment would be too, and the message had better wait in the broker. */
const isWorthARetry = (cause: unknown): boolean =>
  isTransient(cause) && !(cause instanceof CircuitOpenError) && !(cause instanceof ThrottledError);

/** The backoff, or what the server asks for where that is longer, up to the API's cap. */
function pauseAfter({ guards, settings }: CallParts, attempt: number, cause: unknown, previousMs: number): number {
  const asked = cause instanceof HttpStatusError ? (cause.retryAfterMs ?? 0) : 0;
  return Math.max(guards.backoff(attempt, cause, previousMs), Math.min(asked, settings.maxRetryAfterMs));
}

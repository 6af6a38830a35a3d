/**
 * One call of an API: its attempts, the pauses between them, and hedges beside them, under one deadline. attempt.ts is one of them;
 * what only failures need is made when something fails.
 */
import { asyncScheduler, Observable, type Subscriber, timer } from 'rxjs';
import {
  CallTimeoutError,
  CircuitOpenError,
  HttpStatusError,
  isTransient,
  ServiceFailedError,
  ThrottledError,
} from '../errors.ts';
import { Retries, type RetryWithBackoffOptions, retrying } from '../operators/retry-with-backoff.ts';
import { Attempt } from './attempt.ts';
import { type CallRequest, withinMsOf } from './call-request.ts';
import { type CallOwner, type CallParts, CallRun } from './call-run.ts';
import { ColdCall } from './cold-call.ts';
import { isStale } from './stale-connections.ts';
import type { TransportRequest } from './transport.ts';

/** A cold Observable of one answer. Unsubscribing aborts the request, gives up its slot and clears its timers. */
export const callOf = (parts: CallParts, owner: CallOwner, request: CallRequest): ColdCall =>
  new ColdCall(request.call, (sink) => {
    owner.calls?.made(request.operation);
    const startedAt = asyncScheduler.now();
    const withinMs = withinMsOf(request.call, request.options.within);
    const deadlineAt = Math.min(startedAt + withinMs, owner.deadlineAt ?? Number.POSITIVE_INFINITY);
    if (deadlineAt <= startedAt) throw new CallTimeoutError(request.call, Math.max(0, deadlineAt - startedAt));

    // The request is made here, before anything is reported: what cannot be sent fails without an attempt.
    const prepared = request.request;
    const { hedge } = parts.guards;
    if (hedge === undefined || !request.mayRunTwice)
      new RetriedCall(parts, owner, request, deadlineAt, prepared).begin(sink, startedAt);
    else hedged(hedge, new CallRun(parts, owner, request, deadlineAt), prepared).subscribe(sink);
  });

/** Attempts one after the other, by the same rules as `retryWithBackoff`, without a Subscriber around each. */
class RetriedCall extends CallRun {
  readonly #prepared: TransportRequest;
  #retries: Retries | undefined;

  constructor(
    parts: CallParts,
    owner: CallOwner,
    request: CallRequest,
    deadlineAt: number,
    prepared: TransportRequest,
  ) {
    super(parts, owner, request, deadlineAt);
    this.#prepared = prepared;
  }

  begin(sink: Subscriber<unknown>, nowMs: number): void {
    const { settings, guards } = this.parts;
    if (settings.retry !== undefined) guards.budget?.deposit(nowMs);
    this.#attempt(sink, nowMs);
  }

  override failed(sink: Subscriber<unknown>, cause: unknown): void {
    let delayMs: number;
    try {
      this.#retries ??= retriesOf(this, cause);
      delayMs = this.#retries.pauseAfter(cause);
    } catch (failure) {
      sink.error(failure);
      return;
    }
    sink.add(timer(delayMs).subscribe(() => this.#attempt(sink, asyncScheduler.now())));
  }

  #attempt(sink: Subscriber<unknown>, nowMs: number): void {
    try {
      if (!sink.closed) new Attempt(sink, this, this.#prepared, nowMs).begin();
    } catch (defect) {
      sink.error(defect);
    }
  }
}

/** With a hedge, what runs is more than one attempt at a time. */
function hedged(
  hedge: NonNullable<CallParts['guards']['hedge']>,
  run: CallRun,
  prepared: TransportRequest,
): Observable<unknown> {
  const single = new Observable((attempt) => {
    if (!attempt.closed) new Attempt(attempt, run, prepared, asyncScheduler.now()).begin();
  });
  const rules = retryRules(run);
  return rules === undefined ? hedge(single) : hedge(single).pipe(retrying(rules));
}

/** @throws the cause, where the API has no retries. */
function retriesOf(run: CallRun, cause: unknown): Retries {
  const rules = retryRules(run);
  if (rules === undefined) throw cause;
  return new Retries(rules);
}

function retryRules(run: CallRun): RetryWithBackoffOptions | undefined {
  const { parts, deadlineAt } = run;
  const { retry } = parts.settings;
  if (retry === undefined) return undefined;
  return {
    maxAttempts: retry.maxAttempts,
    backoff: (attempt, cause, previousMs) => pauseAfter(parts, attempt, cause, previousMs),
    isTransient: isWorthARetry,
    budget: parts.guards.budget,
    isFree: firstStale(),
    deadlineAt,
    onRetry: (attempt, nextDelayMs, cause) => run.reportRetry(attempt, nextDelayMs, cause),
  };
}

/** Transient, and not turned away because the API fails: a try in a moment would be too, and the message had better wait in the broker. */
const isWorthARetry = (cause: unknown): boolean =>
  isTransient(cause) && !(cause instanceof CircuitOpenError) && !(cause instanceof ThrottledError);

/**
 * Of a call the first end of a connection that may have been given up while the request was on its way: such an end says nothing of the API's load,
 * and where a server closes its connections early they are many. Only the first, so that an API that sheds load in this way gets one attempt more of each at most.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2 "a client SHOULD NOT automatically retry a failed automatic retry"
 */
function firstStale(): (cause: unknown) => boolean {
  let isFirst = true;
  return (cause) => {
    if (!isFirst || !isStale(cause)) return false;
    isFirst = false;
    return true;
  };
}

/** The backoff, or what the server asks for where that is longer, up to the API's cap. */
function pauseAfter({ guards, settings }: CallParts, attempt: number, cause: unknown, previousMs: number): number {
  const asked = cause instanceof HttpStatusError || cause instanceof ServiceFailedError ? (cause.retryAfterMs ?? 0) : 0;
  return Math.max(guards.backoff(attempt, cause, previousMs), Math.min(asked, settings.maxRetryAfterMs));
}

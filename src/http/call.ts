/**
 * One call of an API: attempts under a deadline in a slot, and what each of them comes to. A native Observable for each attempt that settles by
 * callback: what only failures need is made when something fails.
 */
import { asyncScheduler, Observable, type Subscriber, type Subscription, type Unsubscribable } from 'rxjs';
import { BulkheadRejectedError, CallTimeoutError, codeOf, HttpStatusError } from '../errors.ts';
import type { CallEnded, Facts, MessageIdentity } from '../events.ts';
import type { Bulkhead } from '../operators/bulkhead.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { durationMs } from '../policies/duration.ts';
import { readAnswer } from './answer.ts';
import type { ApiSettings } from './api-settings.ts';
import type { CallRequest } from './call-request.ts';
import { callErrorOf, isAccepted, statusErrorOf } from './classify.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** What all calls of an API share. */
export interface CallParts {
  readonly settings: ApiSettings;
  readonly transport: Transport;
  readonly slots: Bulkhead;
  /** Pause after failed attempt n, in milliseconds. */
  readonly backoff: (attempt: number) => number;
  readonly facts: Facts;
}

/** The message a call is made for. */
export interface CallOwner extends MessageIdentity {
  /** Moment on the RxJS clock, in milliseconds, when the message's time is over. */
  readonly deadlineAt?: number | undefined;
}

/** Unique in this process, so that the facts of one call can be told from another's. */
let lastCallId = 0;

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
    const attempts = new Observable((attempt) => new Attempt(attempt, run).start(prepared));
    const { retry } = parts.settings;
    if (retry === undefined) return attempts.subscribe(sink);
    return attempts
      .pipe(
        retryWithBackoff({
          maxAttempts: retry.maxAttempts,
          backoff: (attempt, cause) => pauseAfter(parts, retry.maxRetryAfterMs, attempt, cause),
          deadlineAt,
          onRetry: (attempt, nextDelayMs, cause) => run.reportRetry(attempt, nextDelayMs, cause),
        }),
      )
      .subscribe(sink);
  });

/** The backoff, or what the server asks for where that is longer, up to the API's cap. */
function pauseAfter({ backoff }: CallParts, maxRetryAfterMs: number, attempt: number, cause: unknown): number {
  const asked = cause instanceof HttpStatusError ? (cause.retryAfterMs ?? 0) : 0;
  return Math.max(backoff(attempt), Math.min(asked, maxRetryAfterMs));
}

/** One subscription to a call: counts its attempts and reports what becomes of them. */
class CallRun {
  readonly parts: CallParts;
  readonly owner: CallOwner;
  readonly request: CallRequest;
  readonly deadlineAt: number;
  readonly #callId = ++lastCallId;
  #attempts = 0;

  constructor(parts: CallParts, owner: CallOwner, request: CallRequest, deadlineAt: number) {
    this.parts = parts;
    this.owner = owner;
    this.request = request;
    this.deadlineAt = deadlineAt;
  }

  /** The number of the attempt that starts. */
  reportStart(at: number): number {
    const attempt = ++this.#attempts;
    if (this.parts.facts.isObserved) this.parts.facts.report({ type: 'callStarted', ...this.#about(at), attempt });
    return attempt;
  }

  reportEnd(attempt: number, startedAt: number, end: Pick<CallEnded, 'outcome' | 'status' | 'code'>): void {
    const { facts } = this.parts;
    if (!facts.isObserved) return;
    const at = asyncScheduler.now();
    facts.report({ type: 'callEnded', ...this.#about(at), attempt, ...end, durationMs: at - startedAt });
  }

  reportRetry(attempt: number, nextDelayMs: number, cause: unknown): void {
    const { facts } = this.parts;
    if (facts.isObserved)
      facts.report({
        type: 'callRetried',
        ...this.#about(asyncScheduler.now()),
        attempt,
        nextDelayMs,
        code: codeOf(cause),
      });
  }

  #about(at: number) {
    const { pipeline, messageId, correlationId, deliveryTag } = this.owner;
    const { api, operation } = this.request.call;
    return { pipeline, messageId, correlationId, deliveryTag, at, api, operation, callId: this.#callId };
  }
}

/** One attempt, from the wait for a slot to the value. Ends once: with an answer, a failure, its deadline, or by being unsubscribed. */
class Attempt implements Unsubscribable {
  readonly #sink: Subscriber<unknown>;
  readonly #run: CallRun;
  readonly #startedAt = asyncScheduler.now();
  readonly #number: number;
  #response: TransportResponse | undefined;
  #deadline: Subscription | undefined;
  #exchange: Subscription | undefined;
  #isEnded = false;

  constructor(sink: Subscriber<unknown>, run: CallRun) {
    this.#sink = sink;
    this.#run = run;
    this.#number = run.reportStart(this.#startedAt);
  }

  /** Gives back itself, to be the teardown of its subscription. */
  start(request: TransportRequest): this {
    const { parts, deadlineAt } = this.#run;
    const timeoutMs = Math.min(parts.settings.timeoutMs, deadlineAt - this.#startedAt);
    this.#deadline = asyncScheduler.schedule(() => this.#onDeadline(timeoutMs), timeoutMs);
    try {
      this.#exchange = parts.slots.run(parts.transport(request)).subscribe({
        next: (response) => {
          this.#response = response;
        },
        error: (failure: unknown) =>
          this.#fail(callErrorOf(this.#run.request.call, failure, parts.settings.maxResponseBytes)),
        complete: () => this.#answer(),
      });
    } catch (thrown) {
      this.#fail(thrown);
    }
    return this;
  }

  unsubscribe(): void {
    this.#deadline?.unsubscribe();
    this.#exchange?.unsubscribe();
    if (!this.#isEnded) this.#end({ outcome: 'aborted' });
  }

  #answer(): void {
    const { request } = this.#run;
    const response = this.#response;
    let value: unknown;
    try {
      if (response === undefined) throw new TypeError('the transport ended without a response');
      if (!isAccepted(response)) throw statusErrorOf(request.call, response, asyncScheduler.now());
      value = readAnswer(request.call, response, request.options.response);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#end({ outcome: 'ok', status: response.status });
    this.#sink.next(value);
    this.#sink.complete();
  }

  #onDeadline(timeoutMs: number): void {
    const { request } = this.#run;
    this.#exchange?.unsubscribe();
    this.#fail(new CallTimeoutError(request.call, timeoutMs));
  }

  #fail(error: unknown): void {
    const status = this.#response?.status;
    const isRejected = error instanceof BulkheadRejectedError;
    this.#end({
      outcome: isRejected ? 'rejected' : 'failed',
      code: codeOf(error),
      ...(status === undefined ? {} : { status }),
    });
    this.#sink.error(isRejected ? this.#named(error) : error);
  }

  /** The bulkhead does not know whose slots it keeps. */
  #named({ message }: BulkheadRejectedError): BulkheadRejectedError {
    const { api, operation } = this.#run.request.call;
    return new BulkheadRejectedError(`${api} ${operation}: ${message}`);
  }

  #end(end: Pick<CallEnded, 'outcome' | 'status' | 'code'>): void {
    this.#isEnded = true;
    this.#run.reportEnd(this.#number, this.#startedAt, end);
  }
}

/**
 * One attempt of a call, from its admission to the value. Ends once: with an answer, a failure, its deadline, or by being unsubscribed.
 *
 *     breaker → throttle → deadline → rate limit → slot → exchange
 *
 * Breaker and throttle decide at once, so the deadline stands inside of them: a call that was cut off is one of the failures they count.
 * The value is passed on when all of them know of the success: who takes one value and unsubscribes must not look like a call given up.
 *
 * One Subscriber for all of it, which listens to the transport: every call pays for each layer, so what the guards' operators do around
 * a source is asked of the guards themselves.
 */
import { asyncScheduler, Observable, type Subscriber, Subscription, type Unsubscribable } from 'rxjs';
import { CallTimeoutError, codeOf, isRejection } from '../errors.ts';
import type { CallEnded } from '../events.ts';
import { slotsOf } from '../operators/adaptive-bulkhead.ts';
import { admittedBy } from '../operators/circuit-breaker.ts';
import { LeanSubscriber, type Listener } from '../operators/lean-subscriber.ts';
import type { RateLimiter } from '../operators/rate-limit.ts';
import type { Occupant, Slots } from '../operators/slot-pool.ts';
import { judged, type Tally, tallyOf } from '../operators/tally.ts';
import { tearDown } from '../operators/tear-down.ts';
import type { Limited } from '../operators/time-limits.ts';
import { inContext, type Span } from '../tracing.ts';
import type { AttemptEnd, CallRun } from './call-run.ts';
import { reclassified } from './classify.ts';
import { answerOf, failureOf } from './exchange.ts';
import { learnFrom } from './learn-limit.ts';
import { markTellingNothing } from './tells-nothing.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';

export class Attempt implements Listener<TransportResponse>, Occupant, Limited {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #subscriber: LeanSubscriber<TransportResponse>;
  readonly #sink: Subscriber<unknown>;
  readonly #run: CallRun;
  readonly #request: TransportRequest;
  readonly #slots: Slots;
  readonly #startedAt: number;
  readonly #timeoutMs: number;
  readonly #number: number;
  /** In the turn in which it starts: no time has passed. */
  #isBeginning = true;
  #admitted: Tally | undefined;
  #throttled: Tally | undefined;
  #measured: Tally | undefined;
  #limit: Unsubscribable = Subscription.EMPTY;
  #turn = Subscription.EMPTY;
  #place: 'none' | 'in line' | 'in slot' = 'none';
  #span: Span | undefined;
  #response: TransportResponse | undefined;
  /** Came to its end by itself or by its time, and so not by being unsubscribed. */
  #hasEnded = false;

  /** `sink` must not be closed; `startedAt` is this moment on the clock of RxJS. It is asked once for what a call begins with, not five times. */
  constructor(sink: Subscriber<unknown>, run: CallRun, request: TransportRequest, startedAt: number) {
    this.#sink = sink;
    this.#run = run;
    this.#request = request;
    this.#slots = slotsOf(run.parts.guards.slots);
    this.#startedAt = startedAt;
    this.#timeoutMs = Math.min(run.parts.settings.timeoutMs, run.deadlineAt - startedAt);
    this.#number = run.countAttempt();
    this.#subscriber = new LeanSubscriber(this, sink);
  }

  begin(): void {
    const { breaker, throttle, limiter } = this.#run.parts.guards;
    this.#span = this.#run.startSpan(this.#number, this.#startedAt);
    this.#run.reportStart(this.#number, this.#startedAt);
    try {
      const admitted = breaker === undefined ? undefined : admittedBy(breaker, this.#startedAt);
      // Whoever heard of its start, or of the breaker's change that admits it, may have ended it.
      if (this.#subscriber.closed) {
        admitted?.abandoned();
        return;
      }
      this.#admitted = admitted;
      if (throttle !== undefined) this.#throttled = tallyOf(throttle);
      if (limiter === undefined) this.#takePlace();
      else this.#takeTurn(limiter);
    } catch (rejection) {
      this.#fail(rejection);
    }
    this.#isBeginning = false;
    // After the rest: what comes exactly at the limit is in time.
    if (!this.#subscriber.closed) this.#limit = this.#run.parts.limits.start(this, this.#timeoutMs, this.#startedAt);
  }

  /** The limiter hears of a source that starts when the turn has come, and runs until the attempt is torn down. */
  #takeTurn(limiter: RateLimiter): void {
    const turn = new Observable<never>(() => {
      const waitedMs = asyncScheduler.now() - this.#startedAt;
      if (waitedMs > 0) this.#run.reportWait(this.#number, waitedMs);
      this.#takePlace();
    });
    this.#turn = limiter.run(turn).subscribe({ error: (rejection: unknown) => this.#fail(rejection) });
    if (this.#subscriber.closed) this.#turn.unsubscribe();
  }

  #takePlace(): void {
    const { pool } = this.#slots;
    pool.requirePlace();
    this.#place = 'in line';
    pool.enter(this);
  }

  /** A slot is free: the request goes out. */
  start(): void {
    const { parts } = this.#run;
    this.#place = 'in slot';
    this.#slots.pool.takeSlot();
    this.#measured = this.#slots.begin();
    const { method, origin, path, body } = this.#request;
    const headers = this.#headers();
    const waitedMs = this.#isBeginning ? 0 : asyncScheduler.now() - this.#startedAt;
    const timeoutMs = Math.ceil(this.#timeoutMs - waitedMs);
    try {
      parts
        .transport({ method, origin, path, headers, body, timeoutMs, sentFor: this.#run })
        .subscribe(this.#subscriber);
    } catch (failure) {
      this.#fail(failure);
    }
  }

  onNext(response: TransportResponse): void {
    this.#response = response;
    this.#run.reportAnswer(this.#number, response);
  }

  onComplete(): void {
    const { request, parts } = this.#run;
    let value: unknown;
    try {
      value = answerOf(request, this.#response, parts.settings);
    } catch (failure) {
      this.#fail(failure);
      return;
    }
    this.#succeed(value);
  }

  onError(error: unknown): void {
    const { request, parts } = this.#run;
    this.#fail(failureOf(request, error, parts.settings));
  }

  /** Ends go from the inside out, as each guard would hear of them from the one within; the next in line starts when all is over. */
  #succeed(value: unknown): void {
    this.#hasEnded = true;
    this.#measured?.completed();
    const failure = tearDown(this);
    try {
      if (failure === undefined) {
        this.#throttled?.completed();
        this.#admitted?.completed();
        this.#learn();
        this.#report('ok');
        this.#sink.next(value);
        this.#sink.complete();
      } else {
        this.#passOn(failure);
      }
    } finally {
      this.#slots.pool.startWaiting();
    }
  }

  /** It failed, or was turned away on its way. */
  #fail(cause: unknown): void {
    this.#hasEnded = true;
    const failure = judged(this.#measured, cause);
    const isSlotFree = this.#place === 'in slot';
    try {
      this.#passOn(tearDown(this) ?? failure);
    } finally {
      if (isSlotFree) this.#slots.pool.startWaiting();
    }
  }

  cutOff(): void {
    const hadLeft = this.#place === 'in slot';
    this.#measured?.abandoned();
    this.#hasEnded = true;
    const thrown = tearDown(this);
    if (hadLeft) this.#slots.pool.startWaitingSoon();
    this.#passOn(thrown ?? this.#timeIsOver(hadLeft));
  }

  #timeIsOver(hadLeft: boolean): unknown {
    const { request, parts } = this.#run;
    const error = reclassified(new CallTimeoutError(request.call, this.#timeoutMs), parts.settings.classify);
    return hadLeft || !(error instanceof Error) ? error : markTellingNothing(error);
  }

  /** To the guards around, and then to the caller. */
  #passOn(cause: unknown): void {
    const failure = judged(this.#admitted, judged(this.#throttled, cause));
    this.#learn();
    const isRejected = isRejection(failure);
    this.#report(isRejected ? 'rejected' : 'failed', failure);
    // What turned it away does not know whose call it was.
    if (isRejected && failure instanceof Error) {
      const { api, operation } = this.#run.request.call;
      failure.message = `${api} ${operation}: ${failure.message}`;
    }
    this.#run.failed(this.#sink, failure);
  }

  unsubscribe(): void {
    if (this.#subscriber.closed) return;
    const { pool } = this.#slots;
    if (!this.#hasEnded) {
      this.#admitted?.abandoned();
      this.#throttled?.abandoned();
      this.#measured?.abandoned();
    }
    try {
      this.#subscriber.close();
    } finally {
      if (this.#place === 'in slot') pool.freeSlot();
      else if (this.#place === 'in line') pool.leaveLine(this);
      this.#limit.unsubscribe();
      this.#turn.unsubscribe();
      if (!this.#hasEnded) {
        if (this.#place === 'in slot') pool.startWaitingSoon();
        this.#report('aborted');
      }
    }
  }

  /** Once the attempt has ended: the limiter reckons with those that run. */
  #learn(): void {
    const { limiter } = this.#run.parts.guards;
    if (limiter !== undefined && this.#response !== undefined) learnFrom(limiter, this.#response, asyncScheduler.now());
  }

  #headers(): TransportRequest['headers'] {
    const { headers } = this.#request;
    return this.#span === undefined ? headers : inContext(headers, this.#span);
  }

  #report(outcome: CallEnded['outcome'], failure?: unknown): void {
    const isHeard = this.#run.parts.facts.isHeard.callEnded;
    if (this.#span === undefined && !isHeard) return;
    const status = outcome === 'aborted' ? undefined : this.#response?.status;
    const code = outcome === 'failed' || outcome === 'rejected' ? codeOf(failure) : undefined;
    const end: AttemptEnd = { at: asyncScheduler.now(), outcome, status, code };
    this.#span?.end(end);
    if (isHeard) this.#run.reportEnd(this.#number, this.#startedAt, end);
  }
}

/**
 * One attempt of a call, from its admission to the value. Ends once: with an answer, a failure, its deadline, or by being unsubscribed.
 *
 *     breaker → throttle → deadline → rate limit → slot → exchange
 *
 * Breaker and throttle decide at once, so the deadline stands inside of them: a call that was cut off is one of the failures they count.
 * The value is passed on when all of them know of the success: who takes one value and unsubscribes must not look like a call given up.
 */
import { asyncScheduler, Observable, type Subscriber, type Subscription, type Unsubscribable } from 'rxjs';
import { CallTimeoutError, codeOf, isRejection } from '../errors.ts';
import type { CallEnded } from '../events.ts';
import { mirrorUntil } from '../operators/cut-off.ts';
import type { CallRun } from './call-run.ts';
import { reclassified } from './classify.ts';
import { Exchange } from './exchange.ts';
import { learnFrom } from './learn-limit.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';
import { markUnsent } from './unsent.ts';

export class Attempt implements Unsubscribable {
  readonly #sink: Subscriber<unknown>;
  readonly #run: CallRun;
  readonly #startedAt = asyncScheduler.now();
  readonly #timeoutMs: number;
  readonly #number: number;
  #guarded: Subscription | undefined;
  #response: TransportResponse | undefined;
  #value: unknown;
  #hasLeft = false;
  #isEnded = false;

  constructor(sink: Subscriber<unknown>, run: CallRun) {
    this.#sink = sink;
    this.#run = run;
    this.#timeoutMs = Math.min(run.parts.settings.timeoutMs, run.deadlineAt - this.#startedAt);
    this.#number = run.reportStart(this.#startedAt);
  }

  /** Gives back itself, to be the teardown of its subscription. */
  start(request: TransportRequest): this {
    const { breaker, throttle, limiter, slots } = this.#run.parts.guards;
    const inSlot = slots.run(new Observable<unknown>((sink) => this.#leave(request, sink)));
    const limited = limiter === undefined ? inSlot : limiter.run(this.#reportingItsWait(inSlot));
    const timed = new Observable<unknown>((sink) => this.#inTime(limited, sink));
    const throttled = throttle === undefined ? timed : throttle.run(timed);
    const guarded = breaker === undefined ? throttled : breaker.run(throttled);
    this.#guarded = guarded.subscribe({
      next: (value) => {
        this.#value = value;
      },
      error: (failure: unknown) => this.#fail(failure),
      complete: () => this.#succeed(),
    });
    return this;
  }

  unsubscribe(): void {
    this.#guarded?.unsubscribe();
    if (!this.#isEnded) this.#end({ outcome: 'aborted' });
  }

  #inTime(source: Observable<unknown>, sink: Subscriber<unknown>): void {
    mirrorUntil(
      source,
      sink,
      (cutOff) => asyncScheduler.schedule(cutOff, this.#timeoutMs),
      () => this.#timeIsOver(),
    );
  }

  #timeIsOver(): unknown {
    const { request, parts } = this.#run;
    const error = reclassified(new CallTimeoutError(request.call, this.#timeoutMs), parts.settings.classify);
    return this.#hasLeft || !(error instanceof Error) ? error : markUnsent(error);
  }

  #reportingItsWait(source: Observable<unknown>): Observable<unknown> {
    return new Observable((sink) => {
      const waitedMs = asyncScheduler.now() - this.#startedAt;
      if (waitedMs > 0) this.#run.reportWait(this.#number, waitedMs);
      source.subscribe(sink);
    });
  }

  /** Its turn has come: the request goes out. */
  #leave(request: TransportRequest, sink: Subscriber<unknown>): Subscription {
    const { parts, request: called } = this.#run;
    this.#hasLeft = true;
    const timeoutMs = Math.ceil(this.#startedAt + this.#timeoutMs - asyncScheduler.now());
    const exchange = new Exchange(sink, called, parts.settings, (response) => {
      this.#response = response;
    });
    const { method, origin, path, headers, body } = request;
    return parts.transport({ method, origin, path, headers, body, timeoutMs }).subscribe(exchange);
  }

  #succeed(): void {
    this.#learn();
    this.#end({ outcome: 'ok', ...(this.#response === undefined ? {} : { status: this.#response.status }) });
    this.#sink.next(this.#value);
    this.#sink.complete();
  }

  #fail(failure: unknown): void {
    this.#learn();
    const isRejected = isRejection(failure);
    this.#end({
      outcome: isRejected ? 'rejected' : 'failed',
      code: codeOf(failure),
      ...(this.#response === undefined ? {} : { status: this.#response.status }),
    });
    // What turned it away does not know whose call it was.
    if (isRejected && failure instanceof Error) {
      const { api, operation } = this.#run.request.call;
      failure.message = `${api} ${operation}: ${failure.message}`;
    }
    this.#sink.error(failure);
  }

  /** Once the attempt has ended: the limiter reckons with those that run. */
  #learn(): void {
    const { limiter } = this.#run.parts.guards;
    if (limiter !== undefined && this.#response !== undefined) learnFrom(limiter, this.#response, asyncScheduler.now());
  }

  #end(end: Pick<CallEnded, 'outcome' | 'status' | 'code'>): void {
    this.#isEnded = true;
    this.#run.reportEnd(this.#number, this.#startedAt, end);
  }
}

/** What the attempts of one call have in common, and what is reported of them. */
import { asyncScheduler, type Subscriber } from 'rxjs';
import { codeOf, messageOf } from '../errors.ts';
import type { CallEnded, CallStarted, Facts, MessageIdentity } from '../events.ts';
import type { TimeLimits } from '../operators/time-limits.ts';
import type { MessageSpan, Span } from '../tracing.ts';
import type { CallSettings } from './api-settings.ts';
import type { BuiltCalls } from './built-calls.ts';
import type { CallRequest } from './call-request.ts';
import type { Guards } from './guards.ts';
import type { Transport, TransportResponse } from './transport.ts';

/** What all calls of an API share. */
export interface CallParts {
  readonly settings: CallSettings;
  readonly transport: Transport;
  readonly guards: Guards;
  /** Of its attempts. */
  readonly limits: TimeLimits;
  readonly facts: Facts;
}

/** The message a call is made for. */
export interface CallOwner extends MessageIdentity {
  /** Moment on the RxJS clock, in milliseconds, when the message's time is over. */
  readonly deadlineAt?: number | undefined;
  /** The message's span, where a tracer listens. */
  readonly span?: MessageSpan | undefined;
  /** Told of each call. */
  readonly calls?: BuiltCalls | undefined;
}

/** Unique in this process, so that the facts of one call can be told from another's. */
let lastCallId = 0;

/** What became of an attempt, as its span is told too. */
export interface AttemptEnd {
  /** Milliseconds of the RxJS clock. */
  readonly at: number;
  readonly outcome: CallEnded['outcome'];
  readonly status: number | undefined;
  readonly code: string | undefined;
}

/** One subscription to a call: counts its attempts and reports what becomes of them. */
export class CallRun {
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

  /** An attempt into `sink` has failed, and is torn down. */
  failed(sink: Subscriber<unknown>, cause: unknown): void {
    sink.error(cause);
  }

  /** The number of the next attempt, from 1. */
  countAttempt(): number {
    return ++this.#attempts;
  }

  /** Where a tracer listens. */
  startSpan(attempt: number, at: number): Span | undefined {
    const { undoes } = this.request;
    const { api, operation } = this.request.call;
    const { base, destinationOf } = this.parts.settings;
    const destination = destinationOf?.(operation.slice(operation.indexOf(' ') + 1));
    return this.owner.span?.startCall({
      api,
      operation,
      origin: base.origin,
      destination,
      callId: this.#callId,
      attempt,
      undoes,
      at,
    });
  }

  reportStart(attempt: number, at: number): void {
    const { facts } = this.parts;
    if (!facts.isHeard.callStarted) return;
    const { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag } = this.owner;
    const { undoes } = this.request;
    const { api, operation } = this.request.call;
    const started: CallStarted = {
      type: 'callStarted',
      at,
      pipeline,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      api,
      operation,
      callId: this.#callId,
      attempt,
    };
    facts.report(undoes === undefined ? started : { undoes, ...started });
  }

  /** Only where somebody listens. */
  reportEnd(attempt: number, startedAt: number, { at, outcome, status, code }: AttemptEnd): void {
    const { facts } = this.parts;
    if (outcome !== 'ok' || status === undefined) {
      facts.report({
        type: 'callEnded',
        ...this.#about(at),
        attempt,
        outcome,
        ...(code === undefined ? {} : { code }),
        ...(status === undefined ? {} : { status }),
        durationMs: at - startedAt,
      });
      return;
    }
    const { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag } = this.owner;
    const { api, operation } = this.request.call;
    facts.report({
      type: 'callEnded',
      at,
      pipeline,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      api,
      operation,
      callId: this.#callId,
      attempt,
      outcome,
      status,
      durationMs: at - startedAt,
    });
  }

  reportRetry(attempt: number, nextDelayMs: number, cause: unknown): void {
    const { facts } = this.parts;
    if (facts.isHeard.callRetried)
      facts.report({
        type: 'callRetried',
        ...this.#about(asyncScheduler.now()),
        attempt,
        nextDelayMs,
        code: codeOf(cause),
        reason: messageOf(cause),
      });
  }

  reportWait(attempt: number, waitedMs: number): void {
    const { facts } = this.parts;
    if (facts.isHeard.rateLimitWaited)
      facts.report({ type: 'rateLimitWaited', ...this.#about(asyncScheduler.now()), attempt, waitedMs });
  }

  reportAnswer(attempt: number, response: TransportResponse): void {
    const { contents } = this.parts.facts;
    if (!contents.isWanted(this.owner)) return;
    const { status, headers, body } = response;
    const { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag } = this.owner;
    contents.report({
      type: 'answer',
      pipeline,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      callId: this.#callId,
      attempt,
      status,
      headers,
      body,
    });
  }

  #about(at: number) {
    // Named one by one, as in identityOf: spreading costs.
    const { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag } = this.owner;
    const { api, operation } = this.request.call;
    const callId = this.#callId;
    return { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag, at, api, operation, callId };
  }
}

/** Of a scope, what facts tell of the message. */
export function identityOf({
  pipeline,
  messageId,
  correlationId,
  traceId,
  messageAttempt,
  deliveryTag,
}: MessageIdentity): MessageIdentity {
  return { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag };
}

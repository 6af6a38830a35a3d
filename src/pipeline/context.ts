/** What a handle knows beside the message itself. Each part is made when it is first asked for. */
import { asyncScheduler } from 'rxjs';
import type { ApiDefinitions, Apis } from '../http/define-api.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import type { Headers } from '../message/delivery.ts';
import type { TraceContext } from '../tracing.ts';

export interface Context<Definitions extends ApiDefinitions = ApiDefinitions> {
  /** The pipeline's APIs, bound to this message: its correlation id, trace, deadline and idempotency keys go with every call. */
  readonly apis: Apis<Definitions>;
  /** Every line carries pipeline, message id, correlation id, trace id and attempt. */
  readonly log: Logger;
  readonly messageId: string;
  readonly correlationId: string;
  /** W3C trace context of this message, for clients of your own; the `apis` hand it on by themselves. */
  readonly trace: TraceContext;
  /** This try of the message, counted from 1 over all its waits in the broker. */
  readonly attempt: number;
  /** Tries there can be: the first and one for each of the queue's retry delays. */
  readonly maxAttempts: number;
  /**
   * When this try's time is over, in milliseconds of the RxJS clock: the pipeline's `timeout`, or the message's own expiration where that comes first and
   * the handle does not mind it by itself, as a saga does.
   */
  readonly deadline: number;
  /** When the message is too late, in milliseconds of the RxJS clock. Undefined: it never is. */
  readonly expiresAt: number | undefined;
  /** Headers of the message: own keys only. */
  readonly headers: Headers;
  /** Whether the broker says it handed this message over before. */
  readonly redelivered: boolean;
  /** Aborted when the handle is: for promises and clients that know nothing of unsubscribing. */
  readonly signal: AbortSignal;
  /** The worker's journal, where sagas write down what they did. */
  readonly journal: Journal;
}

export interface ContextParts<Definitions extends ApiDefinitions> {
  readonly bindApis: () => Apis<Definitions>;
  readonly makeLog: () => Logger;
  readonly bindJournal: () => Journal;
  readonly messageId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly deadline: number;
  readonly expiresAt: number | undefined;
  readonly headers: Headers;
  readonly redelivered: boolean;
}

/** A context that binds its APIs and journal, derives its logger and makes its abort signal only for a handle that uses them. */
export class LazyContext<Definitions extends ApiDefinitions> implements Context<Definitions> {
  readonly #parts: ContextParts<Definitions>;
  #apis: Apis<Definitions> | undefined;
  #log: Logger | undefined;
  #journal: Journal | undefined;
  #abort: AbortController | undefined;
  #abortReason: unknown;
  #isAborted = false;

  constructor(parts: ContextParts<Definitions>) {
    this.#parts = parts;
  }

  get apis(): Apis<Definitions> {
    this.#apis ??= this.#parts.bindApis();
    return this.#apis;
  }

  get log(): Logger {
    this.#log ??= this.#parts.makeLog();
    return this.#log;
  }

  get messageId(): string {
    return this.#parts.messageId;
  }

  get correlationId(): string {
    return this.#parts.correlationId;
  }

  get trace(): TraceContext {
    return this.#parts.trace;
  }

  get attempt(): number {
    return this.#parts.attempt;
  }

  get maxAttempts(): number {
    return this.#parts.maxAttempts;
  }

  get deadline(): number {
    return this.#parts.deadline;
  }

  get expiresAt(): number | undefined {
    return this.#parts.expiresAt;
  }

  get headers(): Headers {
    return this.#parts.headers;
  }

  get redelivered(): boolean {
    return this.#parts.redelivered;
  }

  get journal(): Journal {
    this.#journal ??= this.#parts.bindJournal();
    return this.#journal;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isAborted && !this.#abort.signal.aborted) this.#abort.abort(this.#abortReason);
    return this.#abort.signal;
  }

  /** Tells whoever holds the signal that the handle is over before its end. */
  abort(reason: unknown): void {
    this.#isAborted = true;
    this.#abortReason = reason;
    this.#abort?.abort(reason);
  }
}

/** Milliseconds of the RxJS clock: virtual inside a TestScheduler's run. */
export const clockNow = (): number => asyncScheduler.now();

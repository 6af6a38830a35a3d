/** The context of one message: made of its journey, each part of it when a handle first asks for it. */

import type { CallScope } from '../http/api-client.ts';
import { BuiltCalls } from '../http/built-calls.ts';
import type { Apis, BoundTarget, CallTargets } from '../http/call-target.ts';
import type { Journal } from '../journal/journal.ts';
import { messageJournal } from '../journal/message-journal.ts';
import type { Logger } from '../log.ts';
import type { Headers } from '../message/delivery.ts';
import { bodyHashOf, fingerprint } from '../message/identity.ts';
import type { TraceContext } from '../tracing.ts';
import type { Context } from './context.ts';
import type { Engine } from './engine.ts';
import type { Journey } from './journey.ts';
import type { Pipeline } from './pipeline.ts';

export class MessageContext implements Context<CallTargets> {
  readonly deadline: number;
  readonly #journey: Journey;
  readonly #message: unknown;
  readonly #pipeline: Pipeline;
  readonly #engine: Engine;
  #apis: Apis<CallTargets> | undefined;
  #calls: BuiltCalls | undefined;
  #log: Logger | undefined;
  #journal: Journal | undefined;
  #bodyHash: string | undefined;
  #abort: AbortController | undefined;
  #abortReason: unknown;
  #isAborted = false;

  constructor(journey: Journey, message: unknown, pipeline: Pipeline, engine: Engine, deadline: number) {
    this.#journey = journey;
    this.#message = message;
    this.#pipeline = pipeline;
    this.#engine = engine;
    this.deadline = deadline;
  }

  get apis(): Apis<CallTargets> {
    this.#apis ??= this.#bindApis();
    return this.#apis;
  }

  /** Undefined until it is asked for APIs. */
  get calls(): BuiltCalls | undefined {
    return this.#calls;
  }

  get log(): Logger {
    const { messageId, correlationId, traceId } = this.#journey.identity;
    const { attempt } = this;
    this.#log ??= this.#engine.log.child({
      pipeline: this.#pipeline.name,
      messageId,
      correlationId,
      traceId,
      attempt,
    });
    return this.#log;
  }

  get messageId(): string {
    return this.#journey.identity.messageId;
  }

  get correlationId(): string {
    return this.#journey.identity.correlationId;
  }

  get trace(): TraceContext {
    return this.#journey.trace;
  }

  get attempt(): number {
    return this.#journey.attempt;
  }

  get maxAttempts(): number {
    return this.#pipeline.source.retryDelaysMs.length + 1;
  }

  get expiresAt(): number | undefined {
    return this.#journey.deadlineAt;
  }

  get bodyHash(): string {
    this.#bodyHash ??= bodyHashOf(this.#journey.delivery);
    return this.#bodyHash;
  }

  get headers(): Headers {
    return this.#journey.delivery.headers;
  }

  get redelivered(): boolean {
    return this.#journey.delivery.redelivered;
  }

  get journal(): Journal {
    this.#journal ??= messageJournal(this.#engine.journal, this.#journey.identity);
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

  #bindApis(): Apis<CallTargets> {
    const { apis } = this.#pipeline;
    this.#calls = new BuiltCalls(this.#pipeline);
    const scope = this.#scope(this.#calls);
    const bound: Record<string, BoundTarget> = {};
    for (const name of Object.keys(apis)) {
      const definition = apis[name];
      if (definition !== undefined) bound[name] = this.#engine.bindApi(definition, scope);
    }
    return bound;
  }

  #scope(calls: BuiltCalls): CallScope {
    const { identity, attempt, trace, span } = this.#journey;
    const { messageId, correlationId, traceId, deliveryTag } = identity;
    const pipeline = this.#pipeline;
    // Named one by one: spreading costs a microsecond for each message.
    return {
      pipeline: pipeline.name,
      messageId,
      correlationId,
      traceId,
      messageAttempt: attempt,
      deliveryTag,
      trace,
      span,
      calls,
      deadlineAt: this.deadline,
      keyScope:
        pipeline.tenant === undefined
          ? `${pipeline.name}/${messageId}`
          : fingerprint('tenant', pipeline.name, pipeline.tenant(this.#message), messageId),
    };
  }
}

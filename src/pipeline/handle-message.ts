/**
 * The slot's work: the author's handle runs under its timeout, and whatever becomes of it is a verdict.
 * A Subscriber of its own rather than a chain of operators: this runs once for every message, and it is the one place
 * that must hold three ends (done, out of time, interrupted) against each other.
 */
import { asyncScheduler, from, Observable } from 'rxjs';
import { DeadlineExceededError, HandleTimeoutError } from '../errors.ts';
import type { Stage } from '../events.ts';
import type { Api } from '../http/api.ts';
import type { CallScope } from '../http/api-client.ts';
import type { ApiDefinitions, Apis } from '../http/define-api.ts';
import { clockNow, LazyContext } from './context.ts';
import type { Pipeline } from './define-pipeline.ts';
import type { Engine } from './engine.ts';
import type { Journey, Judged, Verdict } from './journey.ts';
import { toMessages } from './results.ts';

/**
 * Cold. Runs the handle for one message and emits its verdict once. Never errors.
 *
 * Holds the values the handle emits until it completes, so that a try that fails publishes nothing. Unsubscribing, the timeout, a lost
 * delivery and the engine's `halt` unsubscribe the handle and abort its signal.
 */
export function handleMessage(
  journey: Journey,
  message: unknown,
  pipeline: Pipeline,
  engine: Engine,
): Observable<Judged> {
  return new Observable<Judged>((subscriber) => {
    const { delivery, identity, receivedAt } = journey;
    const startedAt = clockNow();
    if (engine.facts.isObserved)
      engine.facts.report({ type: 'slotTaken', at: startedAt, ...identity, waitedMs: startedAt - receivedAt });

    const judge = (verdict: Verdict): void => {
      subscriber.next({ journey, verdict });
      subscriber.complete();
    };
    const fail = (stage: Stage, error: unknown): void => judge({ kind: 'failed', failure: { stage, error } });
    const giveBack = (reason: string): void => judge({ kind: 'returned', reason });

    subscriber.add(delivery.lost.subscribe(giveBack));
    subscriber.add(engine.halt.subscribe(giveBack));
    if (subscriber.closed) return;
    const limit = timeLimit(journey, pipeline, startedAt);
    if (limit.deadlineAt <= startedAt) {
      fail('slot', limit.error());
      return;
    }
    const context = createContext(journey, pipeline, engine, limit.deadlineAt);
    subscriber.add(asyncScheduler.schedule(() => fail('handle', limit.error()), limit.deadlineAt - startedAt));

    const results: unknown[] = [];
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      let outgoing: ReturnType<typeof toMessages>;
      try {
        outgoing = toMessages(results, message, journey, pipeline);
      } catch (error) {
        fail('output', error);
        return;
      }
      judge({ kind: 'done', results: outgoing });
    };
    subscriber.add(() => {
      if (!isOver) context.abort(new DOMException('the handle was given up', 'AbortError'));
    });
    try {
      const handling = from(pipeline.handle(message, context)).subscribe({
        next: (result) => results.push(result),
        error: (error: unknown) => {
          isOver = true;
          fail('handle', error);
        },
        complete: finish,
      });
      subscriber.add(handling);
    } catch (error) {
      fail('handle', error);
    }
  });
}

/** The end of this try: the pipeline's timeout, or the message's own deadline where that comes first. */
function timeLimit({ deadlineAt = Number.POSITIVE_INFINITY }: Journey, { timeoutMs }: Pipeline, startedAt: number) {
  return deadlineAt < startedAt + timeoutMs
    ? { deadlineAt, error: () => new DeadlineExceededError(deadlineAt) }
    : { deadlineAt: startedAt + timeoutMs, error: () => new HandleTimeoutError(timeoutMs) };
}

function createContext(
  journey: Journey,
  pipeline: Pipeline,
  engine: Engine,
  deadline: number,
): LazyContext<ApiDefinitions> {
  const { delivery, identity, attempt, trace, span } = journey;
  const { messageId, correlationId, traceId, deliveryTag } = identity;
  return new LazyContext({
    // Named one by one: spreading costs a microsecond for each message.
    bindApis: () =>
      bindApis(pipeline.apis, engine, {
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt: attempt,
        deliveryTag,
        trace,
        span,
        deadlineAt: deadline,
        keyScope: `${pipeline.name}/${messageId}`,
      }),
    makeLog: () => engine.log.child({ pipeline: pipeline.name, messageId, correlationId, traceId, attempt }),
    messageId,
    correlationId,
    trace,
    attempt,
    maxAttempts: pipeline.source.retryDelaysMs.length + 1,
    deadline,
    headers: delivery.headers,
    redelivered: delivery.redelivered,
    journal: engine.journal,
  });
}

function bindApis(definitions: ApiDefinitions, engine: Engine, scope: CallScope): Apis<ApiDefinitions> {
  const bound: Record<string, Api> = {};
  for (const [name, definition] of Object.entries(definitions)) bound[name] = engine.bindApi(definition, scope);
  return bound;
}

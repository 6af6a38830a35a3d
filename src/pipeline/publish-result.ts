/** A result on its way to its exchange: confirmed, tried again where that may help, its exchange declared where that is allowed. */
import { concat, Observable, throwError } from 'rxjs';
import { codeOf, isTransient, TopologyError, UnroutableError } from '../errors.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { contextHeaders, type Span } from '../tracing.ts';
import { clockNow } from './context.ts';
import type { Pipeline } from './define-pipeline.ts';
import type { Engine } from './engine.ts';
import type { Journey } from './journey.ts';

/** Attempts to publish a result before its message counts as failed. */
const RESULT_ATTEMPTS = 5;

/** A full queue or a lost channel passes; a missing queue passes too, but not within seconds. */
const isWorthAnotherPublish = (error: unknown): boolean => isTransient(error) && !(error instanceof UnroutableError);

/**
 * How a pipeline publishes its results. Cold; completes when the broker has confirmed. An exchange that is missing is declared once, as a
 * topic exchange, where the worker may declare: `publishes` need not name every one.
 */
export function publishWith(
  pipeline: Pipeline,
  engine: Engine,
): (result: OutgoingMessage, journey: Journey) => Observable<never> {
  const { broker, facts, random } = engine;
  const backoff = exponentialBackoff({ initialMs: 200, maxMs: 5_000, jitter: 'full' }, random);
  const mayDeclare = (pipeline.source.topology ?? engine.topology) === 'assert';
  const declared = new Set<string>();

  const declareAndPublish = (result: OutgoingMessage, error: unknown): Observable<never> => {
    const { exchange } = result;
    if (!(error instanceof TopologyError) || !mayDeclare || declared.has(exchange)) return throwError(() => error);
    declared.add(exchange);
    const topology = { exchanges: [{ name: exchange, type: 'topic' as const }], queues: [], bindings: [] };
    return concat(broker.establish(topology, 'assert'), broker.publish(result));
  };

  const report = (
    { exchange, routingKey, headers, body }: OutgoingMessage,
    { identity }: Journey,
    sentAt: number,
  ): void => {
    const at = clockNow();
    const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = identity;
    facts.report({
      type: 'published',
      at,
      pipeline: pipeline.name,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      exchange,
      routingKey,
      confirmedMs: at - sentAt,
    });
    if (facts.contents.isObserved)
      facts.contents.report({
        type: 'result',
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        exchange,
        routingKey,
        headers,
        body,
      });
  };

  const retried = retryWithBackoff<never>({
    maxAttempts: RESULT_ATTEMPTS,
    backoff,
    isTransient: isWorthAnotherPublish,
  });
  return (result, journey) =>
    retried(
      new Observable((sink) => {
        const sentAt = clockNow();
        const span = startSpan(result, journey, sentAt);
        const traced = span === undefined ? result : inContext(result, span);
        const confirmed = (): void => {
          span?.end({ at: clockNow(), outcome: 'confirmed' });
          if (facts.isObserved) report(traced, journey, sentAt);
          sink.complete();
        };
        const failed = (error: unknown): void => {
          span?.end({ at: clockNow(), outcome: 'failed', code: codeOf(error) });
          sink.error(error);
        };
        const refused = (error: unknown): void => {
          sink.add(declareAndPublish(traced, error).subscribe({ complete: confirmed, error: failed }));
        };
        if (span !== undefined) sink.add(() => span.end({ at: clockNow(), outcome: 'abandoned' }));
        return broker.publish(traced).subscribe({ complete: confirmed, error: refused });
      }),
    );
}

function startSpan({ exchange, routingKey, properties, body }: OutgoingMessage, { span }: Journey, at: number) {
  const { messageId } = properties;
  return span?.startPublish({ exchange, routingKey, messageId, bytes: body.byteLength, at });
}

const inContext = (result: OutgoingMessage, span: Span): OutgoingMessage => ({
  ...result,
  headers: { ...result.headers, ...contextHeaders(span) },
});

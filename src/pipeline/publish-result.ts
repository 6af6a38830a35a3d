/** A result on its way to its exchange: confirmed, tried again where that may help, its exchange declared where that is allowed. */
import { catchError, concat, defer, type Observable, tap, throwError } from 'rxjs';
import { isTransient, TopologyError, UnroutableError } from '../errors.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
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

  return (result, journey) =>
    defer(() => {
      const publishedAt = clockNow();
      const published = broker.publish(result).pipe(catchError((error: unknown) => declareAndPublish(result, error)));
      if (!facts.isObserved) return published;
      const { exchange, routingKey } = result;
      const report = (): void => {
        const at = clockNow();
        facts.report({
          type: 'published',
          at,
          ...journey.identity,
          exchange,
          routingKey,
          confirmedMs: at - publishedAt,
        });
        if (facts.contents.isObserved) {
          const { headers, body } = result;
          facts.contents.report({ type: 'result', ...journey.identity, exchange, routingKey, headers, body });
        }
      };
      return published.pipe(tap({ complete: report }));
    }).pipe(retryWithBackoff({ maxAttempts: RESULT_ATTEMPTS, backoff, isTransient: isWorthAnotherPublish }));
}

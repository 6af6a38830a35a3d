/** A result on its way to its exchange: confirmed, tried again where that may help, its exchange declared where that is allowed. */
import { concat, Observable, throwError } from 'rxjs';
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

  const report = (
    { exchange, routingKey, headers, body }: OutgoingMessage,
    { identity }: Journey,
    sentAt: number,
  ): void => {
    const at = clockNow();
    facts.report({ type: 'published', at, ...identity, exchange, routingKey, confirmedMs: at - sentAt });
    if (facts.contents.isObserved)
      facts.contents.report({ type: 'result', ...identity, exchange, routingKey, headers, body });
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
        const confirmed = (): void => {
          if (facts.isObserved) report(result, journey, sentAt);
          sink.complete();
        };
        const refused = (error: unknown): void => {
          const declared = declareAndPublish(result, error).subscribe({
            complete: confirmed,
            error: (failure: unknown) => sink.error(failure),
          });
          sink.add(declared);
        };
        return broker.publish(result).subscribe({ complete: confirmed, error: refused });
      }),
    );
}

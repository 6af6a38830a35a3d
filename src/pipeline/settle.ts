/**
 * The one place where a delivery is settled, once. Effects come before the word to the broker: results, the copy for the next try and
 * the dead letter are confirmed, then the original is acked. Whatever interrupts that leaves the message with the broker.
 */
import { catchError, concat, defer, first, map, merge, type Observable, of, race, retry, tap, timer } from 'rxjs';
import { codeOf, isTransient, messageOf, UnroutableError } from '../errors.ts';
import type { SettlementKind } from '../events.ts';
import type { SettleResult } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { clockNow } from './context.ts';
import { deadLetterCopy, nextDelayMs, retryCopy } from './copies.ts';
import type { Pipeline } from './define-pipeline.ts';
import type { Engine } from './engine.ts';
import type { Failure, Journey, Judged } from './journey.ts';

/** What was done about a delivery. */
export interface Settlement {
  readonly kind: SettlementKind;
  /** What the broker adapter said to it. */
  readonly result: SettleResult;
  readonly failure?: Failure;
  readonly delayMs?: number;
  /** Why it was given back. */
  readonly reason?: string;
}

/** Tries to publish a result before its message counts as failed. */
const RESULT_ATTEMPTS = 5;

/** A full queue or a lost channel passes; a missing queue passes too, but not within seconds. */
const isWorthAnotherPublish = (error: unknown): boolean => isTransient(error) && !(error instanceof UnroutableError);

/**
 * How a pipeline settles: from a verdict to the settlement, emitted once. Cold, never errors. Unsubscribing leaves the delivery unsettled.
 *
 * A copy that cannot be stored is tried again for as long as the delivery lives, with pauses up to 30 s: nothing is acked on the hope
 * that it will be.
 */
export function settleWith(pipeline: Pipeline, engine: Engine): (judged: Judged) => Observable<Settlement> {
  const { broker, facts, random } = engine;
  const source = pipeline.source;
  const resultBackoff = exponentialBackoff({ initialMs: 200, maxMs: 5_000, jitter: 'full' }, random);
  const copyBackoff = exponentialBackoff({ initialMs: 500, maxMs: 30_000, jitter: 'equal' }, random);

  const publishResult = (result: OutgoingMessage, journey: Journey): Observable<never> =>
    defer(() => {
      const publishedAt = clockNow();
      const published = broker.publish(result);
      if (!facts.isObserved) return published;
      const { exchange, routingKey } = result;
      return published.pipe(
        tap({
          complete: () =>
            facts.report({
              type: 'published',
              at: clockNow(),
              ...journey.identity,
              exchange,
              routingKey,
              confirmedMs: clockNow() - publishedAt,
            }),
        }),
      );
    }).pipe(
      retryWithBackoff({ maxAttempts: RESULT_ATTEMPTS, backoff: resultBackoff, isTransient: isWorthAnotherPublish }),
    );

  const store = (copy: OutgoingMessage, kind: SettlementKind, journey: Journey): Observable<never> =>
    defer(() => broker.publish(copy)).pipe(
      retry({
        delay: (error: unknown, attempt) => {
          const nextDelay = copyBackoff(attempt);
          facts.report({
            type: 'settlementDelayed',
            at: clockNow(),
            ...journey.identity,
            settlement: kind,
            code: codeOf(error),
            reason: messageOf(error),
            nextDelayMs: nextDelay,
          });
          return timer(nextDelay);
        },
      }),
    );

  const ack = (journey: Journey, settlement: Omit<Settlement, 'result'>): Settlement => ({
    ...settlement,
    result: journey.delivery.ack(),
  });

  const settleFailure = (journey: Journey, failure: Failure): Observable<Settlement> => {
    const delayMs = isTransient(failure.error) ? nextDelayMs(source, journey, clockNow()) : undefined;
    const [kind, copy] =
      delayMs === undefined
        ? (['deadLetter', deadLetterCopy(journey, failure, source.name, clockNow())] as const)
        : (['retry', retryCopy(journey, failure, source.name, delayMs, clockNow())] as const);
    const settlement = { kind, failure, ...(delayMs === undefined ? {} : { delayMs }) };
    return concat(
      store(copy, kind, journey),
      defer(() => of(ack(journey, settlement))),
    );
  };

  const settleDone = (journey: Journey, results: readonly OutgoingMessage[]): Observable<Settlement> =>
    concat(
      merge(...results.map((result) => publishResult(result, journey))),
      defer(() => of(ack(journey, { kind: 'ack' }))),
    ).pipe(catchError((error: unknown) => settleFailure(journey, { stage: 'publish', error })));

  const giveBack = ({ delivery }: Journey, reason: string): Settlement => ({
    kind: 'returned',
    reason,
    result: delivery.requeue(),
  });

  return ({ journey, verdict }) => {
    if (verdict.kind === 'returned') return of(giveBack(journey, verdict.reason));
    if (verdict.kind === 'done' && verdict.results.length === 0) return of(ack(journey, { kind: 'ack' }));
    const settled =
      verdict.kind === 'done' ? settleDone(journey, verdict.results) : settleFailure(journey, verdict.failure);
    const interrupted = merge(journey.delivery.lost, engine.halt).pipe(map((reason) => giveBack(journey, reason)));
    return race(settled, interrupted).pipe(first());
  };
}

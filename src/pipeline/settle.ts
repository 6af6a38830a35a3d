/**
 * The one place where a delivery is settled, once. Effects come before the word to the broker: results, the copy for the next try and
 * the dead letter are confirmed, then the original is acked. Whatever interrupts that leaves the message with the broker.
 */
import { catchError, concat, defer, first, from, map, merge, mergeMap, type Observable, of, race } from 'rxjs';
import { isTransient } from '../errors.ts';
import type { SettlementKind } from '../events.ts';
import type { SettleResult } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { clockNow } from './context.ts';
import { deadLetterCopy, nextDelayMs, retryCopy } from './copies.ts';
import type { Pipeline } from './define-pipeline.ts';
import type { Engine } from './engine.ts';
import type { Failure, Journey, Judged } from './journey.ts';
import { publishWith } from './publish-result.ts';
import { storeWith } from './store-copy.ts';

/** What was done about a delivery. */
export interface Settlement {
  readonly kind: SettlementKind;
  /** What the broker adapter said to it. */
  readonly result: SettleResult;
  readonly failure?: Failure;
  readonly delayMs?: number;
  /** Why it was given back, or acked without being handled. */
  readonly reason?: string;
}

/**
 * How a pipeline settles: from a verdict to the settlement, emitted once. Cold, never errors. Unsubscribing leaves the delivery unsettled.
 *
 * What fails in here that should not is a defect of ours: the message goes back to the broker, and the stream goes on.
 */
export function settleWith(pipeline: Pipeline, engine: Engine): (judged: Judged) => Observable<Settlement> {
  const source = pipeline.source;
  const publishResult = publishWith(pipeline, engine);
  const store = storeWith(engine);

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
      from(results).pipe(mergeMap((result) => publishResult(result, journey))),
      defer(() => of(ack(journey, { kind: 'ack' }))),
    ).pipe(catchError((error: unknown) => settleFailure(journey, { stage: 'publish', error })));

  const giveBack = ({ delivery }: Journey, reason: string): Settlement => ({
    kind: 'returned',
    reason,
    result: delivery.requeue(),
  });

  return ({ journey, verdict }) => {
    if (verdict.kind === 'returned') return of(giveBack(journey, verdict.reason));
    if (verdict.kind === 'done' && verdict.results.length === 0) {
      const { reason } = verdict;
      return of(ack(journey, { kind: 'ack', ...(reason === undefined ? {} : { reason }) }));
    }
    const settled = defer(() =>
      verdict.kind === 'done' ? settleDone(journey, verdict.results) : settleFailure(journey, verdict.failure),
    );
    const interrupted = merge(journey.delivery.lost, engine.halt).pipe(map((reason) => giveBack(journey, reason)));
    return race(settled, interrupted).pipe(
      first(),
      catchError((error: unknown) => {
        engine.log.error({ error, ...journey.identity }, 'a message could not be settled');
        return of(giveBack(journey, 'it could not be settled'));
      }),
    );
  };
}

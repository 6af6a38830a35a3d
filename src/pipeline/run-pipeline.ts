/**
 * The engine: joins a source, the stations of a message's way, and the broker's word at the end.
 *
 *     deliveries → receive (decode, validate) → slots → handle → settle → fact
 *
 * The broker's prefetch is the inlet valve: whatever waits in here, it is at most that many messages.
 */
import {
  BehaviorSubject,
  delay,
  distinctUntilChanged,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  type OperatorFunction,
  pipe,
  Subject,
  switchMap,
  takeUntil,
  tap,
} from 'rxjs';
import { codeOf, messageOf, placeOf } from '../errors.ts';
import type { Delivered, Settled } from '../events.ts';
import type { CallTarget } from '../http/call-target.ts';
import type { Delivery } from '../message/delivery.ts';
import { inSlots } from '../operators/in-slots.ts';
import { mergeMapByKey } from '../operators/merge-map-by-key.ts';
import { TimeLimits } from '../operators/time-limits.ts';
import { admit } from './admit.ts';
import { JournalWait } from './await-journal.ts';
import { beginJourney } from './begin-journey.ts';
import { clockNow } from './context.ts';
import type { Engine } from './engine.ts';
import { Feed, type FeedState } from './feed.ts';
import { followPrefetch, prefetchFor } from './follow-prefetch.ts';
import type { Received } from './handle-message.ts';
import { handleOnceWith } from './handle-once.ts';
import { InFlight } from './in-flight.ts';
import { Intake, type IntakeState } from './intake.ts';
import { IntakeGate, isSamePassage, passageOf } from './intake-gate.ts';
import type { Journey, Judged } from './journey.ts';
import { Ledger, type LedgerCounts } from './ledger.ts';
import type { Pipeline } from './pipeline.ts';
import { type Settlement, settleWith } from './settle.ts';

/** What is not settled so long after the word to give back everything was lost on its way: the end does not wait for it. */
const LOST_AFTER_MS = 1_000;

/** A pipeline at work. */
export interface PipelineRun {
  readonly pipeline: Pipeline;
  /** Cold, subscribe once. Consumes until the engine drains, then completes when the last delivery is settled. Never errors by a message, an API or the broker. */
  readonly work: Observable<never>;
  /** The books as they stand. */
  readonly ledger: () => LedgerCounts;
  /** Whether the broker feeds this pipeline now, and why not. */
  readonly intake: () => IntakeState;
  /** Whether the source feeds its queue, and why not; a plain queue is fed by others. */
  readonly feeding: () => FeedState;
}

export function runPipeline(pipeline: Pipeline, engine: Engine): PipelineRun {
  const { broker, facts } = engine;
  const ledger = new Ledger();
  const settlements = new Subject<void>();
  const intake = new Intake(pipeline, engine);
  let isDraining = false;

  const receive = (delivery: Delivery): Received => {
    const journey = beginJourney(delivery, pipeline, engine.tracing);
    const { identity, attempt } = journey;
    ledger.enter();
    inFlight.add(journey);
    if (facts.isHeard.delivered) {
      // Named one by one, here and in each fact that every message has: spreading the identity costs a microsecond.
      const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = identity;
      const { queue, redelivered, body } = delivery;
      const { timestamp } = delivery.properties;
      const { receivedAt: at } = journey;
      const delivered: Delivered = {
        type: 'delivered',
        at,
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        queue,
        attempt,
        redelivered,
        bytes: body.byteLength,
      };
      facts.report(timestamp === undefined ? delivered : { publishedAt: timestamp * 1_000, ...delivered });
    }
    if (facts.contents.isWanted(identity)) {
      const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = identity;
      const { headers, properties, body } = delivery;
      facts.contents.report({
        type: 'message',
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        headers,
        properties: { ...properties },
        body,
      });
    }
    return { journey, admission: admit(delivery, pipeline) };
  };

  /** A late settlement changed nothing: its channel had gone, and the broker delivers the message again. */
  const book = (journey: Journey, { kind, result, failure, delayMs, reason }: Settlement): void => {
    if (!inFlight.remove(journey)) {
      ledger.repeat();
      return;
    }
    const isLate = result !== 'sent';
    const settlement = isLate ? 'returned' : kind;
    if (isLate) ledger.leaveLate();
    else ledger.leave(settlement);
    if (journey.span === undefined && !facts.isHeard.settled) return;
    const at = clockNow();
    const code = failure === undefined ? undefined : codeOf(failure.error);
    journey.span?.end({ at, outcome: settlement, code });
    if (!facts.isHeard.settled) return;
    const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = journey.identity;
    const settled: Settled = {
      type: 'settled',
      at,
      pipeline: pipeline.name,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      settlement,
      late: isLate,
      durationMs: at - journey.receivedAt,
    };
    if (code === undefined && reason === undefined && delayMs === undefined) {
      facts.report(settled);
      return;
    }
    const place = failure === undefined ? undefined : placeOf(failure.error);
    facts.report({
      ...settled,
      ...(failure === undefined || code === undefined
        ? {}
        : { code, reason: messageOf(failure.error), stage: failure.stage }),
      ...(place === undefined ? {} : { place }),
      ...(reason === undefined ? {} : { reason }),
      ...(delayMs === undefined ? {} : { delayMs }),
    });
  };

  const returned = ({ delivery }: Journey, reason: string): Settlement => ({
    kind: 'returned',
    reason,
    result: delivery.requeue(),
  });
  const bookSettled = (journey: Journey, settlement: Settlement): void => {
    book(journey, settlement);
    if (settlements.observed) settlements.next();
  };

  const inFlight = new InFlight({
    halt: engine.halt,
    limitMs: pipeline.source.settleWithinMs,
    onOverdue(journey, stage) {
      ledger.overstay();
      if (!facts.isHeard.deliveryOverdue) return;
      const at = clockNow();
      facts.report({ type: 'deliveryOverdue', at, ...journey.identity, stage, ageMs: at - journey.receivedAt });
    },
    giveBack: (journey, reason) => bookSettled(journey, returned(journey, reason)),
  });

  const gate = new IntakeGate();
  const journalWait = new JournalWait(engine, inFlight);
  const limits = new TimeLimits();
  const handling = { pipeline, engine, gate, inFlight, journalWait, limits, isDraining: () => isDraining };
  const judge = handleOnceWith(handling);
  const settle = settleWith(pipeline, engine, inFlight, bookSettled);
  const prefetch = new BehaviorSubject(pipeline.prefetch);
  const needed = [
    ...pipeline.needs.map((name) => engine.availabilityOf(definitionOf(pipeline, name))),
    // Without the journal nobody knows what was done before.
    ...(pipeline.dedupe === undefined ? [journalWait.availability] : [engine.journal.availability]),
  ];
  const passages = passageOf(needed).pipe(
    tap(({ maxCalls }) => prefetch.next(prefetchFor(pipeline, maxCalls))),
    distinctUntilChanged(isSamePassage),
    tap((passage) => {
      gate.passage = passage;
      if (passage.limit === 0) intake.paused(passage.reason);
    }),
  );
  const inHand = { count: () => inFlight.size, settlements };
  const deliveries = followPrefetch(prefetch, inHand, (count) => intake.consume(broker, count));

  const handled = passages.pipe(
    map(({ limit }) => limit > 0),
    distinctUntilChanged(),
    switchMap((isOpen) => (isOpen ? deliveries : NEVER)),
    takeUntil(
      engine.drain.pipe(
        tap(() => {
          isDraining = true;
          intake.drain();
          gate.open();
        }),
      ),
    ),
    map(receive),
    inOrder(pipeline, judge, settle),
    takeUntil(
      engine.halt.pipe(
        delay(LOST_AFTER_MS),
        tap((reason) => inFlight.giveBackAll(reason)),
      ),
    ),
    ignoreElements(),
  );
  const feed = new Feed(pipeline, engine);
  return {
    pipeline,
    work: merge(feed.run(), handled),
    ledger: () => ledger.counts(inFlight.size),
    intake: () => intake.state,
    feeding: () => feed.state,
  };
}

/**
 * The slots, in the order the pipeline asks for. Where there is an order, a slot is held until its message is settled, so that results leave
 * in order too; where there is none it is free as soon as the handle is over, and settling has no bound but the prefetch.
 */
function inOrder(
  { order, concurrency }: Pipeline,
  judge: (received: Received) => Observable<Judged>,
  settle: OperatorFunction<Judged, never>,
): OperatorFunction<Received, never> {
  if (order === 'none') return pipe(inSlots(judge, concurrency), settle);
  const judgeAndFinish = (received: Received): Observable<never> => judge(received).pipe(settle);
  return order === 'arrival' ? inSlots(judgeAndFinish, 1) : mergeMapByKey(keyOf, judgeAndFinish, { concurrency });
}

function definitionOf({ apis, name: pipeline }: Pipeline, name: string): CallTarget {
  const definition = apis[name];
  if (definition === undefined)
    throw new TypeError(`pipeline "${pipeline}" needs "${name}", which is none of its apis`);
  return definition;
}

/** A message that could not be read has no key, and nobody to be in order with. */
const keyOf = ({ journey, admission }: Received): string =>
  admission.ok ? `key ${admission.key}` : `tag ${journey.delivery.deliveryTag}`;

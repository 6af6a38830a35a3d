/**
 * The slot's work: a message waits for passage, the author's handle runs under its timeout, and whatever becomes of it is a verdict.
 * One Subscriber rather than a chain of operators: this runs once for every message, and it is the one place that must hold three ends
 * (done, out of time, interrupted) against each other.
 */
import { defer, Observable, type Subscriber, Subscription, type Unsubscribable } from 'rxjs';
import { DeadlineExceededError, DeliveryLimitError, HandleTimeoutError } from '../errors.ts';
import type { Stage } from '../events.ts';
import { streamOfWork } from '../http/built-calls.ts';
import { LeanSubscriber, type Listener } from '../operators/lean-subscriber.ts';
import { requireValue } from '../operators/require-value.ts';
import type { Occupant } from '../operators/slot-pool.ts';
import type { Limited, TimeLimits } from '../operators/time-limits.ts';
import type { Admission } from './admit.ts';
import { isJournalAway, type JournalWait } from './await-journal.ts';
import { clockNow } from './context.ts';
import { hasNextTry } from './copies.ts';
import type { Engine } from './engine.ts';
import type { InFlight } from './in-flight.ts';
import type { IntakeGate } from './intake-gate.ts';
import type { Failure, Interruptible, Journey, Judged, Outgoing, Verdict } from './journey.ts';
import { sayLastWord } from './last-word.ts';
import { MessageContext } from './message-context.ts';
import { isHandedOverForTheLastTime } from './message-headers.ts';
import type { Pipeline } from './pipeline.ts';
import { toMessages } from './results.ts';

/** A delivery that was read, or could not be. */
export interface Received {
  readonly journey: Journey;
  readonly admission: Admission;
}

/** What all messages of a pipeline share. */
export interface HandlingParts {
  readonly pipeline: Pipeline;
  readonly engine: Engine;
  readonly gate: IntakeGate;
  readonly inFlight: InFlight;
  readonly journalWait: JournalWait;
  /** Of the handles. */
  readonly limits: TimeLimits;
  /** Whether what has not started has to be given back. */
  readonly isDraining: () => boolean;
}

/**
 * Cold. Runs the handle for one message and emits its verdict once. Never errors.
 *
 * Holds the values the handle emits until it completes, so that a try that fails publishes nothing. Unsubscribing, the timeout and whatever
 * interrupts the journey unsubscribe the handle and abort its signal.
 */
export const handleMessage = (received: Received, parts: HandlingParts): Observable<Judged> =>
  new Observable((sink) => {
    new Handling(sink, received, parts).begin();
  });

class Handling implements Listener<unknown>, Occupant, Interruptible, Limited {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #subscriber: LeanSubscriber<unknown>;
  readonly #sink: Subscriber<Judged>;
  readonly #received: Received;
  readonly #parts: HandlingParts;
  readonly #results: unknown[] = [];
  #place: 'none' | 'at the gate' | 'past the gate' = 'none';
  #context: MessageContext | undefined;
  /** Of the handle, on the RxJS clock. */
  #startedAt = 0;
  #limit: Unsubscribable = Subscription.EMPTY;
  /** The handle has ended by itself: there is nobody left to be told that it was given up. */
  #isOver = false;
  #isJudged = false;

  constructor(sink: Subscriber<Judged>, received: Received, parts: HandlingParts) {
    this.#sink = sink;
    this.#received = received;
    this.#parts = parts;
    this.#subscriber = new LeanSubscriber(this, sink);
  }

  begin(): void {
    const { gate, inFlight } = this.#parts;
    const reason = inFlight.begin(this.#received.journey, this);
    if (reason !== undefined) {
      this.interrupt(reason);
      return;
    }
    this.#place = 'at the gate';
    gate.enter(this);
  }

  /** There is passage. */
  start(): void {
    const { gate, inFlight, isDraining } = this.#parts;
    const { journey, admission } = this.#received;
    this.#place = 'past the gate';
    gate.passed();
    inFlight.reached(journey, 'handle');
    if (isDraining()) {
      this.#judge({ kind: 'returned', reason: 'the worker is draining' });
    } else if (!admission.ok) {
      this.#judge({ kind: 'failed', failure: admission.failure });
    } else {
      this.#begin(journey, admission.message);
    }
  }

  interrupt(reason: string): void {
    this.#judge({ kind: 'returned', reason });
  }

  /** The handle's time is over. */
  cutOff(): void {
    const { journey } = this.#received;
    const { pipeline } = this.#parts;
    const { timeoutMs } = pipeline;
    const error = endsByDeadline(journey, pipeline, this.#startedAt + timeoutMs)
      ? new DeadlineExceededError(journey.deadlineAt)
      : new HandleTimeoutError(timeoutMs);
    this.#fail('handle', error);
  }

  #begin(journey: Journey, message: unknown): void {
    const { pipeline } = this.#parts;
    const { delivery } = journey;
    const { source } = pipeline;
    const mayHaveBegun = pipeline.lastWord !== undefined;
    if (mayHaveBegun && delivery.properties.expiration !== undefined) {
      // The broker would throw it away while it lies there between two tries, whatever was begun.
      this.#judge({ kind: 'renewed', reason: 'its expiration is minded by its handle from now on' });
      return;
    }
    if (mayHaveBegun && isHandedOverForTheLastTime(delivery, source)) {
      // The next one who gets no further leaves it to the broker, which tells nobody.
      this.#fail('slot', new DeliveryLimitError(source.deliveryLimit));
      return;
    }
    const isFirst = journey.attempt === 1 && !(mayHaveBegun && delivery.redelivered);
    const stale = isFirst ? source.staleBy?.(message, clockNow()) : undefined;
    if (stale === undefined) this.#handle(journey, message);
    else this.#judge({ kind: 'done', reason: stale });
  }

  #handle(journey: Journey, message: unknown): void {
    const { pipeline, engine } = this.#parts;
    const { identity, receivedAt } = journey;
    const startedAt = clockNow();
    this.#startedAt = startedAt;
    if (engine.facts.isHeard.slotTaken) {
      const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = identity;
      engine.facts.report({
        type: 'slotTaken',
        at: startedAt,
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        waitedMs: startedAt - receivedAt,
      });
    }
    // Whoever heard of it may have ended the work.
    if (this.#subscriber.closed) return;
    const deadlineAt = endOf(journey, pipeline, startedAt);
    if (deadlineAt <= startedAt) {
      this.#fail('slot', new DeadlineExceededError(deadlineAt));
      return;
    }
    const context = new MessageContext(journey, message, pipeline, engine, deadlineAt);
    this.#context = context;
    this.#limit = this.#parts.limits.start(this, deadlineAt - startedAt, startedAt);
    try {
      streamOfWork('the handle returned', pipeline.handle(message, context), context).subscribe(this.#subscriber);
    } catch (error) {
      this.#fail('handle', error);
    }
  }

  onNext(result: unknown): void {
    try {
      this.#results.push(requireValue('the handle emitted', result));
    } catch (error) {
      this.#fail('handle', error);
    }
  }

  onError(error: unknown): void {
    this.#isOver = true;
    this.#fail('handle', error);
  }

  onComplete(): void {
    this.#isOver = true;
    const { journey, admission } = this.#received;
    if (!admission.ok) return;
    let outgoing: Outgoing;
    try {
      outgoing = toMessages(this.#results, admission.message, journey, this.#parts.pipeline);
    } catch (error) {
      this.#fail('output', error);
      return;
    }
    if (this.#parts.pipeline.dedupe?.repeatsResults === true)
      this.#judge({ kind: 'done', outgoing, emitted: this.#results });
    else this.#judge({ kind: 'done', outgoing });
  }

  #fail(stage: Stage, error: unknown): void {
    this.#judge({ kind: 'failed', failure: { stage, error } });
  }

  /** The handle is torn down before its verdict is passed on; what waits at the gate starts after that. */
  #judge(verdict: Verdict): void {
    if (this.#isJudged || this.#subscriber.closed) return;
    this.#isJudged = true;
    const isPastGate = this.#place === 'past the gate';
    try {
      this.unsubscribe();
    } catch (error) {
      // What the author's teardown throws changes nothing about a message that is judged.
      this.#parts.engine.log.error({ error, ...this.#received.journey.identity }, 'a teardown of the handle failed');
    }
    this.#conclude(verdict);
    if (isPastGate) this.#parts.gate.startWaiting();
  }

  #conclude(verdict: Verdict): void {
    if (verdict.kind !== 'failed') this.#pass(verdict);
    else if (isJournalAway(verdict)) this.#awaitJournal();
    else if (!this.#hasLastWord(verdict.failure)) this.#pass(verdict);
    else this.#sayLastWord(verdict.failure);
  }

  /** Whether this failure would be the end of a message whose handle has something to say about that. */
  #hasLastWord({ stage, error }: Failure): boolean {
    const { pipeline } = this.#parts;
    const isOfHandle = stage === 'slot' || stage === 'handle';
    return (
      pipeline.lastWord !== undefined && isOfHandle && !hasNextTry(pipeline, this.#received.journey, error, clockNow())
    );
  }

  #sayLastWord(failure: Failure): void {
    const { pipeline, engine, inFlight } = this.#parts;
    const { journey, admission } = this.#received;
    const { lastWord } = pipeline;
    if (lastWord === undefined || !admission.ok) return;
    const { message } = admission;
    const { stage } = failure;
    const context = this.#context ?? new MessageContext(journey, message, pipeline, engine, clockNow());
    const word = defer(() => lastWord(message, context, failure.error));
    const said = sayLastWord(journey, inFlight, word, {
      onSaid: (error) => this.#pass({ kind: 'failed', failure: { stage, error } }),
      onFailed: (error) => {
        const verdict = { kind: 'failed', failure: { stage, error } } as const;
        if (isJournalAway(verdict)) {
          this.#awaitJournal();
          return;
        }
        engine.log.error({ error, ...journey.identity }, 'a handle could not say its last word');
        this.#pass({ kind: 'failed', failure });
      },
      giveBack: (reason) => this.#pass({ kind: 'returned', reason }),
    });
    this.#sink.add(said);
  }

  #pass(verdict: Verdict): void {
    this.#sink.next({ journey: this.#received.journey, verdict });
    this.#sink.complete();
  }

  /** The slot is held meanwhile. */
  #awaitJournal(): void {
    const handleAgain = (): void => new Handling(this.#sink, this.#received, this.#parts).begin();
    const giveBack = (reason: string): void => this.#pass({ kind: 'returned', reason });
    this.#sink.add(this.#parts.journalWait.wait(this.#received.journey, { handleAgain, giveBack }));
  }

  unsubscribe(): void {
    if (this.#subscriber.closed) return;
    const { gate, inFlight } = this.#parts;
    inFlight.end(this.#received.journey, this);
    this.#limit.unsubscribe();
    if (!this.#isOver) this.#context?.abort(new DOMException('the handle was given up', 'AbortError'));
    try {
      this.#subscriber.close();
    } finally {
      if (this.#place === 'past the gate') gate.ended();
      else if (this.#place === 'at the gate') gate.leave(this);
      if (this.#place === 'past the gate' && !this.#isJudged) gate.startWaitingSoon();
    }
  }
}

/** The end of this try: the pipeline's timeout, or the message's own deadline where that comes first and the handle does not mind it by itself. */
const endOf = (journey: Journey, pipeline: Pipeline, startedAt: number): number => {
  const timeoutAt = startedAt + pipeline.timeoutMs;
  return endsByDeadline(journey, pipeline, timeoutAt) ? journey.deadlineAt : timeoutAt;
};

const endsByDeadline = (
  journey: Journey,
  { lastWord }: Pipeline,
  timeoutAt: number,
): journey is Journey & { readonly deadlineAt: number } =>
  lastWord === undefined && journey.deadlineAt !== undefined && journey.deadlineAt < timeoutAt;

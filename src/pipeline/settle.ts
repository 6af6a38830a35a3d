/**
 * The one place where a delivery is settled, once. Effects come before the word to the broker: results, the copy for the next try and
 * the dead letter are confirmed, then the original is acked. Whatever interrupts that leaves the message with the broker.
 */
import { Observable, type OperatorFunction, Subscriber, Subscription, type Unsubscribable } from 'rxjs';
import { REQUEST_HEADER } from '../broker/requests.ts';
import { codeOf, isTransient, messageOf } from '../errors.ts';
import type { SettlementKind } from '../events.ts';
import type { SettleResult } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { tearDown } from '../operators/tear-down.ts';
import { type Waiting, WaitingLine } from '../operators/waiting-line.ts';
import { clockNow } from './context.ts';
import { deadLetterCopy, nextDelayMs, renewedCopy, retryCopy } from './copies.ts';
import type { Engine } from './engine.ts';
import type { InFlight } from './in-flight.ts';
import type { Claim, Failure, Interruptible, Journey, Judged, Outgoing, Verdict } from './journey.ts';
import type { Pipeline } from './pipeline.ts';
import { type PublishListener, type PublishResult, publishWith } from './publish-result.ts';
import { isAllowed } from './reply-to.ts';
import { outcomeOf } from './results.ts';
import { storeWith } from './store-copy.ts';

/** What was done about a delivery. */
export interface Settlement {
  readonly kind: SettlementKind;
  /** What the broker adapter said to it. */
  readonly result: SettleResult;
  readonly failure?: Failure | undefined;
  readonly delayMs?: number | undefined;
  /** Why it was given back, or acked without being handled. */
  readonly reason?: string | undefined;
}

/** What all settlements of a pipeline share. */
interface SettlingParts {
  readonly pipeline: Pipeline;
  readonly engine: Engine;
  readonly publishResult: PublishResult;
  readonly store: ReturnType<typeof storeWith>;
  readonly inFlight: InFlight;
  /** Told of each settlement. */
  readonly book: (journey: Journey, settlement: Settlement) => void;
}

/**
 * How a pipeline settles: carries out the verdict on each journey, at once where nothing has to be stored before. Never errors; completes when
 * the source has and all are settled. Unsubscribing leaves what is not settled with the broker.
 *
 * What fails in here that should not is a defect of ours: the message goes back to the broker, and the stream goes on.
 */
export function settleWith(
  pipeline: Pipeline,
  engine: Engine,
  inFlight: InFlight,
  book: SettlingParts['book'],
): OperatorFunction<Judged, never> {
  const parts = {
    pipeline,
    engine,
    inFlight,
    book,
    publishResult: publishWith(pipeline, engine),
    store: storeWith(engine),
  };
  return (source) =>
    new Observable((sink) => {
      source.subscribe(new SettleSubscriber(sink, parts));
    });
}

class SettleSubscriber extends Subscriber<Judged> {
  readonly #sink: Subscriber<never>;
  readonly #parts: SettlingParts;
  /** What is on its way out. */
  readonly #settling = new WaitingLine<Settling>();
  #isSourceComplete = false;

  constructor(sink: Subscriber<never>, parts: SettlingParts) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- a Subscriber of its own, as the operators have
    super(sink);
    this.#sink = sink;
    this.#parts = parts;
    sink.add(() => this.#giveUp());
  }

  /** It is over. */
  left(settling: Settling): void {
    this.#settling.leave(settling);
  }

  settled(): void {
    if (this.#isSourceComplete && this.#settling.length === 0) this.#sink.complete();
  }

  protected override _next({ journey, verdict }: Judged): void {
    try {
      if (isDoneAlready(verdict)) {
        this.#parts.book(journey, { kind: 'ack', reason: verdict.reason, result: journey.delivery.ack() });
        return;
      }
      const settling = new Settling(this, journey, this.#parts);
      this.#settling.join(settling);
      settling.begin(verdict);
    } catch (defect) {
      this.#sink.error(defect);
    }
  }

  #giveUp(): void {
    const all = new Subscription();
    for (const settling of this.#settling.members()) all.add(settling);
    all.unsubscribe();
  }

  protected override _complete(): void {
    this.#isSourceComplete = true;
    const failure = tearDown(this);
    if (failure !== undefined) this.#sink.error(failure);
    else this.settled();
  }
}

/**
 * One delivery on its way out. Natively rather than as a chain of operators, because every message pays for it: three things may end it
 * (the word of the broker on all that had to be stored, what interrupts the journey, being unsubscribed), and the first of them does.
 */
class Settling implements Interruptible, PublishListener, Unsubscribable, Waiting<Settling> {
  before: Settling | undefined = undefined;
  behind: Settling | undefined = undefined;
  readonly #all: SettleSubscriber;
  readonly #journey: Journey;
  readonly #parts: SettlingParts;
  /** What its end gives up. */
  readonly #work = new Subscription();
  #done: DoneVerdict | undefined;
  /** Those that have still to leave. */
  #answers = NOTHING.answers;
  /** What publishes the results, where there are several. */
  #publishing: Subscription | undefined;
  #unconfirmed = 0;

  constructor(all: SettleSubscriber, journey: Journey, parts: SettlingParts) {
    this.#all = all;
    this.#journey = journey;
    this.#parts = parts;
  }

  begin(verdict: Verdict): void {
    const { inFlight } = this.#parts;
    if (verdict.kind === 'returned') {
      this.interrupt(verdict.reason);
    } else {
      inFlight.reached(this.#journey, 'publish');
      const reason = inFlight.begin(this.#journey, this);
      if (reason !== undefined) {
        this.interrupt(reason);
        return;
      }
      if (verdict.kind === 'failed') this.#storeFailure(verdict.failure);
      else if (verdict.kind === 'renewed') this.#renew(verdict.reason);
      else this.#settleDone(verdict);
    }
  }

  unsubscribe(): void {
    if (this.#work.closed) return;
    this.#parts.inFlight.end(this.#journey, this);
    this.#all.left(this);
    this.#work.unsubscribe();
  }

  interrupt(reason: string): void {
    if (!this.#work.closed) this.#end({ kind: 'returned', reason, result: this.#journey.delivery.requeue() });
  }

  #settleDone(verdict: DoneVerdict): void {
    const { outgoing: { results, answers } = NOTHING, claim } = verdict;
    this.#done = verdict;
    this.#answers = answers;
    if (claim !== undefined) this.#work.add(() => claim.release());
    this.#publish(results);
  }

  #publish(messages: readonly OutgoingMessage[]): void {
    if (messages.length === 0) {
      this.#goOn();
      return;
    }
    this.#unconfirmed = messages.length;
    let work = this.#work;
    if (messages.length > 1) {
      work = new Subscription();
      this.#publishing = work;
      this.#work.add(work);
    }
    for (const message of messages) {
      if (work.closed) return;
      this.#parts.publishResult(message, this.#journey, work, this);
    }
  }

  confirmed(): void {
    if (--this.#unconfirmed > 0) return;
    this.#goOn();
  }

  /** Who asked is answered once the results are confirmed: what he takes for done would else be tried again, or be a dead letter. */
  #goOn(): void {
    const answers = this.#answers;
    this.#answers = NOTHING.answers;
    if (answers.length > 0) this.#publish(answers);
    else if (this.#done !== undefined) this.#allConfirmed(this.#done);
  }

  failed(error: unknown): void {
    this.#storeFailure({ stage: 'publish', error });
  }

  #allConfirmed({ reason, claim }: DoneVerdict): void {
    const done = { kind: 'ack', reason } as const;
    if (claim === undefined) this.#ack(done);
    else this.#writeDown(claim, done);
  }

  /** What cannot be written down is handled again: its effects have the same keys, its results the same ids. */
  #writeDown(claim: Claim, done: Omit<Settlement, 'result'>): void {
    this.#work.add(
      claim.done().subscribe({
        complete: () => this.#ack(done),
        error: (error: unknown) => this.interrupt(`it is done, but not written down: ${messageOf(error)}`),
      }),
    );
  }

  #storeFailure(failure: Failure): void {
    this.#publishing?.unsubscribe();
    const { pipeline } = this.#parts;
    const { source } = pipeline;
    const journey = this.#journey;
    try {
      const delayMs = isTransient(failure.error)
        ? nextDelayMs(pipeline, journey, failure.error, clockNow())
        : undefined;
      const [kind, copy] =
        delayMs === undefined
          ? (['deadLetter', deadLetterCopy(journey, failure, source, clockNow())] as const)
          : (['retry', retryCopy(journey, failure, source, delayMs, clockNow())] as const);
      this.#store(copy, { kind, failure, ...(delayMs === undefined ? {} : { delayMs }) });
    } catch (error) {
      this.#defect(error);
    }
  }

  #renew(reason: string): void {
    try {
      this.#store(renewedCopy(this.#journey, this.#parts.pipeline.source), { kind: 'retry', delayMs: 0, reason });
    } catch (error) {
      this.#defect(error);
    }
  }

  #store(copy: OutgoingMessage, settlement: Omit<Settlement, 'result'>): void {
    this.#work.add(
      this.#parts.store(copy, settlement.kind, this.#journey).subscribe({
        complete: () => this.#tellRequester(settlement),
        error: (error: unknown) => this.#defect(error),
      }),
    );
  }

  /** Who asked to be told of a dead letter is told; that he cannot be is nobody's failure. */
  #tellRequester(settlement: Omit<Settlement, 'result'>): void {
    // It may have been given back in the very call that stored its copy: then nobody is told of an end that it has not come to.
    if (this.#work.closed) return;
    const { kind, failure } = settlement;
    const { replyTo } = this.#journey.delivery.properties;
    const isAsked = kind === 'deadLetter' && replyTo !== undefined && isAllowed(replyTo, this.#parts.pipeline.replyTo);
    const told = isAsked ? outcomeOf(this.#journey, 'dead-lettered', aboutFailure(failure?.error)) : undefined;
    if (told === undefined) {
      this.#ack(settlement);
      return;
    }
    const acked = (): void => this.#ack(settlement);
    this.#parts.publishResult(told, this.#journey, this.#work, { confirmed: acked, failed: acked });
  }

  #defect(error: unknown): void {
    this.#parts.engine.log.error({ error, ...this.#journey.identity }, 'a message could not be settled');
    this.interrupt('it could not be settled');
  }

  #ack({ kind, failure, delayMs, reason }: Omit<Settlement, 'result'>): void {
    if (!this.#work.closed) this.#end({ kind, failure, delayMs, reason, result: this.#journey.delivery.ack() });
  }

  #end(settlement: Settlement): void {
    this.#parts.book(this.#journey, settlement);
    this.unsubscribe();
    this.#all.settled();
  }
}

/** Whether it may pass is told too: whoever asked may ask again, though nobody tries again here. */
const aboutFailure = (error: unknown): OutgoingMessage['headers'] => ({
  [REQUEST_HEADER.errorCode]: codeOf(error),
  ...(isTransient(error) ? { [REQUEST_HEADER.transient]: true } : {}),
});

type DoneVerdict = Extract<Verdict, { readonly kind: 'done' }>;

const NOTHING: Outgoing = { results: [], answers: [] };

/** Nothing has to be stored before the ack. */
const isDoneAlready = (verdict: Verdict): verdict is DoneVerdict => {
  if (verdict.kind !== 'done' || verdict.claim !== undefined) return false;
  const { results, answers } = verdict.outgoing ?? NOTHING;
  return results.length === 0 && answers.length === 0;
};

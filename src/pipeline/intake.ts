/** Whether the broker feeds a pipeline: kept for readiness, told as facts. */
import { ignoreElements, merge, type Observable, Subject, takeUntil, tap, timer } from 'rxjs';
import type { Broker } from '../broker/broker.ts';
import type { Facts } from '../events.ts';
import type { Delivery } from '../message/delivery.ts';
import type { Random } from '../policies/random.ts';
import { type ConsumePartitionsOptions, consumePartitions } from './consume-partitions.ts';
import { clockNow } from './context.ts';
import type { Engine } from './engine.ts';
import type { Pipeline } from './pipeline.ts';

export interface IntakeState {
  readonly isConsuming: boolean;
  readonly reason?: string;
}

/** While one consumer replaces another, the pipeline counts as fed; for so long, then the broker is not there for it. */
const ACCEPTED_WITHIN_MS = 5_000;

export class Intake {
  readonly #pipeline: Pipeline;
  readonly #facts: Facts;
  readonly #random: Random;
  readonly #drained = new Subject<void>();
  #state: IntakeState = { isConsuming: false, reason: 'not started' };
  #isDraining = false;

  constructor(pipeline: Pipeline, { facts, random }: Pick<Engine, 'facts' | 'random'>) {
    this.#pipeline = pipeline;
    this.#facts = facts;
    this.#random = random;
  }

  get state(): IntakeState {
    return this.#state;
  }

  /** Takes no more. Before anything is given back: where there is an order, the broker would take that for a message that has to come first. */
  drain(): void {
    this.#isDraining = true;
    this.#drained.next();
    // Its consumer is gone without a word of the broker. Readiness keeps its state: that the worker drains says more.
    if (this.#state.isConsuming) this.#report({ isConsuming: false });
  }

  paused(reason: string | undefined): void {
    this.#tell({ isConsuming: false, ...(reason === undefined ? {} : { reason }) });
  }

  /** Deliveries of a consumer, and what the broker says of it. Cold; never ends by itself. */
  consume(broker: Pick<Broker, 'consume' | 'depthOf'>, prefetch: number): Observable<Delivery> {
    const answered = new Subject<void>();
    const onConsuming = (isConsuming: boolean, reason?: string): void => {
      answered.next();
      if (isConsuming) this.#tell({ isConsuming }, prefetch);
      else this.paused(reason);
    };
    const unanswered = timer(ACCEPTED_WITHIN_MS).pipe(
      takeUntil(answered),
      tap(() => {
        if (this.#state.isConsuming) this.paused('the broker has not accepted the consumer yet');
      }),
      ignoreElements(),
    );
    const { source } = this.#pipeline;
    const deliveries =
      source.partitions === undefined
        ? broker.consume(source.name, { prefetch, onConsuming, keepsOrder: source.oneAtATime === true })
        : this.#consumePartitions(broker, { prefetch, onConsuming });
    return merge(unanswered, deliveries.pipe(takeUntil(this.#drained)));
  }

  #consumePartitions(
    broker: Pick<Broker, 'consume' | 'depthOf'>,
    options: Pick<ConsumePartitionsOptions, 'prefetch' | 'onConsuming'>,
  ): Observable<Delivery> {
    const { name: pipeline, source } = this.#pipeline;
    return consumePartitions(broker, source, {
      ...options,
      random: this.#random,
      onHandedOver: (queue, workers) =>
        this.#facts.report({ type: 'partitionHandedOver', at: clockNow(), pipeline, queue, workers }),
    });
  }

  #tell(state: IntakeState, prefetch?: number): void {
    this.#state = state;
    this.#report(state, prefetch);
  }

  #report({ isConsuming, reason }: IntakeState, prefetch?: number): void {
    this.#facts.report({
      type: 'intakeChanged',
      at: clockNow(),
      pipeline: this.#pipeline.name,
      state: isConsuming ? 'consuming' : this.#isDraining ? 'stopped' : 'paused',
      ...(reason === undefined ? {} : { reason }),
      ...(prefetch === undefined ? {} : { prefetch }),
    });
  }
}

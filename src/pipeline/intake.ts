/** Whether the broker feeds a pipeline: kept for readiness, told as facts. */
import { ignoreElements, merge, type Observable, Subject, takeUntil, tap, timer } from 'rxjs';
import type { Broker } from '../broker/broker.ts';
import type { Facts } from '../events.ts';
import type { Delivery } from '../message/delivery.ts';
import { clockNow } from './context.ts';
import type { Pipeline } from './define-pipeline.ts';

export interface IntakeState {
  readonly isConsuming: boolean;
  readonly reason?: string;
}

/** While one consumer replaces another, the pipeline counts as fed; for so long, then the broker is not there for it. */
const ACCEPTED_WITHIN_MS = 5_000;

export class Intake {
  readonly #pipeline: Pipeline;
  readonly #facts: Facts;
  #state: IntakeState = { isConsuming: false, reason: 'not started' };
  #isDraining = false;

  constructor(pipeline: Pipeline, facts: Facts) {
    this.#pipeline = pipeline;
    this.#facts = facts;
  }

  get state(): IntakeState {
    return this.#state;
  }

  /** From now on an end of the intake is the last. */
  drain(): void {
    this.#isDraining = true;
  }

  paused(reason: string | undefined): void {
    this.#tell({ isConsuming: false, ...(reason === undefined ? {} : { reason }) });
  }

  /** Deliveries of a consumer, and what the broker says of it. Cold; never ends by itself. */
  consume(broker: Pick<Broker, 'consume'>, prefetch: number): Observable<Delivery> {
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
    return merge(unanswered, broker.consume(this.#pipeline.source.name, { prefetch, onConsuming }));
  }

  #tell(state: IntakeState, prefetch?: number): void {
    this.#state = state;
    const { isConsuming, reason } = state;
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

/** How a circuit breaker tells of its changes, in order, and half-opens by itself while someone listens. */
import { asyncScheduler, Observable, Subject, Subscription } from 'rxjs';
import type { BreakerEpoch, BreakerPolicy, BreakerReason, CircuitState } from '../policies/circuit-breaker.ts';
import { MAX_TIMER_MS } from '../policies/duration.ts';

export interface BreakerChange {
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly reason: BreakerReason;
  /** When it changed, in milliseconds on the clock of RxJS. */
  readonly at: number;
  /** Of a change to open: when the circuit half-opens. Of one to isolated: Infinity. */
  readonly openUntil: number | undefined;
}

/** When an epoch ends by itself: never for an isolated circuit, undefined for one that is not open. */
export function openUntilOf(epoch: BreakerEpoch): number | undefined {
  if (epoch.state === 'isolated') return Number.POSITIVE_INFINITY;
  return epoch.state === 'open' ? epoch.untilMs : undefined;
}

export class BreakerChanges {
  readonly stream: Observable<BreakerChange>;
  readonly #policy: BreakerPolicy;
  readonly #subject = new Subject<BreakerChange>();
  readonly #due: BreakerChange[] = [];
  #reported: BreakerEpoch;
  #isTelling = false;
  #listeners = 0;
  #timer = Subscription.EMPTY;

  constructor(policy: BreakerPolicy, onChange: ((change: BreakerChange) => void) | undefined) {
    this.#policy = policy;
    this.#reported = policy.epoch;
    if (onChange !== undefined) this.#subject.subscribe(onChange);
    this.stream = new Observable((sink) => {
      this.#listeners++;
      this.#subject.subscribe(sink);
      sink.add(() => {
        this.#listeners--;
        if (this.#listeners === 0) this.#timer.unsubscribe();
      });
      if (this.#listeners === 1) this.#setTimer();
    });
  }

  /** Tells of the change since the last report, if there is one. Call it after whatever may change the state. */
  report(): void {
    const { epoch } = this.#policy;
    if (epoch === this.#reported) return;
    this.#due.push(this.#changeOf(this.#reported, epoch));
    this.#reported = epoch;
    this.#setTimer();
    this.#tell();
  }

  /** A listener may change the state itself; the others still hear of the changes in order. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let change = this.#due.shift(); change !== undefined; change = this.#due.shift()) this.#subject.next(change);
    } finally {
      this.#isTelling = false;
    }
  }

  #changeOf({ state: from }: BreakerEpoch, epoch: BreakerEpoch): BreakerChange {
    return {
      from,
      to: epoch.state,
      reason: epoch.why,
      at: asyncScheduler.now(),
      openUntil: openUntilOf(epoch),
    };
  }

  #setTimer(): void {
    this.#timer.unsubscribe();
    const { epoch } = this.#policy;
    if (epoch.state !== 'open' || this.#listeners === 0) return;
    const remainingMs = Math.min(MAX_TIMER_MS, Math.max(0, epoch.untilMs - asyncScheduler.now()));
    this.#timer = asyncScheduler.schedule(() => {
      this.#policy.advance(asyncScheduler.now());
      // A timer may be early by the clock.
      if (this.#policy.epoch === epoch) this.#setTimer();
      else this.report();
    }, remainingMs);
  }
}

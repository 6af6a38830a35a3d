/**
 * Circuit breaker: whether a call may go through, decided by how the calls before it ended. Pure: no clock, every moment is an argument.
 * What a failure is and what a call gets that may not go through is up to whoever acts, `operators/circuit-breaker.ts`.
 *
 * @see https://resilience4j.readme.io/docs/circuitbreaker for the states and their transitions
 */
import { createOutcomeWindow, type OutcomeCounts, type OutcomeWindow, type WindowSize } from './outcome-window.ts';
import { Trial } from './trial.ts';

/** `open` rejects until its time is over; `half-open` lets probes through; `isolated` is held open by hand. */
export type BreakerStatus = 'closed' | 'open' | 'half-open' | 'isolated';

/** Why a circuit changed its status. */
export type BreakerReason =
  | 'failure-ratio'
  | 'slow-call-ratio'
  | 'consecutive-failures'
  | 'open-time-over'
  | 'probes-failed'
  | 'probes-succeeded'
  | 'isolated'
  | 'released';

/** The thresholds of a circuit; `operators/circuit-breaker.ts` documents, checks and fills them in. */
export interface BreakerRules {
  readonly window: WindowSize;
  readonly failureRatio: number;
  readonly minimumCalls: number;
  /** Infinity for never. */
  readonly consecutiveFailures: number;
  /** A call that takes longer is slow. Infinity for none. */
  readonly slowCallMs: number;
  readonly slowCallRatio: number;
  readonly openMs: number;
  readonly openFactor: number;
  readonly maxOpenMs: number;
  readonly probes: number;
  readonly probesToClose: number;
}

interface Closed {
  readonly status: 'closed';
  readonly why: BreakerReason | undefined;
  readonly outcomes: OutcomeWindow;
  failuresInARow: number;
}

interface Open {
  readonly status: 'open';
  readonly why: BreakerReason;
  readonly untilMs: number;
}

interface HalfOpen {
  readonly status: 'half-open';
  readonly why: BreakerReason;
  readonly trial: Trial;
}

interface Isolated {
  readonly status: 'isolated';
  readonly why: BreakerReason;
}

/** A new object at each transition: it is the epoch its calls belong to. */
export type BreakerState = Closed | Open | HalfOpen | Isolated;

/** How a call ended. Both at once is possible: it failed, and that took long. */
export interface CallOutcome {
  readonly isFailure: boolean;
  readonly tookMs: number;
}

export class BreakerPolicy {
  readonly #rules: BreakerRules;
  #state: BreakerState;
  /** Trials that failed since the circuit was last closed: by them the open time grows. */
  #failedTrials = 0;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
    this.#state = this.#closed(undefined);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Half-opens a circuit whose open time is over. */
  advance(nowMs: number): void {
    const { probes, probesToClose, slowCallRatio } = this.#rules;
    if (this.#state.status !== 'open' || nowMs < this.#state.untilMs) return;
    this.#state = {
      status: 'half-open',
      why: 'open-time-over',
      trial: new Trial(probes, probes - probesToClose, Math.ceil(slowCallRatio * probes) - 1),
    };
  }

  /** The epoch of a call that may go through; undefined for one that may not. An admitted call ends in `record` or in `giveBack`. */
  admit(nowMs: number): BreakerState | undefined {
    this.advance(nowMs);
    const state = this.#state;
    if (state.status === 'closed') return state;
    return state.status === 'half-open' && state.trial.begin() ? state : undefined;
  }

  /** A call that was admitted in `epoch` has ended. One of an earlier epoch says nothing of this one. */
  record(epoch: BreakerState, { isFailure, tookMs }: CallOutcome, nowMs: number): void {
    if (epoch !== this.#state) return;
    const isSlow = tookMs > this.#rules.slowCallMs;
    if (epoch.status === 'closed') {
      epoch.failuresInARow = isFailure ? epoch.failuresInARow + 1 : 0;
      const why = this.#whyTrip(epoch.outcomes.add(isFailure, isSlow, nowMs), epoch.failuresInARow);
      if (why !== undefined) this.#open(why, nowMs);
    } else if (epoch.status === 'half-open') {
      const verdict = epoch.trial.record(isFailure, isSlow);
      if (verdict === 'failed') {
        this.#failedTrials++;
        this.#open('probes-failed', nowMs);
      } else if (verdict === 'passed') {
        this.#close('probes-succeeded');
      }
    }
  }

  /** A call that was admitted in `epoch` ended in a way that tells nothing: another may probe in its place. */
  giveBack(epoch: BreakerState): void {
    if (epoch === this.#state && epoch.status === 'half-open') epoch.trial.giveBack();
  }

  /** Lets nothing through until it is released. */
  isolate(): void {
    if (this.#state.status !== 'isolated') this.#state = { status: 'isolated', why: 'isolated' };
  }

  /** Closes an isolated circuit, as new; any other stays as it is. */
  release(): void {
    if (this.#state.status === 'isolated') this.#close('released');
  }

  #whyTrip({ calls, failures, slow }: OutcomeCounts, failuresInARow: number): BreakerReason | undefined {
    const { consecutiveFailures, minimumCalls, failureRatio, slowCallRatio } = this.#rules;
    if (failuresInARow >= consecutiveFailures) return 'consecutive-failures';
    if (calls < minimumCalls) return undefined;
    if (failures >= failureRatio * calls) return 'failure-ratio';
    return slow >= slowCallRatio * calls ? 'slow-call-ratio' : undefined;
  }

  #open(why: BreakerReason, nowMs: number): void {
    const { openMs, openFactor, maxOpenMs } = this.#rules;
    this.#state = {
      status: 'open',
      why,
      untilMs: nowMs + Math.min(maxOpenMs, openMs * openFactor ** this.#failedTrials),
    };
  }

  #close(why: BreakerReason): void {
    this.#failedTrials = 0;
    this.#state = this.#closed(why);
  }

  #closed(why: BreakerReason | undefined): Closed {
    return { status: 'closed', why, outcomes: createOutcomeWindow(this.#rules.window), failuresInARow: 0 };
  }
}

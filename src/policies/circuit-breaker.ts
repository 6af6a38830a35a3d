/**
 * Circuit breaker: whether a call may go through, decided by how the calls before it ended. Pure: no clock, every moment is an argument.
 * What a failure is and what a call gets that may not go through is up to whoever acts, `operators/circuit-breaker.ts`.
 *
 * @see https://resilience4j.readme.io/docs/circuitbreaker for the states and their transitions
 */
import { createOutcomeWindow, type OutcomeCounts, type OutcomeWindow, type WindowSize } from './outcome-window.ts';
import { Trial } from './trial.ts';

/** `open` rejects until its time is over; `half-open` lets probes through; `isolated` is held open by hand. */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated';

/** Why a circuit changed its state. */
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
  /** Undefined: as many as the ratios ask for. */
  readonly probesToClose: number | undefined;
}

interface Closed {
  readonly state: 'closed';
  readonly why: BreakerReason;
  readonly outcomes: OutcomeWindow;
  failuresInARow: number;
}

interface Open {
  readonly state: 'open';
  readonly why: BreakerReason;
  readonly sinceMs: number;
  readonly untilMs: number;
}

interface HalfOpen {
  readonly state: 'half-open';
  readonly why: BreakerReason;
  readonly trial: Trial;
}

interface Isolated {
  readonly state: 'isolated';
  readonly why: BreakerReason;
}

/** What calls belong to: a new object from each change to the next. `why` of the first one is told to nobody. */
export type BreakerEpoch = Closed | Open | HalfOpen | Isolated;

export class BreakerPolicy {
  readonly #rules: BreakerRules;
  #epoch: BreakerEpoch;
  /** Trials that failed since the circuit was last closed: by them the open time grows. */
  #failedTrials = 0;
  readonly #probesMayFail: number;
  readonly #probesMayBeSlow: number;

  constructor(rules: BreakerRules) {
    const { probes, probesToClose, failureRatio, slowCallRatio } = rules;
    this.#rules = rules;
    this.#probesMayFail = probesToClose === undefined ? mostBelow(failureRatio, probes) : probes - probesToClose;
    this.#probesMayBeSlow = mostBelow(slowCallRatio, probes);
    this.#epoch = this.#closed('released');
  }

  get epoch(): BreakerEpoch {
    return this.#epoch;
  }

  /** The epoch's state, but half-open for a circuit whose open time is over: the next call is a probe. */
  stateAt(nowMs: number): CircuitState {
    return this.#isOpenTimeOver(nowMs) ? 'half-open' : this.#epoch.state;
  }

  /** Whether a call would be admitted. */
  isCallable(nowMs: number): boolean {
    if (this.#epoch.state === 'half-open') return this.#epoch.trial.hasFreeProbe;
    return this.#epoch.state === 'closed' || this.#isOpenTimeOver(nowMs);
  }

  /** Half-opens a circuit whose open time is over. */
  advance(nowMs: number): void {
    if (!this.#isOpenTimeOver(nowMs)) return;
    this.#epoch = {
      state: 'half-open',
      why: 'open-time-over',
      trial: new Trial(this.#rules.probes, this.#probesMayFail, this.#probesMayBeSlow),
    };
  }

  /** The epoch of a call that may go through; undefined for one that may not. An admitted call ends in `record` or in `giveBack`. */
  admit(nowMs: number): BreakerEpoch | undefined {
    this.advance(nowMs);
    const epoch = this.#epoch;
    if (epoch.state === 'closed') return epoch;
    return epoch.state === 'half-open' && epoch.trial.begin() ? epoch : undefined;
  }

  /** A call that was admitted in `epoch` has ended. One of an earlier epoch says nothing of this one. */
  record(epoch: BreakerEpoch, isFailure: boolean, tookMs: number, nowMs: number): void {
    if (epoch !== this.#epoch) return;
    const isSlow = tookMs > this.#rules.slowCallMs;
    if (epoch.state === 'closed') {
      epoch.failuresInARow = isFailure ? epoch.failuresInARow + 1 : 0;
      const why = this.#whyTrip(epoch.outcomes.add(isFailure, isSlow, nowMs), epoch.failuresInARow);
      if (why !== undefined) this.#open(why, nowMs);
    } else if (epoch.state === 'half-open') {
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
  giveBack(epoch: BreakerEpoch): void {
    if (epoch.state === 'half-open') epoch.trial.giveBack();
  }

  /** Lets nothing through until it is released. */
  isolate(): void {
    if (this.#epoch.state !== 'isolated') this.#epoch = { state: 'isolated', why: 'isolated' };
  }

  /** Closes an isolated circuit, as new; any other stays as it is. */
  release(): void {
    if (this.#epoch.state === 'isolated') this.#close('released');
  }

  /** Over too when the clock was set back behind its beginning: a probe that is early does no harm, a circuit open for an hour does. */
  #isOpenTimeOver(nowMs: number): boolean {
    const epoch = this.#epoch;
    return epoch.state === 'open' && (nowMs >= epoch.untilMs || nowMs < epoch.sinceMs);
  }

  #whyTrip({ calls, failures, slow }: OutcomeCounts, failuresInARow: number): BreakerReason | undefined {
    const { consecutiveFailures, minimumCalls, failureRatio, slowCallRatio } = this.#rules;
    if (failuresInARow >= consecutiveFailures) return 'consecutive-failures';
    if (calls < minimumCalls) return undefined;
    if (isReached(failureRatio, failures, calls)) return 'failure-ratio';
    return isReached(slowCallRatio, slow, calls) ? 'slow-call-ratio' : undefined;
  }

  #open(why: BreakerReason, nowMs: number): void {
    const { openMs, openFactor, maxOpenMs } = this.#rules;
    const untilMs = nowMs + Math.min(maxOpenMs, openMs * openFactor ** this.#failedTrials);
    this.#epoch = { state: 'open', why, sinceMs: nowMs, untilMs };
  }

  #close(why: BreakerReason): void {
    this.#failedTrials = 0;
    this.#epoch = this.#closed(why);
  }

  #closed(why: BreakerReason): Closed {
    return { state: 'closed', why, outcomes: createOutcomeWindow(this.#rules.window), failuresInARow: 0 };
  }
}

/** By division: 0.55 × 100 is more than 55, and 55 / 100 is 0.55. */
const isReached = (ratio: number, count: number, calls: number): boolean => count / calls >= ratio;

/** The most of `calls` that stay below the ratio. */
function mostBelow(ratio: number, calls: number): number {
  let most = calls;
  while (isReached(ratio, most, calls)) most--;
  return most;
}

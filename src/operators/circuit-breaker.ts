/**
 * Circuit breaker: stops calling what fails, and finds out with a few probes when it works again.
 * One breaker is shared by all calls of one dependency. It runs them, tells failures from answers, trips by how the latest of
 * them fared, and reports each change.
 */
import { asyncScheduler, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import { CircuitOpenError, isRejection, isTransient } from '../errors.ts';
import { type BreakerEpoch, BreakerPolicy, type CircuitState } from '../policies/circuit-breaker.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { type BreakerChange, BreakerChanges, openUntilOf } from './breaker-changes.ts';
import { type BreakerOptions, breakerRules, type OpenTime } from './breaker-options.ts';
import { requireMade } from './require-made.ts';
import { type Tally, tallied, tallyOf } from './tally.ts';

export interface CircuitBreakerOptions extends BreakerOptions {
  /**
   * Whether an error is a failure of the dependency. Default: transient causes are; a permanent one (a 404, a 422) is the answer of a
   * healthy API and counts as a success.
   */
  readonly isFailure?: ((cause: unknown) => boolean) | undefined;
  /**
   * Whether an error counts neither way. Default: errors that say that nothing ran, those of a bulkhead, rate limit, throttle or another
   * breaker inside of this one.
   */
  readonly isIgnored?: ((cause: unknown) => boolean) | undefined;
  /** Called after each change of state, in order. What it throws is an unhandled error: it never reaches a call. */
  readonly onChange?: ((change: BreakerChange) => void) | undefined;
}

const OPTIONS: Known<CircuitBreakerOptions> = {
  window: true,
  failureRatio: true,
  minimumCalls: true,
  consecutiveFailures: true,
  slowCall: true,
  slowCallRatio: true,
  openFor: true,
  probes: true,
  probesToClose: true,
  isFailure: true,
  isIgnored: true,
  onChange: true,
};
const WINDOW: Known<{ readonly calls: number }> = { calls: true };
const OPEN_TIME: Known<OpenTime> = { initial: true, factor: true, max: true };

export interface CircuitBreaker {
  /** The state now. An open circuit whose time is over reads as half-open: the next call is a probe. */
  readonly state: CircuitState;
  /** Whether a call would be let through now. */
  readonly isCallable: boolean;
  /** While open, the moment on the clock of RxJS at which it half-opens; Infinity while isolated; undefined otherwise. */
  readonly openUntil: number | undefined;
  /** Calls that a half-open circuit lets through. */
  readonly probes: number;
  /**
   * Each change of state from now on, in order; hot, and never ends. While someone listens, an open circuit half-opens by a timer at
   * `openUntil`; otherwise by the first call after it, so that a breaker nobody listens to leaves no timer behind.
   */
  readonly changes: Observable<BreakerChange>;
  /**
   * Mirrors the source and counts how it ends; fails at once, without subscribing to it, while the circuit is open.
   *
   * A call is a success when it completes, a failure when its error is one, and slow by the time from its subscription to its end.
   * A call that is unsubscribed from counts neither way and frees its probe, also after it has emitted: put a `take(1)` inside.
   * So does one whose error is ignored. A call that began before the last change of state counts no more. How a call ended is counted
   * before its end is passed on. A probe that never ends keeps its place: bound the time of what runs inside.
   * Holds nothing per call but its start; the breaker holds `window`.
   *
   * @throws CircuitOpenError when the circuit lets nothing through, and in half-open when all probes are taken.
   */
  run<T>(source: Observable<T>): Observable<T>;
  /** Opens the circuit by hand, until `release()`. Running calls go on and count no more. */
  isolate(): void;
  /** Closes an isolated circuit, with an empty window. One that is not isolated stays as it is. */
  release(): void;
}

/**
 * A circuit breaker, closed.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  requireKnown('createCircuitBreaker', options, OPTIONS);
  const { window, openFor } = options;
  if (typeof window === 'object') requireKnown('createCircuitBreaker: window', window, WINDOW);
  if (typeof openFor === 'object') requireKnown('createCircuitBreaker: openFor', openFor, OPEN_TIME);
  return new PolicyBreaker(options);
}

/** `run` of a circuit breaker, as an operator. */
export function circuitBreaker<T>(shared: CircuitBreaker): MonoTypeOperatorFunction<T> {
  requireMade('circuitBreaker', 'createCircuitBreaker', shared);
  return (source) => shared.run(source);
}

/**
 * A call under the breaker for who runs it and tells of its end.
 * @param nowMs This moment on the clock of RxJS, in milliseconds.
 * @throws CircuitOpenError as `run` fails with it.
 */
export const admittedBy = (breaker: CircuitBreaker, nowMs: number): Tally =>
  breaker instanceof PolicyBreaker ? breaker.admit(nowMs) : tallyOf(breaker);

class PolicyBreaker implements CircuitBreaker {
  readonly probes: number;
  readonly changes: Observable<BreakerChange>;
  readonly isFailure: (cause: unknown) => boolean;
  readonly isIgnored: (cause: unknown) => boolean;
  readonly #policy: BreakerPolicy;
  readonly #changes: BreakerChanges;

  constructor({ isFailure = isTransient, isIgnored = isRejection, onChange, ...options }: CircuitBreakerOptions) {
    const rules = breakerRules(options);
    this.probes = rules.probes;
    this.isFailure = isFailure;
    this.isIgnored = isIgnored;
    this.#policy = new BreakerPolicy(rules);
    this.#changes = new BreakerChanges(this.#policy, onChange);
    this.changes = this.#changes.stream;
  }

  get state(): CircuitState {
    return this.#policy.stateAt(asyncScheduler.now());
  }

  get isCallable(): boolean {
    return this.#policy.isCallable(asyncScheduler.now());
  }

  get openUntil(): number | undefined {
    return this.state === 'half-open' ? undefined : openUntilOf(this.#policy.epoch);
  }

  run<T>(source: Observable<T>): Observable<T> {
    return tallied(source, () => this.admit(asyncScheduler.now()));
  }

  admit(nowMs: number): Tally {
    const epoch = this.#policy.admit(nowMs);
    this.#changes.report();
    if (epoch === undefined) throw this.#rejection(nowMs);
    return new AdmittedCall(this, epoch, nowMs);
  }

  record(epoch: BreakerEpoch, isFailure: boolean, startedAtMs: number): void {
    const nowMs = asyncScheduler.now();
    this.#policy.record(epoch, isFailure, nowMs - startedAtMs, nowMs);
    this.#changes.report();
  }

  giveBack(epoch: BreakerEpoch): void {
    this.#policy.giveBack(epoch);
  }

  isolate(): void {
    this.#policy.isolate();
    this.#changes.report();
  }

  release(): void {
    this.#policy.release();
    this.#changes.report();
  }

  #rejection(nowMs: number): CircuitOpenError {
    const { epoch } = this.#policy;
    const retryAt = openUntilOf(epoch) ?? nowMs;
    if (epoch.state === 'isolated') return new CircuitOpenError('the circuit is isolated by hand', retryAt);
    if (epoch.state === 'open')
      return new CircuitOpenError(`the circuit is open for another ${Math.ceil(retryAt - nowMs)} ms`, retryAt);
    return new CircuitOpenError(`the circuit is half-open, all its probes (${this.probes}) are taken`, retryAt);
  }
}

/** One call that was let through: a probe, or one of a closed circuit. */
class AdmittedCall implements Tally {
  readonly #breaker: PolicyBreaker;
  readonly #epoch: BreakerEpoch;
  readonly #startedAtMs: number;

  constructor(breaker: PolicyBreaker, epoch: BreakerEpoch, startedAtMs: number) {
    this.#breaker = breaker;
    this.#epoch = epoch;
    this.#startedAtMs = startedAtMs;
  }

  completed(): void {
    this.#breaker.record(this.#epoch, false, this.#startedAtMs);
  }

  failed(cause: unknown): void {
    let isFailure: boolean | undefined;
    try {
      if (!this.#breaker.isIgnored(cause)) isFailure = this.#breaker.isFailure(cause);
    } finally {
      if (isFailure === undefined) this.abandoned();
      else this.#breaker.record(this.#epoch, isFailure, this.#startedAtMs);
    }
  }

  abandoned(): void {
    this.#breaker.giveBack(this.#epoch);
  }
}

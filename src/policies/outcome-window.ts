/**
 * The calls a circuit breaker judges by: the last n, or those of the last so many milliseconds.
 * @see https://resilience4j.readme.io/docs/circuitbreaker "Count-based sliding window", "Time-based sliding window"
 */
import { RecentCount } from './recent-count.ts';

export interface OutcomeCounts {
  readonly calls: number;
  readonly failures: number;
  /** Calls that took longer than the limit, whether they failed or not. */
  readonly slow: number;
}

export interface OutcomeWindow {
  /** Adds a call that ended now, and gives the counts with it. */
  add(isFailure: boolean, isSlow: boolean, nowMs: number): OutcomeCounts;
}

/** How far back a window looks: so many calls, or so many milliseconds. */
export type WindowSize = { readonly calls: number } | { readonly ms: number };

export const createOutcomeWindow = (size: WindowSize): OutcomeWindow =>
  'calls' in size ? new LastCalls(size.calls) : new CallsOfTime(size.ms);

const FAILURE = 1;
const SLOW = 2;

/** Holds two bits for each of the last n calls. */
class LastCalls implements OutcomeWindow {
  readonly #flags: Uint8Array;
  #next = 0;
  #calls = 0;
  #failures = 0;
  #slow = 0;

  constructor(calls: number) {
    this.#flags = new Uint8Array(calls);
  }

  add(isFailure: boolean, isSlow: boolean): OutcomeCounts {
    const forgotten = this.#flags[this.#next] ?? 0;
    if (forgotten & FAILURE) this.#failures--;
    if (forgotten & SLOW) this.#slow--;
    if (this.#calls < this.#flags.length) this.#calls++;

    this.#flags[this.#next] = (isFailure ? FAILURE : 0) | (isSlow ? SLOW : 0);
    this.#next = (this.#next + 1) % this.#flags.length;
    if (isFailure) this.#failures++;
    if (isSlow) this.#slow++;
    return { calls: this.#calls, failures: this.#failures, slow: this.#slow };
  }
}

/** Holds a few counts, however many calls there are. */
class CallsOfTime implements OutcomeWindow {
  readonly #calls: RecentCount;
  readonly #failures: RecentCount;
  readonly #slow: RecentCount;

  constructor(ms: number) {
    this.#calls = new RecentCount(ms);
    this.#failures = new RecentCount(ms);
    this.#slow = new RecentCount(ms);
  }

  add(isFailure: boolean, isSlow: boolean, nowMs: number): OutcomeCounts {
    this.#calls.add(nowMs);
    if (isFailure) this.#failures.add(nowMs);
    if (isSlow) this.#slow.add(nowMs);
    return {
      calls: this.#calls.total(nowMs),
      failures: this.#failures.total(nowMs),
      slow: this.#slow.total(nowMs),
    };
  }
}

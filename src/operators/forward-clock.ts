/**
 * The clock of RxJS without its steps back. Outside of virtual time that clock is the wall clock: set back by an hour, it would keep a
 * circuit open for an hour longer. A step forward is indistinguishable from time that passed, and does no harm.
 */
import { asyncScheduler } from 'rxjs';

export class ForwardClock {
  #lastMs = Number.NEGATIVE_INFINITY;
  /** By how much this clock is ahead: the sum of all steps back. */
  #aheadMs = 0;

  now(): number {
    const nowMs = asyncScheduler.now();
    if (nowMs < this.#lastMs) this.#aheadMs += this.#lastMs - nowMs;
    this.#lastMs = nowMs;
    return nowMs + this.#aheadMs;
  }

  /** A moment of this clock as the clock of RxJS will show it. */
  onSchedulerClock(atMs: number): number {
    return atMs - this.#aheadMs;
  }
}

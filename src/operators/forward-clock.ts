/**
 * The clock of RxJS without its steps back. Outside of virtual time that clock is the wall clock: set back by an hour, it would let
 * nothing start for an hour. A step forward is indistinguishable from time that passed, and does no harm.
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
}

/** What a rate limiter asks of a rule about rates. Pure: the moment is an argument, in milliseconds, and never goes back. */

export interface RatePolicy {
  /** Milliseconds until one more may start; 0 when it may now. */
  waitMs(nowMs: number): number;
  /** One starts. Only when `waitMs` is 0. */
  take(nowMs: number): void;
  /** Lets fewer start than it was made for, or as many again: at most so many in each period. Integer, at least 1. */
  limitTo(requests: number): void;
  /** No start matters any more: it could be forgotten and made anew. */
  isAtRest(nowMs: number): boolean;
}

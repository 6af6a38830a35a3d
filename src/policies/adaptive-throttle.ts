/**
 * Adaptive throttling: which share of calls to turn away on this side, so that a dependency that refuses most of them is not kept busy
 * with refusing. Pure: the moment is an argument, and the draw is up to whoever acts, `operators/client-throttle.ts`.
 *
 * @see https://sre.google/sre-book/handling-overload/ "Client-Side Throttling", equation 21-1
 */
import { RecentCount } from './recent-count.ts';

export interface ThrottleRules {
  /** How far back requests and accepts are counted, in milliseconds. */
  readonly windowMs: number;
  /** K: how many requests are let through for each one that is accepted. At least 1. */
  readonly multiplier: number;
  /** Nothing is turned away before the window holds so many requests. */
  readonly minimumRequests: number;
  /** No larger share is turned away. Above 0, at most 1. */
  readonly maxRejectRatio: number;
}

/** `max(0, (requests − K × accepts) / (requests + 1))`: the chance with which the next request is turned away. */
export function rejectRatio(requests: number, accepts: number, multiplier: number): number {
  return Math.max(0, (requests - multiplier * accepts) / (requests + 1));
}

export class AdaptiveThrottle {
  readonly #rules: ThrottleRules;
  readonly #requests: RecentCount;
  readonly #accepts: RecentCount;

  constructor(rules: ThrottleRules) {
    this.#rules = rules;
    this.#requests = new RecentCount(rules.windowMs);
    this.#accepts = new RecentCount(rules.windowMs);
  }

  rejectRatio(nowMs: number): number {
    const { multiplier, minimumRequests, maxRejectRatio } = this.#rules;
    const requests = this.#requests.total(nowMs);
    if (requests < minimumRequests) return 0;
    return Math.min(maxRejectRatio, rejectRatio(requests, this.#accepts.total(nowMs), multiplier));
  }

  /** A request was answered, or turned away here: then it is one that was not accepted. */
  record(isAccepted: boolean, nowMs: number): void {
    this.#requests.add(nowMs);
    if (isAccepted) this.#accepts.add(nowMs);
  }
}

/**
 * Retry budget: retries are at most a share of calls, whoever makes them. Without it a dependency that fails gets a multiple of its load
 * exactly when it can bear the least. Pure: the moment is an argument.
 *
 * @see https://twitter.github.io/finagle/docs/com/twitter/finagle/service/RetryBudget.html deposits, withdrawals and the reserve
 * @see https://sre.google/sre-book/handling-overload/ "Deciding to Retry"
 */
import { RecentCount } from './recent-count.ts';
import { requireKnown } from './require-known.ts';
import type { Known } from './unknown-option.ts';

export interface RetryBudgetOptions {
  /** Retries for each call: 0.2 is one for every five. At least 0; above 1 is a bound too, if no economical one. */
  readonly ratio: number;
  /**
   * Retries for each second of the window on top of that, for callers that have just started or make few calls. At least 0.
   * Default: 1, that is 10 within the window.
   */
  readonly minimumPerSecond?: number | undefined;
  /** How long the deposit of a call lasts, in milliseconds, in tenths of it. Above 0. Default: 10 000. */
  readonly windowMs?: number | undefined;
}

const OPTIONS: Known<RetryBudgetOptions> = { ratio: true, minimumPerSecond: true, windowMs: true };

/** One is shared by all calls of one dependency. */
export interface RetryBudget {
  /** A call begins, its first attempt: it pays for a share of a retry. */
  deposit(nowMs: number): void;
  /** Takes one retry out, if there is one. */
  withdraw(nowMs: number): boolean;
  /** Retries that can be made now. */
  balance(nowMs: number): number;
}

/**
 * A budget that holds its reserve, `minimumPerSecond` × window. In any window, retries ≤ ratio × calls + reserve.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createRetryBudget(options: RetryBudgetOptions): RetryBudget {
  requireKnown('createRetryBudget', options, OPTIONS);
  const { ratio, minimumPerSecond = 1, windowMs = 10_000 } = options;
  requireAmount('ratio', ratio);
  requireAmount('minimumPerSecond', minimumPerSecond);
  if (!(windowMs > 0 && windowMs < Number.POSITIVE_INFINITY))
    throw new RangeError(`windowMs: expected a number above 0, got ${windowMs}`);
  return new WindowBudget(ratio, (minimumPerSecond * windowMs) / 1_000, windowMs);
}

/** Sums of shares are a little less than they should be: five times 0.2 must pay for one. */
const ROUNDING = 1e-9;

class WindowBudget implements RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #deposits: RecentCount;
  readonly #withdrawals: RecentCount;

  constructor(ratio: number, reserve: number, windowMs: number) {
    this.#ratio = ratio;
    this.#reserve = reserve;
    this.#deposits = new RecentCount(windowMs);
    this.#withdrawals = new RecentCount(windowMs);
  }

  deposit(nowMs: number): void {
    this.#deposits.add(nowMs);
  }

  withdraw(nowMs: number): boolean {
    if (this.balance(nowMs) < 1) return false;
    this.#withdrawals.add(nowMs);
    return true;
  }

  balance(nowMs: number): number {
    const paid = this.#reserve + this.#ratio * this.#deposits.total(nowMs);
    // A withdrawal may outlast the deposits it was made from: below zero there is nothing to take either.
    return Math.max(0, Math.floor(paid - this.#withdrawals.total(nowMs) + ROUNDING));
  }
}

function requireAmount(option: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`${option}: expected a number of at least 0, got ${value}`);
}

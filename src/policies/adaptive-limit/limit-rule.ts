/** What the rules of adaptive limits have in common: from one round of calls to the limit of the next. Pure: no clock, no state. */

/** What became of the calls of one round, all of them begun under the limit that is judged. */
export interface Round {
  /** Mean time from start to end, in milliseconds; 0 when only failures ended. */
  readonly meanMs: number;
  /** Calls that ran at once, at most. */
  readonly mostInFlight: number;
  /** Some failed in a way that says the other side has too much to do. */
  readonly hasDrops: boolean;
}

export interface LimitRule {
  /**
   * The limit of the next round, whole or not; whoever asks keeps it between minimum and maximum.
   * @param baseMs Mean time of a call without load.
   */
  next(limit: number, round: Round, baseMs: number): number;
  /** Compares latencies with the base, which is measured anew from time to time. */
  readonly readsLatency: boolean;
}

/** Fewer ran than half of what may: such a round says nothing of a higher limit. */
export const isHardlyUsed = (limit: number, { mostInFlight }: Round): boolean => mostInFlight * 2 < limit;

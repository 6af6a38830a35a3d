/**
 * A limit that follows how calls fare under it, in rounds: only calls that began under a limit judge it. Those before it tell of another
 * one; counted too, one overload would cut the limit once for each call in flight. Pure: every moment is an argument.
 *
 * Latency is compared with that of a base round, measured at half the limit: under full load a base would drift up with the queue it is
 * to show. Between two such rounds the base is the quickest round.
 *
 * @see https://github.com/Netflix/concurrency-limits WindowedLimit, for rounds, and GradientLimit, for halving the limit to probe
 */
import { isHardlyUsed, type LimitRule } from './limit-rule.ts';

export interface LimitBounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

export interface EndedCall {
  readonly startedAtMs: number;
  /** Calls that ran when it started, itself included. */
  readonly inFlight: number;
  /** It failed, or took so long, that the other side must have too much to do. */
  readonly isDropped: boolean;
}

/** A round has at least so many calls, and as many as ran at once: the quickest alone would flatter. */
const LEAST_CALLS = 10;
const ROUNDS_TO_PROBE = 30;
/** The clock counts whole milliseconds: less than one says nothing. */
const LEAST_MS = 1;

export class AdaptiveLimit {
  readonly #rule: LimitRule;
  readonly #bounds: LimitBounds;
  #estimate: number;
  #isProbing = false;
  #roundsToProbe = ROUNDS_TO_PROBE;
  #baseMs = Number.POSITIVE_INFINITY;
  /** Mean of the last round that had one. */
  #lastMeanMs = 0;

  #roundAtMs = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #sumMs = 0;
  #mostInFlight = 0;

  constructor(rule: LimitRule, bounds: LimitBounds) {
    this.#rule = rule;
    this.#bounds = bounds;
    this.#estimate = bounds.initial;
  }

  /** Whole, from minimum to maximum. */
  get limit(): number {
    return this.#clamped(Math.floor(this.#isProbing ? this.#estimate / 2 : this.#estimate));
  }

  record({ startedAtMs, inFlight, isDropped }: EndedCall, nowMs: number): void {
    if (startedAtMs < this.#roundAtMs) return;
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    if (isDropped) {
      this.#endRound(true, nowMs);
      return;
    }
    this.#calls++;
    this.#sumMs += nowMs - startedAtMs;
    if (this.#calls >= Math.max(LEAST_CALLS, this.#mostInFlight)) this.#endRound(false, nowMs);
  }

  /**
   * A call that was cut off would have taken longer still. It counts where that is news: it was slower than the last round already.
   */
  recordCut(call: EndedCall, nowMs: number): void {
    if (call.isDropped || (this.#lastMeanMs > 0 && nowMs - call.startedAtMs > this.#lastMeanMs))
      this.record(call, nowMs);
  }

  #endRound(hasDrops: boolean, nowMs: number): void {
    const round = {
      meanMs: this.#calls === 0 ? 0 : Math.max(LEAST_MS, this.#sumMs / this.#calls),
      mostInFlight: this.#mostInFlight,
      hasDrops,
    };
    if (round.meanMs > 0) {
      this.#lastMeanMs = round.meanMs;
      this.#baseMs = this.#isProbing ? round.meanMs : Math.min(this.#baseMs, round.meanMs);
    }
    if (!this.#isProbing || hasDrops)
      this.#estimate = this.#clamped(this.#rule.next(this.#estimate, round, this.#baseMs));
    this.#planProbe(isHardlyUsed(this.limit, round));

    this.#roundAtMs = nowMs;
    this.#calls = 0;
    this.#sumMs = 0;
    this.#mostInFlight = 0;
  }

  /** A limit that is hardly used needs no probe: its rounds have little load. */
  #planProbe(isUnused: boolean): void {
    if (this.#isProbing) this.#roundsToProbe = ROUNDS_TO_PROBE;
    else if (!isUnused) this.#roundsToProbe--;
    this.#isProbing = this.#rule.readsLatency && this.#roundsToProbe <= 0;
  }

  #clamped(limit: number): number {
    return Math.min(this.#bounds.max, Math.max(this.#bounds.min, limit));
  }
}

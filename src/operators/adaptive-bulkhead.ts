/**
 * Adaptive bulkhead: a bulkhead whose slots follow how the calls in them fare, between a minimum and a maximum.
 * The slots are those of `bulkhead.ts`; what the next limit is, the `algorithm` decides, by how long calls took
 * and how they ended.
 */
import { Observable, Subject } from 'rxjs';
import { isRejection, isTransient } from '../errors.ts';
import { AdaptiveLimit } from '../policies/adaptive-limit/adaptive-limit.ts';
import { aimd } from '../policies/adaptive-limit/aimd.ts';
import { gradient } from '../policies/adaptive-limit/gradient.ts';
import type { LimitRule } from '../policies/adaptive-limit/limit-rule.ts';
import { vegas } from '../policies/adaptive-limit/vegas.ts';
import type { Duration } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { type Bulkhead, poolOf } from './bulkhead.ts';
import { ForwardClock } from './forward-clock.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { SlotPool, type Slots } from './slot-pool.ts';
import { type Tally, tallied } from './tally.ts';

/**
 * `gradient` follows latency, and bears calls that take very different times; `vegas` follows it more closely, to fewer calls in flight,
 * where all take about the same; `aimd` follows failures alone, for an API that refuses what is too much.
 */
export type AdaptiveAlgorithm = 'gradient' | 'vegas' | 'aimd';

export interface AdaptiveBulkheadOptions {
  /** How the limit follows the calls. Default: `gradient`, which asks the least of the API. */
  readonly algorithm?: AdaptiveAlgorithm | undefined;
  /** The first limit. Integer from `min` to `max`. Default: 20, or the nearer of the two where that is outside. */
  readonly initial?: number | undefined;
  /** The limit never falls below. Integer, at least 1. Default: 1, so that some calls always find out how the API fares. */
  readonly min?: number | undefined;
  /** The limit never rises above. Integer, at least `min`; finite. Default: 200, or `min` where that is more. */
  readonly max?: number | undefined;
  /** Sources that may wait for a slot. Integer, at least 0; Infinity where something else bounds them. */
  readonly maxQueued: number;
  /** A call that takes longer counts as dropped, whatever becomes of it. Above 0. Default: '5s' for `aimd`, none for the others. */
  readonly maxLatency?: Duration | undefined;
  /** Whether an error says that the API has too much to do. Default: transient causes do; a 404 or a 422 is a healthy answer. */
  readonly isDrop?: ((cause: unknown) => boolean) | undefined;
  /**
   * Whether an error says nothing of the API. Default: errors that say that nothing ran, those of a rate limit, an open breaker or
   * another bulkhead inside of this one.
   */
  readonly isIgnored?: ((cause: unknown) => boolean) | undefined;
  /** Called with each new limit. What it throws is an unhandled error: it never reaches a call. */
  readonly onLimit?: ((limit: number) => void) | undefined;
  /** A wider bulkhead that these slots are part of, as of `createBulkhead`. Waiting for it counts towards no latency. Default: none. */
  readonly within?: Bulkhead | undefined;
}

const OPTIONS: Known<AdaptiveBulkheadOptions> = {
  algorithm: true,
  initial: true,
  min: true,
  max: true,
  maxQueued: true,
  maxLatency: true,
  isDrop: true,
  isIgnored: true,
  onLimit: true,
  within: true,
};

/** `slots` is the limit now. */
export interface AdaptiveBulkhead extends Bulkhead {
  /** Calls that may run at once, now. */
  readonly limit: number;
  /** The limit now, and each new one; hot, and never ends. */
  readonly limits: Observable<number>;
  /**
   * As `run` of a bulkhead, and measured: from the subscription to the source, in its slot, to its end.
   *
   * A success and an error that is no drop count with their time. One unsubscribed from counts only where it took longer than calls
   * took of late: it would have taken longer still, as one cut off by a timeout. A new limit holds before the end is passed on. A lower
   * one stops nothing; the next source starts when enough have ended. Holds a few numbers.
   */
  run<T>(source: Observable<T>): Observable<T>;
}

const rules: Readonly<Record<AdaptiveAlgorithm, LimitRule>> = { gradient, vegas, aimd };

/**
 * An adaptive bulkhead at its first limit. Share one among all calls of one API, of all pipelines.
 * @throws RangeError for an option out of its range, or one it does not have.
 * @throws TypeError when `within` is not a bulkhead made by `createBulkhead`.
 */
export function createAdaptiveBulkhead(options: AdaptiveBulkheadOptions): AdaptiveBulkhead {
  requireKnown('createAdaptiveBulkhead', options, OPTIONS);
  const { algorithm = 'gradient', min = 1, maxQueued } = options;
  const { max = Math.max(200, min) } = options;
  const { initial = Math.min(max, Math.max(min, 20)) } = options;
  if (!Object.hasOwn(rules, algorithm))
    throw new RangeError(`algorithm: expected gradient, vegas or aimd, got ${String(algorithm)}`);
  requireCount('min', min, 1);
  requireCount('max', max, min);
  requireCount('initial', initial, min);
  requireCount('maxQueued', maxQueued, 0);
  if (max === Number.POSITIVE_INFINITY) throw new RangeError('max: expected a finite integer, got Infinity');
  if (initial > max) throw new RangeError(`initial: expected at most max (${max}), got ${initial}`);
  const pool = new SlotPool(initial, maxQueued, poolOf(options.within));
  return new MeasuringBulkhead(pool, new AdaptiveLimit(rules[algorithm], { initial, min, max }), options);
}

/** The slots of a bulkhead for who runs calls in them without an Observable around. @throws TypeError for one that was not made here or by `createBulkhead`. */
export const slotsOf = (bulkhead: Bulkhead): Slots => {
  if (bulkhead instanceof SlotPool || bulkhead instanceof MeasuringBulkhead) return bulkhead;
  throw new TypeError('slots: expected a bulkhead made by createBulkhead or createAdaptiveBulkhead');
};

class MeasuringBulkhead implements AdaptiveBulkhead, Slots {
  readonly pool: SlotPool;
  readonly limits: Observable<number>;
  readonly isDrop: (cause: unknown) => boolean;
  readonly isIgnored: (cause: unknown) => boolean;
  readonly #clock = new ForwardClock();
  readonly #maxLatencyMs: number;
  readonly #limit: AdaptiveLimit;
  readonly #changes = new Subject<number>();

  constructor(pool: SlotPool, limit: AdaptiveLimit, options: AdaptiveBulkheadOptions) {
    const { algorithm, isDrop = isTransient, isIgnored = isRejection, onLimit } = options;
    const { maxLatency = algorithm === 'aimd' ? '5s' : undefined } = options;
    this.#maxLatencyMs =
      maxLatency === undefined ? Number.POSITIVE_INFINITY : requireDurationMs('maxLatency', maxLatency, 1);
    this.isDrop = isDrop;
    this.isIgnored = isIgnored;
    this.pool = pool;
    this.#limit = limit;
    if (onLimit !== undefined) this.#changes.subscribe(onLimit);
    this.limits = new Observable((sink) => {
      sink.next(this.limit);
      return this.#changes.subscribe(sink);
    });
  }

  get limit(): number {
    return this.pool.slots;
  }

  get slots(): number {
    return this.pool.slots;
  }

  get maxQueued(): number {
    return this.pool.maxQueued;
  }

  get running(): number {
    return this.pool.running;
  }

  get queued(): number {
    return this.pool.queued;
  }

  run<T>(source: Observable<T>): Observable<T> {
    // Inside of the pool: the measured time begins in the slot.
    return this.pool.run(tallied(source, () => this.begin()));
  }

  /** A call begins in its slot. */
  begin(): Tally {
    return new MeasuredCall(this, this.#clock.now(), this.pool.running);
  }

  ended(startedAtMs: number, inFlight: number, isDrop: boolean): void {
    const nowMs = this.#clock.now();
    const isDropped = isDrop || nowMs - startedAtMs > this.#maxLatencyMs;
    this.#limit.record({ startedAtMs, inFlight, isDropped }, nowMs);
    this.#follow();
  }

  cut(startedAtMs: number, inFlight: number): void {
    const nowMs = this.#clock.now();
    const isDropped = nowMs - startedAtMs > this.#maxLatencyMs;
    this.#limit.recordCut({ startedAtMs, inFlight, isDropped }, nowMs);
    this.#follow();
  }

  #follow(): void {
    const { limit } = this.#limit;
    if (limit === this.pool.slots) return;
    this.pool.slots = limit;
    this.#changes.next(limit);
  }
}

/** One call in its slot. */
class MeasuredCall implements Tally {
  readonly #bulkhead: MeasuringBulkhead;
  readonly #startedAtMs: number;
  readonly #inFlight: number;

  constructor(bulkhead: MeasuringBulkhead, startedAtMs: number, inFlight: number) {
    this.#bulkhead = bulkhead;
    this.#startedAtMs = startedAtMs;
    this.#inFlight = inFlight;
  }

  completed(): void {
    this.#bulkhead.ended(this.#startedAtMs, this.#inFlight, false);
  }

  failed(cause: unknown): void {
    if (this.#bulkhead.isIgnored(cause)) return;
    this.#bulkhead.ended(this.#startedAtMs, this.#inFlight, this.#bulkhead.isDrop(cause));
  }

  abandoned(): void {
    this.#bulkhead.cut(this.#startedAtMs, this.#inFlight);
  }
}

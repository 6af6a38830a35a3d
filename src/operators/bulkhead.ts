/**
 * Bulkhead: a bound on how many sources run at once, with a bounded queue for those that wait.
 * One bulkhead is shared by whatever must share the bound: every call of an API, every value of a stream (`in-slots.ts`).
 */
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireMade } from './require-made.ts';
import { SlotPool } from './slot-pool.ts';

export interface BulkheadOptions {
  /** Sources that run at once. Integer, at least 1; Infinity for no bound. */
  readonly slots: number;
  /** Sources that may wait for a slot. Integer, at least 0; Infinity where something else bounds them. */
  readonly maxQueued: number;
  /**
   * A wider bulkhead that these slots are part of: the cap of a worker around the bound of each API. A source starts when both have a
   * slot free, takes both in one step, and waits in this queue alone: whoever waits holds no slot, so none can wait for another.
   * Where several wait for the slots of the wider one, they take turns, one source each. Default: none.
   */
  readonly within?: Bulkhead | undefined;
}

const OPTIONS: Known<BulkheadOptions> = { slots: true, maxQueued: true, within: true };

export interface Bulkhead {
  /** Sources that run at once. */
  readonly slots: number;
  /** Sources that may wait for a slot. */
  readonly maxQueued: number;
  /** Slots taken now. */
  readonly running: number;
  /** Queue slots taken now. */
  readonly queued: number;
  /**
   * Mirrors the source, subscribed to as soon as a slot is free: at once, or in the order of arrival.
   *
   * A slot is taken from the subscription to the source until it completes, fails or is unsubscribed. It is free again before that
   * end is passed on, so whoever subscribes in answer to it finds it free; then the head of the queue starts. A slot freed by
   * unsubscribing is passed on from a timer of 0 ms, so that ending a fan-out does not start those of its members that still wait.
   * Unsubscribing while queued leaves the queue: nothing ran. Holds one entry per waiting subscription, at most `maxQueued`.
   * A source that runs in a slot and waits for another one of the same bulkhead may wait for itself: keep the inner work outside.
   *
   * @throws BulkheadRejectedError when all slots and all queue slots are taken: the source is not subscribed to.
   */
  run<T>(source: Observable<T>): Observable<T>;
}

/**
 * A bulkhead with its slots free and its queue empty.
 * @throws RangeError for an option out of its range, or one it does not have.
 * @throws TypeError when `within` is not a bulkhead made here.
 */
export function createBulkhead(options: BulkheadOptions): Bulkhead {
  requireKnown('createBulkhead', options, OPTIONS);
  const { slots, maxQueued, within } = options;
  requireCount('slots', slots, 1);
  requireCount('maxQueued', maxQueued, 0);
  return new SlotPool(slots, maxQueued, poolOf(within));
}

/** `run` of a bulkhead, as an operator. */
export function bulkhead<T>(shared: Bulkhead): MonoTypeOperatorFunction<T> {
  requireMade('bulkhead', 'createBulkhead', shared);
  return (source) => shared.run(source);
}

/** @throws TypeError for a bulkhead that is no pool of slots: the slots of both could not be taken in one step. */
export function poolOf(within: Bulkhead | undefined): SlotPool | undefined {
  if (within === undefined || within instanceof SlotPool) return within;
  throw new TypeError('within: expected a bulkhead made by createBulkhead');
}

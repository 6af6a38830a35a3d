/**
 * The cap on calls in flight over all APIs of a worker, and the part of it each API may have: one that is stuck must not hold all of it.
 * The slots are those of `bulkhead.ts`, one within the other.
 */
import { API_DEFAULTS } from '../http/api-defaults.ts';
import type { CallTarget } from '../http/call-target.ts';
import { type Bulkhead, createBulkhead } from '../operators/bulkhead.ts';

export interface CallShare {
  /** What the API's slots lie within. */
  readonly within: Bulkhead;
  /** Calls of it that may be in flight at once, by its definition. */
  readonly concurrency: number;
  /** Calls of it that may be in flight at once, by the cap. */
  readonly maxCalls: number;
  /** The cap alone keeps calls waiting that the definition would let go. */
  readonly isNarrow: boolean;
}

/** What waits is bounded by each API's own queue. */
const maxQueued = Number.POSITIVE_INFINITY;

/**
 * Each API's share of `maxCalls`. None has one where all of them together cannot reach the cap.
 *
 * An API leaves to the others what they may use, but no more than half of the cap: so however long its calls hang, the others have at least that.
 * A call takes a slot of its API and one of the cap in one step or waits without any, so none can wait for another for ever; APIs whose calls
 * wait for the cap take turns.
 */
export function shareCalls(definitions: readonly CallTarget[], maxCalls: number): ReadonlyMap<CallTarget, CallShare> {
  const all = definitions.reduce((sum, definition) => sum + concurrencyOf(definition), 0);
  if (!(all > maxCalls)) return new Map();
  const cap = createBulkhead({ slots: maxCalls, maxQueued });
  const shareOf = (definition: CallTarget): CallShare => {
    const concurrency = concurrencyOf(definition);
    const share = maxCalls - Math.min(Math.floor(maxCalls / 2), all - concurrency);
    const isNarrow = share < concurrency;
    const within = isNarrow ? createBulkhead({ slots: share, maxQueued, within: cap }) : cap;
    return { within, concurrency, maxCalls: share, isNarrow };
  };
  return new Map(definitions.map((definition) => [definition, shareOf(definition)]));
}

/** As it is at most, where it adapts. */
function concurrencyOf({ options: { concurrency = API_DEFAULTS.concurrency } }: CallTarget): number {
  if (typeof concurrency === 'number') return concurrency;
  return concurrency.max ?? Math.max(API_DEFAULTS.adaptive.max, concurrency.min ?? 1);
}

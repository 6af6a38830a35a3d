/**
 * The gate before the slots: while the breaker of an API that a pipeline needs is open, its messages wait in the broker instead of burning
 * their tries. Half-open lets as many messages through as the breaker lets probes.
 */
import { combineLatest, map, type Observable, of } from 'rxjs';
import type { ApiAvailability } from '../http/api-client.ts';
import { type Occupant, SlotPool } from '../operators/slot-pool.ts';

/** How many messages may be handled at once, and why not more. */
export interface Passage {
  readonly limit: number;
  readonly reason?: string;
  /** Calls at once that the API with the fewest takes now, where that adapts; Infinity where none does. */
  readonly maxCalls: number;
}

const FREE: Passage = { limit: Number.POSITIVE_INFINITY, maxCalls: Number.POSITIVE_INFINITY };

const passageFor = ({ isAvailable, probes, reason, limit: maxCalls }: ApiAvailability): Passage => ({
  limit: isAvailable ? (probes ?? FREE.limit) : 0,
  maxCalls: maxCalls ?? FREE.maxCalls,
  ...(reason === undefined ? {} : { reason }),
});

const narrower = (a: Passage, b: Passage): Passage => ({
  ...(b.limit < a.limit ? b : a),
  maxCalls: Math.min(a.maxCalls, b.maxCalls),
});

/** The narrowest passage of the APIs a pipeline needs, now and whenever one of them tells of a change. */
export function passageOf(availabilities: readonly Observable<ApiAvailability>[]): Observable<Passage> {
  if (availabilities.length === 0) return of(FREE);
  return combineLatest(availabilities).pipe(map((each) => each.map(passageFor).reduce(narrower, FREE)));
}

/** Whether two say the same of messages, whatever they say of calls. */
export const isSamePassage = (a: Passage, b: Passage): boolean => a.limit === b.limit && a.reason === b.reason;

/** Lets messages start while there is passage; those that may not wait here, in the slots they hold, as many as there are slots. */
export class IntakeGate {
  readonly #pool = new SlotPool(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined);

  set passage({ limit }: Passage) {
    this.#pool.slots = limit;
  }

  /** Everything that waits may go: it has to be given back. */
  open(): void {
    this.#pool.slots = Number.POSITIVE_INFINITY;
  }

  /** Starts the occupant now, or when there is passage. */
  enter(occupant: Occupant): void {
    this.#pool.enter(occupant);
  }

  /** It has started: it counts as one of those that passed. */
  passed(): void {
    this.#pool.takeSlot();
  }

  /** It has ended. Those that wait start when they are told to. */
  ended(): void {
    this.#pool.freeSlot();
  }

  startWaiting(): void {
    this.#pool.startWaiting();
  }

  /** For the end of work that may come from anywhere: not in the stack of whoever ended it. */
  startWaitingSoon(): void {
    this.#pool.startWaitingSoon();
  }

  /** It waits no more. */
  leave(occupant: Occupant): void {
    this.#pool.leaveLine(occupant);
  }
}

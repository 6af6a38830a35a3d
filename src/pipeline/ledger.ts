/**
 * The books of a pipeline: every delivery is entered once and leaves once, as what became of it. Law, at any moment:
 * delivered = acked + retried + dead-lettered + returned + in flight.
 */
import type { SettlementKind } from '../events.ts';

export interface LedgerCounts {
  readonly delivered: number;
  readonly acked: number;
  readonly retried: number;
  readonly deadLettered: number;
  /** Given back to the broker, by us or because the connection went: it delivers them again. */
  readonly returned: number;
  readonly inFlight: number;
}

export class Ledger {
  #delivered = 0;
  readonly #settled: Record<SettlementKind, number> = { ack: 0, retry: 0, deadLetter: 0, returned: 0 };

  /** A delivery came in. */
  enter(): void {
    this.#delivered++;
  }

  /** A delivery was settled. */
  leave(settlement: SettlementKind): void {
    this.#settled[settlement]++;
  }

  /** In flight is counted by whoever holds the deliveries, so that the law can be broken, and seen to be. */
  counts(inFlight: number): LedgerCounts {
    const { ack, retry, deadLetter, returned } = this.#settled;
    return { delivered: this.#delivered, acked: ack, retried: retry, deadLettered: deadLetter, returned, inFlight };
  }
}

export const isBalanced = ({ delivered, acked, retried, deadLettered, returned, inFlight }: LedgerCounts): boolean =>
  delivered === acked + retried + deadLettered + returned + inFlight;

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
  /** Of those returned: settled when their channel had gone, so that nothing was sent. */
  readonly late: number;
  /** Of those returned: unsettled for longer than the source allows. */
  readonly overdue: number;
  /** Settlements of what was settled before. They change nothing and are in no other count. */
  readonly repeated: number;
}

export class Ledger {
  #delivered = 0;
  readonly #settled: Record<SettlementKind, number> = { ack: 0, retry: 0, deadLetter: 0, returned: 0 };
  #late = 0;
  #overdue = 0;
  #repeated = 0;

  /** A delivery came in. */
  enter(): void {
    this.#delivered++;
  }

  /** A delivery was settled. */
  leave(settlement: SettlementKind): void {
    this.#settled[settlement]++;
  }

  /** A delivery's channel had gone before it was settled: the broker has it back. */
  leaveLate(): void {
    this.#settled.returned++;
    this.#late++;
  }

  /** A delivery is about to be given back because it stayed too long. */
  overstay(): void {
    this.#overdue++;
  }

  /** A delivery was settled again, which did nothing. */
  repeat(): void {
    this.#repeated++;
  }

  /** In flight is counted by whoever holds the deliveries, so that the law can be broken, and seen to be. */
  counts(inFlight: number): LedgerCounts {
    const { ack, retry, deadLetter, returned } = this.#settled;
    const [late, overdue, repeated] = [this.#late, this.#overdue, this.#repeated];
    const settled = { acked: ack, retried: retry, deadLettered: deadLetter, returned };
    return { delivered: this.#delivered, ...settled, inFlight, late, overdue, repeated };
  }
}

export const isBalanced = ({ delivered, acked, retried, deadLettered, returned, inFlight }: LedgerCounts): boolean =>
  delivered === acked + retried + deadLettered + returned + inFlight;

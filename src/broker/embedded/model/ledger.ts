/**
 * Counts of everything that happens to messages, since the model was made. Every copy in a queue leaves it in exactly one way:
 * `enqueued = ready + unacked + acked + rejected + expired + overflowed + limitReached + purged + deleted + lostAtRestart`
 * (copies that come back through `resurrected` count as enqueued again).
 */
export interface Ledger {
  /** Messages taken from publishers. */
  published: number;
  /** Of these, such that reached no queue. */
  unroutable: number;
  /** Of these, such that went back to a publisher who asked for it (`mandatory`). */
  returned: number;
  confirmed: number;
  nacked: number;
  /** Copies that entered a queue, dead letters included. */
  enqueued: number;
  /** Copies a full queue turned away (`reject-publish`). */
  turnedAway: number;
  /** Handed to a consumer or a `basic.get`, repetitions included. */
  delivered: number;
  /** Of these, not for the first time. */
  redelivered: number;
  requeued: number;
  /** Settled well: acked, or delivered where no ack is asked for. */
  acked: number;
  rejected: number;
  expired: number;
  overflowed: number;
  limitReached: number;
  purged: number;
  /** Went with their queue. */
  deleted: number;
  lostAtRestart: number;
  /** Acked, but the ack was lost at a restart. */
  resurrected: number;
  /** Republished to a dead-letter exchange. */
  deadLettered: number;
}

export const emptyLedger = (): Ledger => ({
  published: 0,
  unroutable: 0,
  returned: 0,
  confirmed: 0,
  nacked: 0,
  enqueued: 0,
  turnedAway: 0,
  delivered: 0,
  redelivered: 0,
  requeued: 0,
  acked: 0,
  rejected: 0,
  expired: 0,
  overflowed: 0,
  limitReached: 0,
  purged: 0,
  deleted: 0,
  lostAtRestart: 0,
  resurrected: 0,
  deadLettered: 0,
});

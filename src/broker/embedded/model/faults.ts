/** Misbehaviour on request: what a test orders the broker to do to its clients. */
import type { Channel } from './channel.ts';
import type { ConfirmEffect } from './effect.ts';
import type { Verdict } from './verdict.ts';

export interface HeldSettlement {
  readonly channel: Channel;
  readonly deliveryTag: number;
  readonly multiple: boolean;
  readonly verdict: Verdict;
}

export interface Faults {
  /** How many of the next publishes with confirm are answered with `basic.nack`; nothing is stored for them. */
  nacksToCome: number;
  /** While true, confirms wait in `heldConfirms`. */
  holdsConfirms: boolean;
  readonly heldConfirms: ConfirmEffect[];
  /** While true, acks are taken but not acted on: they wait in `heldSettlements`. */
  holdsAcks: boolean;
  readonly heldSettlements: HeldSettlement[];
  /** How many acks of each durable classic queue a crash would undo. */
  unsyncedAcks: number;
}

export const createFaults = (): Faults => ({
  nacksToCome: 0,
  holdsConfirms: false,
  heldConfirms: [],
  holdsAcks: false,
  heldSettlements: [],
  unsyncedAcks: 0,
});

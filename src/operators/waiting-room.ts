/** The waiting room of `joinByKey`: the values without a partner, in the order they came, for a limited time and a limited number. */
import { asyncScheduler, type Subscriber, type Subscription } from 'rxjs';
import { type Waiting, WaitingLine } from './waiting-line.ts';

/** Why a value found no partner: its time was over, it waited longest when too many did, or the other stream had ended. */
export type UnmatchedReason = 'timeout' | 'crowded-out' | 'ended';

/** A value that waits for its partner: in the room, where all wait in the order they came, and in the line of its key. */
export interface Guest extends Waiting<Guest> {
  timer: Subscription;
  isOf(side: object): boolean;
  /** Takes it out of the line of its key. It is the first there: whoever goes before its partner comes has waited longest. */
  leaveKey(): void;
  report(reason: UnmatchedReason): void;
}

/** All that waits, of both sides. A timer for each, not one for all: then nothing depends on how the clock runs meanwhile. */
export class WaitingRoom {
  readonly #sink: Subscriber<unknown>;
  readonly #withinMs: number;
  readonly #maxWaiting: number;
  readonly #line = new WaitingLine<Guest>();

  constructor(sink: Subscriber<unknown>, withinMs: number, maxWaiting: number) {
    this.#sink = sink;
    this.#withinMs = withinMs;
    this.#maxWaiting = maxWaiting;
  }

  enter(guest: Guest): void {
    if (this.#sink.closed) return;
    this.#line.join(guest);
    guest.timer = asyncScheduler.schedule(() => this.#timeIsOver(guest), this.#withinMs);
    if (this.#line.length <= this.#maxWaiting) return;
    const longest = this.#line.takeHead();
    longest?.timer.unsubscribe();
    longest?.leaveKey();
    longest?.report('crowded-out');
  }

  /** Its partner has come, and has taken it out of the line of its key. */
  leave(guest: Guest): void {
    guest.timer.unsubscribe();
    this.#line.leave(guest);
  }

  /** No partner can come for those of this side. All have left before the first is reported. */
  sendAway(side: object): void {
    const leaving = this.#takeAll().filter((guest) => {
      if (guest.isOf(side)) return true;
      this.#line.join(guest);
      return false;
    });
    for (const guest of leaving) {
      guest.timer.unsubscribe();
      guest.leaveKey();
    }
    for (const guest of leaving) guest.report('ended');
  }

  close(): void {
    for (const guest of this.#takeAll()) guest.timer.unsubscribe();
  }

  #timeIsOver(guest: Guest): void {
    this.#line.leave(guest);
    guest.leaveKey();
    try {
      guest.report('timeout');
    } catch (thrown) {
      this.#sink.error(thrown);
    }
  }

  #takeAll(): Guest[] {
    const guests: Guest[] = [];
    for (let guest = this.#line.takeHead(); guest !== undefined; guest = this.#line.takeHead()) guests.push(guest);
    return guests;
  }
}

/**
 * The acks of a channel, gathered over a turn of the event loop: up to the oldest delivery that is not settled one ack stands for all
 * (`multiple`), beyond it each is acked by itself. Holds what is unsettled, which the prefetch bounds, and never acks any of it.
 */
import { type Waiting, WaitingLine } from '../../operators/waiting-line.ts';

/** A delivery that the broker has out on this channel. */
export interface Unsettled<Message> extends Waiting<Unsettled<Message>> {
  readonly message: Message;
  /** Grows with each delivery of the channel. */
  readonly tag: number;
}

export interface Ack<Message> {
  readonly message: Message;
  /** With all before it that are unsettled. */
  readonly isMultiple: boolean;
}

export class TurnAcks<Message> {
  /** In the order of their tags. */
  readonly #unsettled = new WaitingLine<Unsettled<Message>>();
  #due: Unsettled<Message>[] = [];

  /** It came. */
  took(message: Message, tag: number): Unsettled<Message> {
    const delivery = { before: undefined, behind: undefined, message, tag };
    this.#unsettled.join(delivery);
    return delivery;
  }

  /** It was settled in another way than by an ack. */
  settled(delivery: Unsettled<Message>): void {
    this.#unsettled.leave(delivery);
  }

  /** It is to be acked, once. True for the first of a turn. */
  add(delivery: Unsettled<Message>): boolean {
    this.#unsettled.leave(delivery);
    return this.#due.push(delivery) === 1;
  }

  /** What to send for those that are due; they are no more. */
  take(): readonly Ack<Message>[] {
    const due = this.#due;
    this.#due = [];
    const firstKept = this.#unsettled.head?.tag ?? Number.POSITIVE_INFINITY;
    const acks: Ack<Message>[] = [];
    let last: Unsettled<Message> | undefined;
    let covered = 0;
    for (const delivery of due) {
      if (delivery.tag > firstKept) {
        acks.push({ message: delivery.message, isMultiple: false });
      } else {
        covered++;
        if (last === undefined || delivery.tag > last.tag) last = delivery;
      }
    }
    if (last !== undefined) acks.push({ message: last.message, isMultiple: covered > 1 });
    return acks;
  }
}

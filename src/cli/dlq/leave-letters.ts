/**
 * Looking must not use letters up. A quorum queue counts each return, and RabbitMQ 4 deletes at 20 of them what lies in a
 * queue without a limit of its own. Those that sluice declares have one; whether this one has, AMQP does not tell. So a letter that comes near is put into its queue anew, where it counts from 0, and only then is the old one acked.
 */
import type { DeadLetters, HeldDelivery } from '../../broker/dead-letters.ts';
import { ResultInvalidError } from '../../errors.ts';
import { type QueuePair, renewed } from './copies.ts';
import { InFlight } from './in-flight.ts';
import type { Letter } from './letter.ts';

/** Returns after which a letter is renewed: five short of the default limit of RabbitMQ 4, for looks that are cut off. */
export const RENEW_AT = 15;

const MAX_IN_FLIGHT = 100;

export class LeaveLetters {
  readonly #office: DeadLetters;
  readonly #pair: QueuePair;
  readonly #look: string;
  readonly #inFlight = new InFlight(MAX_IN_FLIGHT);
  #failure: { readonly error: unknown } | undefined;
  #renewed = 0;

  /** `look`: the id of the look that leaves them. */
  constructor(office: DeadLetters, pair: QueuePair, look: string) {
    this.#office = office;
    this.#pair = pair;
    this.#look = look;
  }

  /** Letters that were put into their queue anew. */
  get renewed(): number {
    return this.#renewed;
  }

  /** A letter that was looked at and stays. @throws what a renewal failed with, one of an earlier letter too. */
  async leave(delivery: HeldDelivery, letter: Letter): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (letter.deliveryCount >= RENEW_AT) await this.#inFlight.add(this.#renew(delivery, letter));
  }

  /** Resolves when every renewal is confirmed and acked. */
  async ended(): Promise<void> {
    await this.#inFlight.ended();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #renew(delivery: HeldDelivery, letter: Letter): Promise<void> {
    try {
      await this.#office.publish(renewed(delivery, letter, this.#pair, this.#look));
      if (delivery.hold.ack() === 'sent') this.#renewed++;
    } catch (error) {
      // It stays as it is: one letter that AMQP cannot carry with what is told of it must not hide all the others.
      if (!(error instanceof ResultInvalidError)) this.#failure ??= { error };
    }
  }
}

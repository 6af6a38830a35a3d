/**
 * Letters that one look has sent on, so that it knows them when they are back before it ends. Since RabbitMQ 4 a quorum queue hands on urgent messages
 * (a priority above 4) before others: one that is put into its queue and fails again at once would be read, and tried, in the place of one that
 * lay there before.
 */
import type { Letter } from './letter.ts';

export class SentOn {
  /** How often each had been retried when it was read, by its id. */
  readonly #retried = new Map<string, number>();
  readonly #renewed = new Set<string>();

  /** The letter is taken out of this queue. */
  took({ id, retries }: Letter): void {
    this.#retried.set(id, retries);
  }

  /** The letter is put into this queue anew. */
  renewed({ id }: Letter): void {
    this.#renewed.add(id);
  }

  /** Whether it is here again, by what it counts: others may have its id. */
  hasCome({ id, retries, deliveryCount }: Letter): boolean {
    const before = this.#retried.get(id);
    return (before !== undefined && retries > before) || (this.#renewed.has(id) && deliveryCount === 0);
  }
}

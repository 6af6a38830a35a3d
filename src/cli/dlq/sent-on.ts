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

  /** The letter is put into another queue. */
  sent({ id, retries }: Letter): void {
    this.#retried.set(id, retries);
  }

  /** The letter is put into this queue anew. */
  renewed({ id }: Letter): void {
    this.#renewed.add(id);
  }

  /** Whether it is here again, by what it counts: others may have its id. None that comes now was given back to this queue before. */
  hasCome({ id, retries, deliveryCount }: Letter): boolean {
    if (deliveryCount > 0) return false;
    const before = this.#retried.get(id);
    return (before !== undefined && retries > before) || this.#renewed.has(id);
  }
}

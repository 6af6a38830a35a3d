/**
 * The headers by which a broker routes a message to further queues: where they are no lists, RabbitMQ closes the channel, with whatever else waits for
 * a confirm on it.
 */
import { ResultInvalidError } from '../errors.ts';
import type { Headers } from '../message/delivery.ts';

/** @throws ResultInvalidError naming the header. */
export function checkRoutingHeaders({ CC, BCC }: Headers): void {
  if (CC !== undefined) checkKeys('CC', CC);
  if (BCC !== undefined) checkKeys('BCC', BCC);
}

function checkKeys(name: string, keys: unknown): void {
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return;
  throw new ResultInvalidError(`header "${name}": it names routing keys, and has to be a list of texts`);
}

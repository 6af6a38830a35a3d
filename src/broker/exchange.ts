/** Where results go: an exchange and a routing key. */
import { isClassless, kindOf } from '../message/class-of.ts';
import type { HeaderTable } from '../message/delivery.ts';
import { type Known, unknownOption } from '../policies/unknown-option.ts';

export interface DestinationOptions {
  /** Whether a result that reaches no queue is a failure of its message. Default: true. */
  readonly mandatory?: boolean;
  readonly headers?: HeaderTable;
  /** 0 to 255; queues declared with priorities look at it, and quorum queues since RabbitMQ 4.0: there what is above 4 is urgent, since 4.3 all counts, up to 31. */
  readonly priority?: number;
}

export interface Destination extends DestinationOptions {
  readonly kind: 'exchange';
  readonly exchange: string;
  readonly routingKey: string;
}

const OPTIONS: Known<DestinationOptions> = { mandatory: true, headers: true, priority: true };

/**
 * An exchange, by name, and the routing key of this result. The empty name is the default exchange, whose routing key is a queue's name.
 * @throws TypeError for a name or a key that is no text, for an option it does not have, and for one with a wrong value.
 */
export function exchange(name: string, routingKey: string, options?: DestinationOptions): Destination {
  if (typeof name !== 'string' || typeof routingKey !== 'string')
    throw mistaken(name, routingKey, 'expected its name and a routing key, which may be empty');
  // Called for each result, most of which have none.
  if (options === undefined) return { kind: 'exchange', exchange: name, routingKey };
  const unknown = unknownOption(options, OPTIONS);
  if (unknown !== undefined) throw mistaken(name, routingKey, `${unknown}${placeOfType(name, options)}`);
  const wrong = wrongValue(options);
  if (wrong !== undefined) throw mistaken(name, routingKey, wrong);
  // At the end: before other members a spread costs a hundred times as much.
  return { kind: 'exchange', exchange: name, routingKey, ...options };
}

function wrongValue({ mandatory, headers, priority }: DestinationOptions): string | undefined {
  if (mandatory !== undefined && typeof mandatory !== 'boolean')
    return `mandatory: expected true or false, got ${kindOf(mandatory)}`;
  if (headers !== undefined && !isTable(headers))
    return `headers: expected an object of headers by name, got ${kindOf(headers)}`;
  if (priority !== undefined && !isOctet(priority))
    return `priority: expected a whole number from 0 to 255, got ${typeof priority === 'number' ? priority : kindOf(priority)}`;
  return undefined;
}

const isTable = (value: unknown): boolean => typeof value === 'object' && value !== null && isClassless(value);

const isOctet = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;

/** It was an option here, though no result has a type of its own. */
function placeOfType(exchange: string, options: object): string {
  const { type } = options as { readonly type?: unknown };
  if (type === undefined) return '';
  return `; an exchange's type belongs into publishes: [{ exchange: ${shown(exchange)}, type: ${shown(type)} }]`;
}

const mistaken = (name: unknown, routingKey: unknown, message: string): TypeError =>
  new TypeError(`exchange(${shown(name)}, ${shown(routingKey)}): ${message}`);

/** As an author reads it: JSON cannot tell of a bigint. */
const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

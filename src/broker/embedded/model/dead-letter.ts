/**
 * What RabbitMQ writes on a message when it dead-letters it: x-death, newest event first, one entry per queue and reason with a count,
 * and x-first-death-* and x-last-death-*; and how it finds that a message runs in circles. Since 4.0 it keeps a record of its own for that: headers are
 * written from it, and never read, so that what is published again has not died.
 */
import type { Death, DeathEntry, Deaths } from './deaths.ts';
import { array, EMPTY_TABLE, type Field, long, longstr, type Table, table, timestamp, withField } from './field.ts';
import type { BasicProperties, Message } from './message.ts';

/** The message as it is published to the dead-letter exchange. */
export function deadLetterOf(
  message: Message,
  death: Death,
  exchange: string,
  routingKey: string | undefined,
): Message {
  const { headers = EMPTY_TABLE, expiration: _, ...properties } = message.properties;
  const deaths = withDeath(message, death);
  const next: BasicProperties = { ...properties, headers: withRecord(headers, deaths) };
  return {
    exchange,
    routingKey: routingKey ?? message.routingKey,
    // The header CC stays where a key is given, but routes no more.
    cc: routingKey === undefined ? message.cc : [],
    bcc: routingKey === undefined ? message.bcc : [],
    properties: next,
    body: message.body,
    deaths,
  };
}

function withDeath(message: Message, death: Death): Deaths {
  const known = message.deaths?.entries ?? [];
  const isSame = ({ queue, reason }: Death): boolean => queue === death.queue && reason === death.reason;
  const previous = known.find(isSame);
  const latest = previous === undefined ? entryOf(message, death) : { ...previous, count: previous.count + 1 };
  return { first: message.deaths?.first ?? latest, entries: [latest, ...known.filter((entry) => !isSame(entry))] };
}

const entryOf = ({ exchange, routingKey, cc, properties }: Message, death: Death): DeathEntry => ({
  ...death,
  count: 1,
  exchange,
  routingKeys: [routingKey, ...cc],
  originalExpiration: properties.expiration,
});

function withRecord(headers: Table, { first, entries }: Deaths): Table {
  const marked = withField(headers, 'x-death', array(entries.map((entry) => table(tableOf(entry)))));
  return new Map([...marked, ...named('first', first), ...named('last', entries[0])]);
}

const named = (
  which: 'first' | 'last',
  { exchange, queue, reason }: DeathEntry,
): readonly (readonly [string, Field])[] => [
  [`x-${which}-death-exchange`, longstr(exchange)],
  [`x-${which}-death-queue`, longstr(queue)],
  [`x-${which}-death-reason`, longstr(reason)],
];

function tableOf({ count, reason, queue, atMs, exchange, routingKeys, originalExpiration }: DeathEntry): Table {
  return new Map<string, Field>([
    ['count', long(count)],
    ['reason', longstr(reason)],
    ['queue', longstr(queue)],
    ['time', timestamp(Math.floor(atMs / 1000))],
    ['exchange', longstr(exchange)],
    ['routing-keys', array(routingKeys.map(longstr))],
    ...(originalExpiration === undefined ? [] : [['original-expiration', longstr(originalExpiration)] as const]),
  ]);
}

/**
 * Whether the message came round to this queue by itself: it died here before, and nobody rejected it since.
 * RabbitMQ drops such a message, for it would go round for ever.
 */
export function isCycle({ deaths }: Message, queue: string): boolean {
  const entries = deaths?.entries ?? [];
  const at = entries.findIndex((death) => death.queue === queue);
  if (at === -1) return false;
  return entries.slice(0, at + 1).every(({ reason }) => reason !== 'rejected');
}

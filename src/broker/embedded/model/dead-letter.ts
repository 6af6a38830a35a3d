/**
 * What RabbitMQ writes on a message when it dead-letters it: x-death, newest event first, one entry per queue and reason with a count,
 * and x-first-death-*; and how it finds that a message runs in circles.
 */
import {
  array,
  EMPTY_TABLE,
  type Field,
  long,
  longstr,
  type Table,
  table,
  textIn,
  timestamp,
  withField,
  withoutField,
} from './field.ts';
import type { BasicProperties, Message } from './message.ts';

export type DeadLetterReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly queue: string;
  readonly reason: DeadLetterReason;
  readonly atMs: number;
}

/** The message as it is published to the dead-letter exchange. */
export function deadLetterOf(
  message: Message,
  death: Death,
  exchange: string,
  routingKey: string | undefined,
): Message {
  const { headers = EMPTY_TABLE, expiration, ...properties } = message.properties;
  const marked = withDeath(headers, message, death, expiration);
  const next: BasicProperties = {
    ...properties,
    headers: routingKey === undefined ? marked : withoutField(marked, 'CC'),
  };
  return {
    exchange,
    routingKey: routingKey ?? message.routingKey,
    cc: routingKey === undefined ? message.cc : [],
    bcc: routingKey === undefined ? message.bcc : [],
    properties: next,
    body: message.body,
  };
}

function withDeath(headers: Table, message: Message, death: Death, expiration: string | undefined): Table {
  const deaths = deathsIn(headers);
  const matches = (entry: Table): boolean =>
    textIn(entry, 'queue') === death.queue && textIn(entry, 'reason') === death.reason;
  const previous = deaths?.find(matches);
  const others = deaths?.filter((entry) => !matches(entry)) ?? [];
  const latest = previous === undefined ? firstDeath(message, death, expiration) : again(previous);

  const marked = withField(headers, 'x-death', array([table(latest), ...others.map(table)]));
  if (deaths !== undefined) return marked;
  return new Map([
    ...marked,
    ['x-first-death-exchange', longstr(message.exchange)],
    ['x-first-death-queue', longstr(death.queue)],
    ['x-first-death-reason', longstr(death.reason)],
  ]);
}

function firstDeath(message: Message, { queue, reason, atMs }: Death, expiration: string | undefined): Table {
  const keys = [message.routingKey, ...message.cc];
  return new Map<string, Field>([
    ['count', long(1)],
    ['reason', longstr(reason)],
    ['queue', longstr(queue)],
    ['time', timestamp(Math.floor(atMs / 1000))],
    ['exchange', longstr(message.exchange)],
    ['routing-keys', array(keys.map(longstr))],
    ...(expiration === undefined ? [] : [['original-expiration', longstr(expiration)] as const]),
  ]);
}

function again(entry: Table): Table {
  return withField(entry, 'count', long(countIn(entry) + 1));
}

/** How often a death is said to have happened: publishers may write headers too, so what is no count is none. */
function countIn(entry: Table): number {
  const count = Number(entry.get('count')?.value ?? 0);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

function deathsIn(headers: Table): readonly Table[] | undefined {
  const value = headers.get('x-death')?.value;
  if (!Array.isArray(value)) return undefined;
  return (value as readonly Field[])
    .map((field) => field.value)
    .filter((death): death is Table => death instanceof Map);
}

/**
 * Whether the message came round to this queue by itself: it died here before, and nobody rejected it since.
 * RabbitMQ drops such a message, for it would go round for ever.
 */
export function isCycle(message: Message, queue: string): boolean {
  const deaths = deathsIn(message.properties.headers ?? EMPTY_TABLE) ?? [];
  const at = deaths.findIndex((death) => textIn(death, 'queue') === queue);
  if (at === -1) return false;
  return deaths.slice(0, at + 1).every((death) => textIn(death, 'reason') !== 'rejected');
}

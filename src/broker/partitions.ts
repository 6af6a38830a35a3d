/**
 * A stream of messages in several queues, each key in one of them: the names of what that takes on the broker, and the ways to it.
 *
 *     exchange orders (x-consistent-hash) → orders.0, orders.1 … (one active consumer each)
 *     exchange orders.delay.5s (fanout)   → orders.delay.5s → back to the partition named by the routing key
 *     orders.dead: dead letters of all     orders.workers: each worker consumes it, so that they can be counted
 */
import type { HeaderTable } from '../message/delivery.ts';
import { COUNTS_PARTITIONS } from './topology.ts';

export interface Partitions {
  readonly count: number;
  /** The field of a message that holds its key. */
  readonly by: string;
  /** The header the exchange finds the key in; undefined: the routing key. */
  readonly header: string | undefined;
  /** Pause between two looks of a worker at how many there are, in milliseconds: half of it to one and a half. Infinity: it never looks. */
  readonly lookEveryMs: number;
}

/** What is asked of a source here. */
export interface MaybePartitioned {
  readonly name: string;
  readonly partitions?: Partitions | undefined;
}

export const partitionQueue = (name: string, index: number): string => `${name}.${index}`;

/** The queue that is there to be consumed: the number of its consumers is that of the workers. Nothing is ever published to it. */
export const workersQueue = (name: string): string => `${name}${COUNTS_PARTITIONS}`;

/** The queues that messages are taken from: one, or all partitions. */
export const workQueues = ({ name, partitions }: MaybePartitioned): readonly string[] =>
  partitions === undefined
    ? [name]
    : Array.from({ length: partitions.count }, (_, index) => partitionQueue(name, index));

/** Whether a queue is, or once was, a partition of that name. */
export const isPartitionOf = (queue: string, name: string): boolean =>
  queue.startsWith(`${name}.`) && /^\d{1,4}$/.test(queue.slice(name.length + 1));

/** The key of a message: texts and numbers are keys, nothing else is. */
export function keyIn(message: unknown, by: string): string {
  const key = typeof message === 'object' && message !== null ? (message as Record<string, unknown>)[by] : undefined;
  if (typeof key === 'string' && key !== '') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new TypeError(`the key "${by}": expected a text or a number, got ${key === '' ? 'an empty text' : typeof key}`);
}

/** Where a message goes. */
export interface Entry {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: HeaderTable;
}

/** As publishers have to publish. A message without a key goes to the first partition: what is wrong with it is for the worker to say. */
export function entryOf({ name, partitions }: MaybePartitioned, message: unknown): Entry {
  if (partitions === undefined) return { exchange: '', routingKey: name, headers: {} };
  let key: string;
  try {
    key = keyIn(message, partitions.by);
  } catch {
    return { exchange: '', routingKey: partitionQueue(name, 0), headers: {} };
  }
  const { header } = partitions;
  return header === undefined
    ? { exchange: name, routingKey: key, headers: {} }
    : { exchange: name, routingKey: '', headers: { [header]: key } };
}

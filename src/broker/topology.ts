/**
 * What must exist on the broker for a pipeline to work, as plain data: derived from sources and destinations,
 * applied by adapters, printed for people.
 */

/** `assert` declares what is missing; `check` only looks, for brokers whose topology a deployment owns. */
export type TopologyMode = 'assert' | 'check';

/** `x-consistent-hash` is of the plugin rabbitmq_consistent_hash_exchange, which comes with RabbitMQ and has to be enabled. */
export const EXCHANGE_TYPES = ['direct', 'topic', 'fanout', 'headers', 'x-consistent-hash'] as const;
export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

export interface ExchangeSpec {
  readonly name: string;
  readonly type: ExchangeType;
  /** Arguments of the declaration. Default: none. */
  readonly arguments?: Readonly<Record<string, string | number | boolean>>;
  /** Whether it is of partitions: then nothing of others is bound to it. Default: false. */
  readonly isOfPartitions?: boolean;
}

export interface QueueSpec {
  readonly name: string;
  /** Arguments of the declaration, `x-queue-type` included. Queues of sluice are durable and neither exclusive nor auto-deleted. */
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

export const isStream = ({ arguments: args }: QueueSpec): boolean => args['x-queue-type'] === 'stream';

/** The queue that workers agree by: its length is the number of the partitions, and nothing lies in it. */
export const COUNTS_PARTITIONS = '.workers';

/** What to do where an exchange or a queue is there, and not as wanted. */
export const DELETE_WHEN_EMPTY =
  "when it is empty, delete it so that it can be declared anew; with topology: 'check' a worker takes it as it is";

/** The same for a queue that must not be deleted; undefined for all others. */
export function insteadOfDeleting({ name, arguments: args }: QueueSpec): string | undefined {
  // It is never empty.
  if (args['x-queue-type'] === 'stream')
    return 'say the same here as it was declared with, or leave it to others by declare: false; deleted, it loses all it keeps';
  // It is always empty, and messages wait in the partitions.
  if (name.endsWith(COUNTS_PARTITIONS) && args['x-max-length'] !== undefined)
    return 'say as many partitions as it was declared with: with another number keys move while messages of theirs wait. To change it, stop the publishers, let the partitions run empty, then delete them, this queue and their exchange';
  return undefined;
}

/**
 * The same for an exchange, which holds nothing and has the bindings of others, by the property it differs in; undefined for one of partitions, which are
 * bound to it alone.
 */
export function insteadOfDeletingExchange(
  { isOfPartitions = false }: ExchangeSpec,
  property: string,
  found: string | undefined,
): string | undefined {
  if (isOfPartitions) return undefined;
  const advice =
    property === 'type' && EXCHANGE_TYPES.some((type) => type === found)
      ? 'say the type it has, as type of its binding or of its name in publishes: { exchange, type }'
      : // Nothing here says that of an exchange, nor a type of another plugin.
        "left out of publishes, or with topology: 'check', a worker takes it as it is";
  return `${advice}; deleted, it loses the bindings of others`;
}

export interface BindingSpec {
  readonly queue: string;
  readonly exchange: string;
  readonly key: string;
}

export interface Topology {
  readonly exchanges: readonly ExchangeSpec[];
  readonly queues: readonly QueueSpec[];
  readonly bindings: readonly BindingSpec[];
}

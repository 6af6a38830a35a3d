/**
 * What must exist on the broker for a pipeline to work, as plain data: derived from sources and destinations,
 * applied by adapters, printed for people.
 */

/** `assert` declares what is missing; `check` only looks, for brokers whose topology a deployment owns. */
export type TopologyMode = 'assert' | 'check';

/** `x-consistent-hash` is of the plugin rabbitmq_consistent_hash_exchange, which comes with RabbitMQ and has to be enabled. */
export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers' | 'x-consistent-hash';

export interface ExchangeSpec {
  readonly name: string;
  readonly type: ExchangeType;
  /** Arguments of the declaration. Default: none. */
  readonly arguments?: Readonly<Record<string, string | number | boolean>>;
}

export interface QueueSpec {
  readonly name: string;
  /** Arguments of the declaration, `x-queue-type` included. Queues of sluice are durable and neither exclusive nor auto-deleted. */
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

export const isStream = ({ arguments: args }: QueueSpec): boolean => args['x-queue-type'] === 'stream';

/** What to do where a stream is there, and not as wanted. A queue is declared anew when it is empty; a stream never is. */
export const KEEP_STREAM =
  'say the same here as it was declared with, or leave it to others by declare: false; deleted, it loses all it keeps';

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

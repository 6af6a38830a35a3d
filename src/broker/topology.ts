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

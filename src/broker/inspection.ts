/**
 * The port for looking into a broker without changing it: what is there, how it differs from what is wanted, and what this user may do.
 * Plain promises: a person waits for it, no message does.
 */
import type { ExchangeSpec, QueueSpec } from './topology.ts';

export interface QueueState {
  /** Messages that wait. */
  readonly ready: number;
  readonly consumers: number;
}

/** This user may not look: since RabbitMQ 4.2.6 that takes a permission on the name, whether there is something or not. */
export type Unseen = 'unseen';

/** One property that is not as it is wanted; `none` where it is not set. */
export interface Difference {
  /** `x-queue-type`, `durable`, `type`: as the broker calls it. */
  readonly property: string;
  readonly wanted: string;
  readonly found: string;
}

/** Nothing of it declares, consumes or publishes anything that lasts. */
export interface BrokerInspection {
  /** Which broker, for people; no credentials. */
  readonly address: string;
  /** `RabbitMQ` */
  readonly product: string;
  /** `3.10.8` */
  readonly version: string;
  /** Undefined where there is no such queue. */
  queue(name: string): Promise<QueueState | Unseen | undefined>;
  hasExchange(name: string): Promise<boolean | Unseen>;
  /** Whether the broker knows exchanges of this type: some come with plugins. */
  hasExchangeType(type: string): Promise<boolean>;
  /** What differs of a queue that is there; undefined where this user may not declare it, so that the broker does not compare. */
  queueDifferences(queue: QueueSpec): Promise<readonly Difference[] | undefined>;
  /** The same of an exchange that is there. */
  exchangeDifferences(exchange: ExchangeSpec): Promise<readonly Difference[] | undefined>;
  /** Whether this user may declare a queue or exchange of this name, there or not. */
  mayConfigure(kind: 'queue' | 'exchange', name: string): Promise<boolean>;
  /** Whether this user may publish to an exchange that is there; the empty name is the default exchange. */
  mayWrite(exchange: string): Promise<boolean>;
  /** Whether this user may consume a queue that is there. */
  mayRead(queue: string): Promise<boolean>;
  /** Closes the connection. Never fails. */
  close(): Promise<void>;
}

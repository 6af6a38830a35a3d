/**
 * The broker port: what the engine needs of a message broker, in the broker's own words.
 * RabbitMQ stands behind it in production, a model in process in simulation; both pass one contract suite.
 * Everything is an Observable, so that a whole pipeline runs in virtual time.
 */
import type { Observable } from 'rxjs';
import type { Delivery } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import type { Topology, TopologyMode } from './topology.ts';

export type BrokerState = 'connecting' | 'connected' | 'blocked' | 'lost' | 'closed';

export interface BrokerStatus {
  readonly state: BrokerState;
  /** Why, for `blocked`, `lost` and a `connecting` that is repeated. Never holds credentials. */
  readonly reason?: string;
}

export interface ConsumeOptions {
  /** Unsettled deliveries the broker may have out at once. Integer, at least 1. */
  readonly prefetch: number;
  /** Told whether messages can flow: true once the broker accepted the consumer, false when it is gone and being brought back. */
  readonly onConsuming?: (isConsuming: boolean, reason?: string) => void;
  /**
   * Whether the queue's order is kept when another consumer takes over: for queues with a single active consumer. Unsubscribing then lets go of
   * the queue only when all that was handed over is settled, and a message that is given back takes with it all that came after it: the
   * channel ends, its other deliveries are lost, and the broker has everything again in the order it was in. Default: false.
   */
  readonly keepsOrder?: boolean;
  /** Of a stream: where to begin, asked each time the consumer is brought back. Default: with what comes next. */
  readonly streamOffset?: () => StreamOffset;
}

/** A place in a stream: an offset, counted from 0; a moment; its first message, those of its last write, or what comes next. */
export type StreamOffset = number | Date | 'first' | 'last' | 'next';

/** How much lies in a queue. */
export interface QueueDepth {
  readonly queue: string;
  /** Ready to be delivered; those that are out, unsettled, are not among them. */
  readonly messages: number;
  /** Of all workers. */
  readonly consumers: number;
}

/** What a broker adapter tells of itself when it is asked, beside the port. */
export interface BrokerReadings {
  /** Publishes that the broker has not confirmed. */
  readonly unconfirmed: number;
  /** Cold. Looks into each of these queues, one after the other, and emits what it finds; a queue that is missing is left out. Waits for a connection. Never errors: one that is lost ends it. */
  measure(queues: readonly string[]): Observable<QueueDepth>;
}

export interface Broker {
  /** Where messages go, for people: scheme, host, port and virtual host; no credentials. */
  readonly address: string;

  /** The state now, then each change. Never errors; completes after `closed`. */
  readonly status: Observable<BrokerStatus>;

  /**
   * Cold. Declares (`assert`) or only looks for (`check`) everything in the topology, then completes without a value.
   * Waits for a connection as long as it takes. Asserted topology is asserted again after a reconnect, before consumers return.
   * @throws TopologyError naming what the broker refuses and why.
   */
  establish(topology: Topology, mode: TopologyMode): Observable<never>;

  /**
   * Cold. Deliveries of one consumer on a channel of its own. Never errors and never completes by itself: when the connection, the channel
   * or the consumer goes, it is brought back with backoff, and deliveries of the old channel are `lost`.
   * Unsubscribing cancels the consumer; deliveries already out stay settleable until `close`, their channel ends with the last of them.
   * Holds nothing itself: the broker's prefetch is the bound.
   */
  consume(queue: string, options: ConsumeOptions): Observable<Delivery>;

  /** Cold. What a queue holds and how many consumers it has now. Waits for a connection. @throws TopologyError when there is no such queue, BrokerUnavailableError. */
  depthOf(queue: string): Observable<QueueDepth>;

  /**
   * Cold. Publishes, then completes without a value when the broker has confirmed. Waits while too much is unconfirmed, while the broker is
   * blocked, and for a connection. Unsubscribing before it left takes it back; after that it only stops listening.
   * @throws PublishNackedError, UnroutableError (mandatory, no queue), PublishUnknownError (channel lost or no confirm in time),
   *   TopologyError (no such exchange, no permission), ResultInvalidError (a property or header AMQP cannot carry).
   */
  publish(message: OutgoingMessage): Observable<never>;

  /** Cold. Awaits outstanding confirms, then closes channels before connections, and completes; at most `withinMs` long. */
  close(options: { readonly withinMs: number }): Observable<never>;
}

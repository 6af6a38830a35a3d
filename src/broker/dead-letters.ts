/**
 * The port for people's work on dead letters: reading a queue without consuming it, publishing a letter anew, settling it only then.
 * What is read is held, so nobody else sees it meanwhile; what is still held at the end goes back to where it lay.
 * Plain promises and async iteration: a person waits for it, no message does.
 */
import type { Observable } from 'rxjs';
import type { Delivery } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';

/** A message in hand. */
export interface HeldDelivery extends Delivery {
  /** Settles it later on, without keeping its body in memory. */
  readonly hold: Pick<Delivery, 'ack'>;
}

/** One look into one queue. */
export interface QueueVisit {
  /** Messages that were ready when the visit began: those in other hands are not among them, those that come later are not read. */
  readonly ready: number;
  /**
   * The messages from the head on, at most `max` and at most `ready`, each held until it is settled or the visit ends. Comes in windows: in
   * memory are at most 2000 bodies, or 8 MB of them where they are large. Iterate once. Since RabbitMQ 4 urgent ones (a priority above 4) leave a
   * quorum queue two for each of the others, since 4.3 whatever has a higher priority leaves first, and those that come meanwhile stand before what lay there.
   * @throws BrokerUnavailableError when the connection or the channel goes; TopologyError when the queue is deleted.
   */
  letters(max?: number): AsyncGenerator<HeldDelivery, void, undefined>;
  /** One of those read was not there when the visit began: another is read in its place. */
  passOver(): void;
  /**
   * Gives back whatever is still held, at the head of the queue and in the order it lay in (a broker may mix up more than some ten thousand),
   * and makes sure the queue has had every settlement. Resolves when the messages can be read again. Idempotent, never fails.
   * On quorum queues each return adds to the message's `x-delivery-count` and counts towards the queue's delivery limit.
   */
  end(): Promise<void>;
}

export interface DeadLetters {
  /** Where the letters lie, for people; no credentials. */
  readonly address: string;
  /** Emits the reason once and completes when the connection is lost; nothing can be done after that. Silent when it is closed. */
  readonly lost: Observable<string>;
  /** @throws TopologyError when there is no such queue. */
  visit(queue: string): Promise<QueueVisit>;
  /**
   * Publishes with confirm and as mandatory; resolves when the broker has the message.
   * @throws UnroutableError, PublishNackedError, PublishUnknownError, ResultInvalidError, BrokerUnavailableError: as `Broker.publish`.
   */
  publish(message: OutgoingMessage): Promise<void>;
  /** Closes channels before the connection. Visits have to be ended before. Never fails. */
  close(): Promise<void>;
}

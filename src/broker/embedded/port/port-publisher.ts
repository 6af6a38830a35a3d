/**
 * Publishing on one confirm channel of the port. What cannot leave (too much unconfirmed, blocked, no connection) waits in order;
 * a publish the broker refuses fails alone.
 */
import { asyncScheduler, type Subscriber, type Subscription } from 'rxjs';
import {
  BrokerUnavailableError,
  PublishNackedError,
  PublishUnknownError,
  ResultInvalidError,
  TopologyError,
  UnroutableError,
} from '../../../errors.ts';
import type { Channel, Connection } from '../model/channel.ts';
import type { Effect } from '../model/effect.ts';
import { AmqpFault } from '../model/fault.ts';
import type { PublishCommand } from '../model/publish-command.ts';
import type { InProcessBroker } from './in-process-broker.ts';

interface Pending {
  readonly command: PublishCommand;
  readonly subscriber: Subscriber<never>;
  isReturned: boolean;
  overdue: Subscription | undefined;
}

export interface PortPublisherOptions {
  readonly maxUnconfirmed: number;
  readonly confirmTimeoutMs: number;
  /** Told after each outcome. */
  readonly onSettled: () => void;
}

export class PortPublisher {
  readonly #broker: InProcessBroker;
  readonly #options: PortPublisherOptions;
  readonly #waiting = new Set<Pending>();
  readonly #unconfirmed = new Map<number, Pending>();
  #channel: Channel | undefined;

  constructor(broker: InProcessBroker, options: PortPublisherOptions) {
    this.#broker = broker;
    this.#options = options;
  }

  /** Whether nothing waits and nothing is unconfirmed. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#unconfirmed.size === 0;
  }

  /** @returns what takes a publish back that has not left. */
  publish(command: PublishCommand, subscriber: Subscriber<never>): () => void {
    const pending: Pending = { command, subscriber, isReturned: false, overdue: undefined };
    this.#waiting.add(pending);
    this.pump();
    return () => {
      this.#waiting.delete(pending);
      pending.overdue?.unsubscribe();
    };
  }

  connected(connection: Connection): void {
    const channel = this.#broker.openChannel(connection, (effect) => this.#receive(effect));
    this.#broker.model.confirmPublishes(channel);
    this.#channel = channel;
    this.pump();
  }

  disconnected(reason: string): void {
    this.#channel = undefined;
    const unknown = [...this.#unconfirmed.values()];
    this.#unconfirmed.clear();
    for (const pending of unknown) this.#fail(pending, new PublishUnknownError(`no confirm came: ${reason}`));
  }

  /** Ends what still waits. */
  close(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const pending of waiting) this.#fail(pending, new BrokerUnavailableError('the broker is closed'));
  }

  /** Lets go what can leave. */
  pump(): void {
    for (const pending of this.#waiting) {
      if (this.#channel === undefined || this.#broker.blocked.value !== undefined) return;
      if (this.#unconfirmed.size >= this.#options.maxUnconfirmed) return;
      this.#waiting.delete(pending);
      this.#send(this.#channel, pending);
    }
  }

  #send(channel: Channel, pending: Pending): void {
    try {
      this.#broker.run((model) => model.publish(channel, pending.command));
    } catch (error) {
      this.#fail(pending, this.#refusalOf(pending.command, error));
      return;
    }
    const publishTag = channel.lastPublishTag;
    this.#unconfirmed.set(publishTag, pending);
    const { confirmTimeoutMs } = this.#options;
    pending.overdue = asyncScheduler.schedule(() => {
      this.#unconfirmed.delete(publishTag);
      this.#fail(pending, new PublishUnknownError(`no confirm within ${confirmTimeoutMs} ms`));
      this.pump();
    }, confirmTimeoutMs);
  }

  #refusalOf({ exchange }: PublishCommand, cause: unknown): unknown {
    if (!(cause instanceof AmqpFault)) return cause;
    if (cause.code === 406) return new ResultInvalidError(cause.message, { cause });
    const missing = cause.code === 404 ? { missingExchange: exchange } : {};
    return new TopologyError(`exchange "${exchange}": ${cause.message}`, { cause, ...missing });
  }

  #receive(effect: Effect): void {
    if (effect.kind === 'return') {
      const pending = effect.publishTag === undefined ? undefined : this.#unconfirmed.get(effect.publishTag);
      if (pending !== undefined) pending.isReturned = true;
    } else if (effect.kind === 'confirm') {
      const pending = this.#unconfirmed.get(effect.publishTag);
      if (pending === undefined) return;
      this.#unconfirmed.delete(effect.publishTag);
      this.#conclude(pending, effect.isAck);
      this.pump();
    }
  }

  #conclude(pending: Pending, isAck: boolean): void {
    const { exchange, routingKey } = pending.command;
    if (!isAck) {
      this.#fail(pending, new PublishNackedError('the broker refused the message (basic.nack)'));
    } else if (pending.isReturned) {
      this.#fail(pending, new UnroutableError(exchange, routingKey));
    } else {
      pending.overdue?.unsubscribe();
      pending.subscriber.complete();
      this.#options.onSettled();
    }
  }

  #fail(pending: Pending, error: unknown): void {
    pending.overdue?.unsubscribe();
    pending.subscriber.error(error);
    this.#options.onSettled();
  }
}

/**
 * A model of an AMQP 0-9-1 broker, one virtual host of it, behaving as RabbitMQ 4.0 does. In memory: for development, demos and tests.
 * Commands change it and leave effects, plain data in order; a face runs a command, tells its answer, then calls `flush`.
 * No sockets, no timers: time and randomness are handed in, and `nextExpiryAt` says when `advance` is due.
 */
import type { Random } from '../../../policies/random.ts';
import type { Channel, Connection } from './channel.ts';
import { type ConsumeCommand, cancel, consume, type Got, get, setPaused, setPrefetch } from './consume-commands.ts';
import type { Effect } from './effect.ts';
import {
  type BindingCommand,
  bindExchange,
  declareExchange,
  deleteExchange,
  type ExchangeDeclaration,
  unbindExchange,
} from './exchange-commands.ts';
import type { Ledger } from './ledger.ts';
import {
  advance,
  closeChannel,
  closeConnection,
  nextExpiryAt,
  openChannel,
  openConnection,
  type RestartOptions,
  restart,
} from './lifecycle-commands.ts';
import { type PublishCommand, publish, releaseConfirms } from './publish-command.ts';
import {
  bindQueue,
  declareQueue,
  deleteQueue,
  purgeQueue,
  type QueueDeclaration,
  type QueueDeclared,
  removeQueue,
  unbindQueue,
} from './queue-commands.ts';
import { recover, releaseAcks, settle } from './settle-commands.ts';
import { createState, emit, type State } from './state.ts';
import type { Verdict } from './verdict.ts';

export interface BrokerModelOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
  /** Default: `/`. */
  readonly vhost?: string;
}

export interface QueueDepth {
  readonly ready: number;
  readonly unacked: number;
  readonly consumers: number;
}

/** Two are a message of a backlog that is worked off one by one in no time: so many that no test has them. */
const MAX_ROUNDS = 400_000;

export class BrokerModel {
  readonly #state: State;

  constructor({ now, random, vhost = '/' }: BrokerModelOptions) {
    this.#state = createState(vhost, now, random);
  }

  get ledger(): Readonly<Ledger> {
    return this.#state.ledger;
  }

  openConnection(user: string): Connection {
    return openConnection(this.#state, user);
  }

  closeConnection(connection: Connection): void {
    closeConnection(this.#state, connection);
  }

  openChannel(connection: Connection, receive: (effect: Effect) => void): Channel {
    return openChannel(connection, receive);
  }

  closeChannel(channel: Channel): void {
    closeChannel(this.#state, channel);
  }

  declareExchange(declaration: ExchangeDeclaration): void {
    declareExchange(this.#state, declaration);
  }

  deleteExchange(command: { readonly exchange: string; readonly ifUnused?: boolean }): void {
    deleteExchange(this.#state, command);
  }

  bindExchange(command: BindingCommand & { readonly destination: string }): void {
    bindExchange(this.#state, command);
  }

  unbindExchange(command: BindingCommand & { readonly destination: string }): void {
    unbindExchange(this.#state, command);
  }

  declareQueue(channel: Channel, declaration: QueueDeclaration): QueueDeclared {
    return declareQueue(this.#state, channel, declaration);
  }

  /** @returns how many ready messages went with it. */
  deleteQueue(
    channel: Channel,
    command: { readonly queue: string; readonly ifUnused?: boolean; readonly ifEmpty?: boolean },
  ): number {
    return deleteQueue(this.#state, channel, command);
  }

  /** @returns how many messages went. */
  purgeQueue(channel: Channel, queue: string): number {
    return purgeQueue(this.#state, channel, queue);
  }

  bindQueue(channel: Channel, command: BindingCommand & { readonly queue: string }): void {
    bindQueue(this.#state, channel, command);
  }

  unbindQueue(channel: Channel, command: BindingCommand & { readonly queue: string }): void {
    unbindQueue(this.#state, channel, command);
  }

  /** @returns the consumer tag. */
  consume(channel: Channel, command: ConsumeCommand): string {
    return consume(this.#state, channel, command);
  }

  cancel(channel: Channel, consumerTag: string): void {
    cancel(this.#state, channel, consumerTag);
  }

  get(channel: Channel, command: { readonly queue: string; readonly noAck?: boolean }): Got | undefined {
    return get(this.#state, channel, command);
  }

  setPrefetch(channel: Channel, count: number, isGlobal: boolean): void {
    setPrefetch(channel, count, isGlobal);
  }

  /** No deliveries to this channel, until it is told otherwise. */
  setPaused(channel: Channel, isPaused: boolean): void {
    setPaused(channel, isPaused);
  }

  confirmPublishes(channel: Channel): void {
    channel.isConfirming = true;
  }

  publish(channel: Channel, command: PublishCommand): void {
    publish(this.#state, channel, command);
  }

  settle(channel: Channel, deliveryTag: number, multiple: boolean, verdict: Verdict): void {
    settle(this.#state, channel, deliveryTag, multiple, verdict);
  }

  recover(channel: Channel): void {
    recover(this.#state, channel);
  }

  /** When `advance` has something to do next; undefined for never. */
  nextExpiryAt(): number | undefined {
    return nextExpiryAt(this.#state);
  }

  advance(): void {
    advance(this.#state);
  }

  /** Whether `flush` has something to hand out. */
  get hasEffects(): boolean {
    return this.#state.outbox.length > 0;
  }

  /**
   * Hands the effects of the commands so far to their channels, and those of what they do upon them.
   * @throws RangeError where that goes on and on: a pipeline that feeds itself would stop time.
   */
  flush(): void {
    for (let rounds = 0; this.#state.outbox.length > 0; rounds++) {
      if (rounds === MAX_ROUNDS)
        throw new RangeError('messages come of messages without end, all in one moment: does a pipeline feed itself?');
      const effects = this.#state.outbox;
      this.#state.outbox = [];
      for (const effect of effects) if (effect.channel.isOpen) effect.channel.receive(effect);
    }
  }

  // ---- for tests and people

  queueDepths(): ReadonlyMap<string, QueueDepth> {
    const depth = (name: string): readonly [string, QueueDepth] => [name, this.queueDepth(name)];
    return new Map([...this.#state.queues.keys()].map(depth));
  }

  queueDepth(name: string): QueueDepth {
    const queue = this.#state.queues.get(name);
    return { ready: queue?.ready ?? 0, unacked: queue?.unacked ?? 0, consumers: queue?.consumers.size ?? 0 };
  }

  /** Answers the next publishes with confirm by `basic.nack`, and stores nothing for them. */
  nackNextConfirms(count: number): void {
    this.#state.faults.nacksToCome += count;
  }

  holdConfirms(isHeld: boolean): void {
    if (isHeld) this.#state.faults.holdsConfirms = true;
    else releaseConfirms(this.#state);
  }

  /** While held, acks, nacks and rejects are taken but have no effect. */
  holdAcks(isHeld: boolean): void {
    if (isHeld) this.#state.faults.holdsAcks = true;
    else releaseAcks(this.#state);
  }

  /** Durable classic queues remember this many acks, for a restart to undo. */
  rememberUnsyncedAcks(count: number): void {
    this.#state.faults.unsyncedAcks = count;
  }

  /** Ends the consumers of a queue by the broker's own decision (`basic.cancel`). */
  cancelConsumers(queueName: string): void {
    const queue = this.#state.queues.get(queueName);
    for (const { channel, tag } of queue === undefined ? [] : [...queue.consumers]) {
      cancel(this.#state, channel, tag);
      emit(this.#state, { kind: 'cancel', channel, consumerTag: tag });
    }
  }

  /** Deletes a queue by the broker's own decision. */
  removeQueue(queueName: string): void {
    const queue = this.#state.queues.get(queueName);
    if (queue !== undefined) removeQueue(this.#state, queue);
  }

  restart(options: RestartOptions): void {
    restart(this.#state, options);
  }
}

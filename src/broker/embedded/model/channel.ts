/** What the broker keeps for a client: its connection, its channels, and per channel consumers, unsettled deliveries and confirms. */
import type { Consumer } from './consumers.ts';
import type { Effect } from './effect.ts';
import type { Entry } from './message.ts';
import type { Queue } from './queue.ts';

export interface Connection {
  readonly user: string;
  readonly channels: Set<Channel>;
  /** Queues that live and die with it. */
  readonly exclusiveQueues: Set<Queue>;
}

/** A delivery that its consumer has not settled. */
export interface Unacked {
  readonly entry: Entry;
  readonly queue: Queue;
  /** Undefined for `basic.get`. */
  readonly consumer: Consumer | undefined;
}

/** The consumer on `amq.rabbitmq.reply-to`. */
export interface ReplyConsumer {
  readonly consumerTag: string;
  /** What replaces the pseudo-queue in `reply-to`. */
  readonly address: string;
}

export class Channel {
  readonly connection: Connection;
  /** Takes what the broker has to tell this channel. */
  readonly receive: (effect: Effect) => void;
  readonly consumers = new Map<string, Consumer>();
  /** By delivery tag, which grows: iteration is in order of delivery. */
  readonly unacked = new Map<number, Unacked>();
  /** Deliveries to consumers that count against the channel's own prefetch. */
  unackedByConsumers = 0;
  lastDeliveryTag = 0;
  /** Limit for consumers to come; 0 is none. */
  consumerPrefetch = 0;
  /** Limit of all consumers together; 0 is none. */
  channelPrefetch = 0;
  isConfirming = false;
  lastPublishTag = 0;
  /** No deliveries while its client cannot take them. */
  isPaused = false;
  isOpen = true;
  /** What an empty queue name stands for. */
  lastQueue = '';
  replyConsumer: ReplyConsumer | undefined;

  constructor(connection: Connection, receive: (effect: Effect) => void) {
    this.connection = connection;
    this.receive = receive;
  }
}

/** What the broker keeps for a client: its connection, its channels, and per channel consumers, unsettled deliveries and confirms. */
import type { Effect, Recipient } from './effect.ts';
import type { Entry } from './message.ts';
import type { QueueSettings } from './queue-arguments.ts';

export interface Connection {
  readonly user: string;
  readonly channels: Set<Channel>;
  /** Names of the queues that live and die with it. */
  readonly exclusiveQueues: Set<string>;
}

/** A queue as its consumers see it. */
export interface ConsumedQueue {
  readonly name: string;
  readonly settings: QueueSettings;
  readonly consumers: {
    remove(consumer: Consumer): void;
    /** Back into the row, if it has room and still consumes. */
    unblock(consumer: Consumer): void;
  };
  settled(entry: Entry, outcome: 'acked' | 'rejected'): void;
  requeue(entry: Entry, cause: 'client' | 'channel'): void;
  drain(): void;
}

export interface Consumer {
  readonly tag: string;
  readonly channel: Channel;
  readonly queue: ConsumedQueue;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly priority: number;
  /** 0 is none. */
  readonly prefetch: number;
  unacked: number;
  /** Out of the row because it, or its channel, is full. */
  isBlocked: boolean;
}

/** A delivery that its consumer has not settled. */
export interface Unacked {
  readonly entry: Entry;
  readonly queue: ConsumedQueue;
  /** Undefined for `basic.get`. */
  readonly consumer: Consumer | undefined;
}

/** The consumer on `amq.rabbitmq.reply-to`. */
export interface ReplyConsumer {
  readonly consumerTag: string;
  /** What replaces the pseudo-queue in `reply-to`. */
  readonly address: string;
}

export class Channel implements Recipient {
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

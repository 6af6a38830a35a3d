/** basic.consume, cancel, get and qos; and pausing a channel whose client cannot take more. */
import type { Channel, ConsumedQueue, Consumer } from './channel.ts';
import { accessRefused, notAllowed, notImplemented, preconditionFailed } from './fault.ts';
import { EMPTY_TABLE, isInteger, type Table } from './field.ts';
import type { Message } from './message.ts';
import { generatedName, REPLY_QUEUE, withoutLineBreaks } from './names.ts';
import { queueNamed, removeQueue, touch } from './queue-commands.ts';
import { placeOf, type State } from './state.ts';
import { StreamQueue } from './stream-queue.ts';

export interface ConsumeCommand {
  readonly queue: string;
  /** Empty for a tag of the broker's making. */
  readonly consumerTag?: string;
  readonly noAck?: boolean;
  readonly exclusive?: boolean;
  readonly arguments?: Table;
}

/** Deliveries begin after the command: a face tells the tag first. @returns the consumer tag. */
export function consume(state: State, channel: Channel, command: ConsumeCommand): string {
  const { noAck = false, exclusive = false, arguments: fields = EMPTY_TABLE } = command;
  const tag = command.consumerTag || generatedName('amq.ctag-', state.random);
  if (channel.consumers.has(tag) || channel.replyConsumer?.consumerTag === tag) {
    throw notAllowed(`attempt to reuse consumer tag '${tag}'`);
  }
  if (withoutLineBreaks(command.queue) === REPLY_QUEUE) return consumeReplies(state, channel, tag, noAck);

  const queue = queueNamed(state, channel, command.queue);
  const place = placeOf(state, 'queue', queue.name);
  if ((queue.settings.isQuorum || queue.settings.isStream) && channel.channelPrefetch > 0) {
    throw notImplemented(`${place} does not support global qos`);
  }
  const priority = priorityIn(fields, place);
  if (queue.consumers.hasExclusive || (exclusive && queue.consumers.size > 0)) {
    throw accessRefused(`${place} in exclusive use`);
  }
  const consumer: Consumer = {
    tag,
    channel,
    queue,
    noAck,
    isExclusive: exclusive,
    priority,
    prefetch: noAck ? 0 : channel.consumerPrefetch,
    unacked: 0,
    isBlocked: false,
  };
  if (queue instanceof StreamQueue) attachToStream(queue, consumer, fields, place);
  channel.consumers.set(tag, consumer);
  queue.consumers.add(consumer);
  queue.drain();
  return tag;
}

function attachToStream(queue: StreamQueue, consumer: Consumer, fields: Table, place: string): void {
  if (fields.has('x-priority'))
    throw preconditionFailed(`invalid arg 'x-priority' for ${place} of queue type rabbit_stream_queue`);
  if (consumer.noAck) throw notImplemented(`automatic acknowledgement not supported by stream ${place}`);
  if (consumer.prefetch === 0) throw preconditionFailed(`consumer prefetch count is not set for stream ${place}`);
  queue.attach(consumer, fields, place);
}

function priorityIn(fields: Table, place: string): number {
  const field = fields.get('x-priority');
  if (field === undefined) return 0;
  if (!isInteger(field)) {
    throw preconditionFailed(`invalid arg 'x-priority' for ${place}: "expected integer, got ${field.type}"`);
  }
  return Number(field.value);
}

function consumeReplies(state: State, channel: Channel, tag: string, noAck: boolean): string {
  if (channel.replyConsumer !== undefined) throw preconditionFailed('reply consumer already set');
  if (!noAck) throw preconditionFailed('reply consumer cannot acknowledge');
  const address = generatedName(`${REPLY_QUEUE}.`, state.random);
  channel.replyConsumer = { consumerTag: tag, address };
  state.replyChannels.set(address, channel);
  return tag;
}

/** Cancelling what does not consume succeeds. What is unacked stays unacked. */
export function cancel(state: State, channel: Channel, consumerTag: string): void {
  if (channel.replyConsumer?.consumerTag === consumerTag) {
    endReplies(state, channel);
    return;
  }
  const consumer = channel.consumers.get(consumerTag);
  if (consumer === undefined) return;
  channel.consumers.delete(consumerTag);
  removeConsumer(state, consumer);
}

export function endReplies(state: State, channel: Channel): void {
  if (channel.replyConsumer !== undefined) state.replyChannels.delete(channel.replyConsumer.address);
  channel.replyConsumer = undefined;
}

/** Takes a consumer from its queue, which may end with it, or pass its messages to the next. */
export function removeConsumer(state: State, consumer: Consumer): void {
  consumer.queue.consumers.remove(consumer);
  const queue = state.queues.get(consumer.queue.name);
  // A queue that was deleted has told its consumers already.
  if (queue === undefined || queue !== consumer.queue) return;
  if (queue.consumers.size > 0) {
    queue.drain();
  } else if (queue.isAutoDelete) {
    removeQueue(state, queue);
  } else {
    touch(state, queue);
  }
}

export interface Got {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly message: Message;
  /** Left in the queue. */
  readonly messageCount: number;
}

/** @returns undefined for an empty queue. */
export function get(
  state: State,
  channel: Channel,
  command: { readonly queue: string; readonly noAck?: boolean },
): Got | undefined {
  const queue = queueNamed(state, channel, command.queue);
  if (queue.settings.isStream)
    throw notImplemented(`basic.get not supported by stream queues ${placeOf(state, 'queue', queue.name)}`);
  touch(state, queue);
  const entry = queue.take();
  if (entry === undefined) return undefined;
  const deliveryTag = ++channel.lastDeliveryTag;
  const got = { deliveryTag, redelivered: entry.redelivered, message: queue.shown(entry), messageCount: queue.ready };
  if (command.noAck === true) queue.settled(entry, 'acked');
  else channel.unacked.set(deliveryTag, { entry, queue, consumer: undefined });
  return got;
}

export function setPrefetch(channel: Channel, count: number, isGlobal: boolean): void {
  if (!isGlobal) {
    channel.consumerPrefetch = count;
    return;
  }
  for (const { queue } of channel.consumers.values()) {
    if (queue.settings.isQuorum && count > 0) throw notImplemented(`queue '${queue.name}' does not support global qos`);
  }
  channel.channelPrefetch = count;
  refill(channel);
}

/** Stops deliveries to a channel, or lets them flow again. */
export function setPaused(channel: Channel, isPaused: boolean): void {
  channel.isPaused = isPaused;
  if (!isPaused) refill(channel);
}

/** The channel has room again: its consumers get back into their rows. */
export function refill(channel: Channel): void {
  const queues = new Set<ConsumedQueue>();
  for (const consumer of channel.consumers.values()) {
    consumer.queue.consumers.unblock(consumer);
    queues.add(consumer.queue);
  }
  for (const queue of queues) queue.drain();
}

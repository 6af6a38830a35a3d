/** queue.declare, delete, purge, bind and unbind; and what ends with a queue. */
import type { Channel } from './channel.ts';
import {
  type BindingCommand,
  bindTo,
  exchangeNamed,
  refuseDefault,
  refuseOtherProperty,
  unbindEverywhere,
  unbindFrom,
} from './exchange-commands.ts';
import { notFound, notImplemented, preconditionFailed, resourceLocked } from './fault.ts';
import { EMPTY_TABLE, type Table } from './field.ts';
import { generatedName, REPLY_QUEUE, refuseReserved, withoutLineBreaks } from './names.ts';
import { Queue } from './queue.ts';
import { readQueueArguments, refuseOtherArguments } from './queue-arguments.ts';
import { emit, placeOf, type State } from './state.ts';
import { StreamQueue } from './stream-queue.ts';
import { surroundingsOf, wakeAt } from './surroundings.ts';

export interface QueueDeclaration {
  /** Empty for a name of the broker's making. */
  readonly queue: string;
  readonly passive?: boolean;
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: Table;
}

export interface QueueDeclared {
  readonly queue: string;
  readonly messageCount: number;
  readonly consumerCount: number;
}

/**
 * The queue a command of this channel names; an empty name stands for the one the channel declared last.
 * @throws AmqpFault 404 when there is none, 405 when another connection owns it.
 */
export function queueNamed(state: State, channel: Channel, given: string): Queue {
  const name = resolved(channel, given);
  const queue = state.queues.get(name);
  if (queue === undefined) throw notFound(`no ${placeOf(state, 'queue', name)}`);
  refuseForeign(state, channel, queue);
  return queue;
}

function resolved(channel: Channel, given: string): string {
  const name = given === '' ? channel.lastQueue : withoutLineBreaks(given);
  if (name === '') throw notFound('no previously declared queue');
  return name;
}

function refuseForeign(state: State, channel: Channel, queue: Queue): void {
  if (queue.owner !== undefined && queue.owner !== channel.connection) throw locked(state, queue.name);
}

const locked = (state: State, name: string): Error =>
  resourceLocked(
    `cannot obtain exclusive access to locked ${placeOf(state, 'queue', name)}. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );

export function declareQueue(state: State, channel: Channel, declaration: QueueDeclaration): QueueDeclared {
  const given = withoutLineBreaks(declaration.queue);
  const reply = declaredReplyQueue(state, given);
  if (reply !== undefined) return reply;
  if (declaration.passive === true) return declared(channel, queueNamed(state, channel, given));

  const existing = given === '' ? undefined : state.queues.get(given);
  if (existing !== undefined) {
    refuseDifferent(state, channel, existing, declaration);
    touch(state, existing);
    return declared(channel, existing);
  }
  if (given !== '') refuseReserved('queue', given);
  const name = given === '' ? generatedName('amq.gen-', state.random) : given;
  return declared(channel, createQueue(state, channel, name, declaration));
}

/** The pseudo-queue of direct reply-to exists for whoever asks; one of its addresses, while its channel is open. */
function declaredReplyQueue(state: State, name: string): QueueDeclared | undefined {
  if (name === REPLY_QUEUE || state.replyChannels.has(name)) return { queue: name, messageCount: 0, consumerCount: 1 };
  return undefined;
}

function declared(channel: Channel, queue: Queue): QueueDeclared {
  channel.lastQueue = queue.name;
  return { queue: queue.name, messageCount: queue.ready, consumerCount: queue.consumers.size };
}

function createQueue(state: State, channel: Channel, name: string, declaration: QueueDeclaration): Queue {
  const { durable = false, exclusive = false, autoDelete = false, arguments: fields = EMPTY_TABLE } = declaration;
  const place = placeOf(state, 'queue', name);
  const settings = readQueueArguments(fields, name, state.vhost);
  if (settings.isQuorum || settings.isStream) {
    const refused = autoDelete ? 'auto-delete' : exclusive ? 'exclusive-owner' : durable ? undefined : 'non-durable';
    if (refused !== undefined) throw preconditionFailed(`invalid property '${refused}' for ${place}`);
  }
  const owner = exclusive ? channel.connection : undefined;
  const Kind = settings.isStream ? StreamQueue : Queue;
  const queue = new Kind(
    { name, isDurable: durable, isAutoDelete: autoDelete, owner, arguments: fields, settings },
    surroundingsOf(state),
  );
  state.queues.set(name, queue);
  owner?.exclusiveQueues.add(name);
  touch(state, queue);
  return queue;
}

function refuseDifferent(state: State, channel: Channel, queue: Queue, declaration: QueueDeclaration): void {
  const { durable = false, exclusive = false, autoDelete = false, arguments: fields = EMPTY_TABLE } = declaration;
  const place = placeOf(state, 'queue', queue.name);
  refuseForeign(state, channel, queue);
  refuseOtherProperty('durable', durable, queue.isDurable, place);
  refuseOtherProperty('auto_delete', autoDelete, queue.isAutoDelete, place);
  if (exclusive !== (queue.owner !== undefined)) throw locked(state, queue.name);
  refuseOtherArguments(fields, queue.arguments, place);
}

/** Starts the time of `x-expires` anew. */
export function touch(state: State, queue: Queue): void {
  const { expiresMs } = queue.settings;
  if (expiresMs === undefined) return;
  queue.lastUsedAt = state.now();
  wakeAt(state, queue, queue.lastUsedAt + expiresMs);
}

export function deleteQueue(
  state: State,
  channel: Channel,
  command: { readonly queue: string; readonly ifUnused?: boolean; readonly ifEmpty?: boolean },
): number {
  const name = resolved(channel, command.queue);
  const queue = state.queues.get(name);
  if (queue === undefined) return 0;
  refuseForeign(state, channel, queue);
  if (command.ifUnused === true && queue.consumers.size > 0)
    throw preconditionFailed(`${placeOf(state, 'queue', name)} in use`);
  if (command.ifEmpty === true && queue.ready > 0)
    throw preconditionFailed(`${placeOf(state, 'queue', name)} not empty`);
  return removeQueue(state, queue);
}

/** Ends a queue: its consumers are told, its bindings and messages go. */
export function removeQueue(state: State, queue: Queue): number {
  if (queue.isDeleted) return 0;
  state.queues.delete(queue.name);
  queue.owner?.exclusiveQueues.delete(queue.name);
  for (const consumer of [...queue.consumers]) {
    queue.consumers.remove(consumer);
    consumer.channel.consumers.delete(consumer.tag);
    if (consumer.channel.isOpen) emit(state, { kind: 'cancel', channel: consumer.channel, consumerTag: consumer.tag });
  }
  unbindEverywhere(state, queue);
  return queue.delete();
}

export function purgeQueue(state: State, channel: Channel, name: string): number {
  const queue = queueNamed(state, channel, name);
  if (queue.settings.isStream)
    throw notImplemented(`queue.purge not supported by stream queues ${placeOf(state, 'queue', queue.name)}`);
  return queue.purge();
}

export function bindQueue(state: State, channel: Channel, command: BindingCommand & { readonly queue: string }): void {
  const name = resolved(channel, command.queue);
  // An empty key with an empty queue name stands for the queue's own name.
  const key = command.queue === '' && command.key === '' ? name : command.key;
  refuseDefault(command.source);
  exchangeNamed(state, command.source);
  bindTo(state, queueNamed(state, channel, name), { ...command, key });
}

export function unbindQueue(
  state: State,
  channel: Channel,
  command: BindingCommand & { readonly queue: string },
): void {
  const name = resolved(channel, command.queue);
  const key = command.queue === '' && command.key === '' ? name : command.key;
  refuseDefault(command.source);
  const queue = state.queues.get(name);
  if (queue === undefined) return;
  refuseForeign(state, channel, queue);
  unbindFrom(state, queue, { ...command, key });
}

/** basic.publish: checks, routing, returns, confirms. */
import type { Channel } from './channel.ts';
import { exchangeNamed } from './exchange-commands.ts';
import { expirationOf, refuseInvalidExpiration } from './expiration.ts';
import { accessRefused, preconditionFailed } from './fault.ts';
import { type Field, type Table, withoutField } from './field.ts';
import { type BasicProperties, type Message, NO_KEYS } from './message.ts';
import { REPLY_QUEUE } from './names.ts';
import { routesOf } from './routes.ts';
import { emit, placeOf, type State } from './state.ts';

export interface PublishCommand {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory?: boolean;
  readonly properties: BasicProperties;
  readonly body: Uint8Array;
  /** The properties as they came over the wire. */
  readonly encoded?: Uint8Array;
}

export function publish(state: State, channel: Channel, command: PublishCommand): void {
  if (command.exchange !== '') {
    const exchange = exchangeNamed(state, command.exchange);
    if (exchange.isInternal) {
      throw accessRefused(`cannot publish to internal ${placeOf(state, 'exchange', exchange.name)}`);
    }
  }
  const message = messageOf(channel, command);
  state.ledger.published++;
  const publishTag = channel.isConfirming ? ++channel.lastPublishTag : undefined;
  if (publishTag !== undefined && state.faults.nacksToCome > 0) {
    state.faults.nacksToCome--;
    confirm(state, channel, publishTag, false);
    return;
  }
  const isStored = deliver(state, channel, message, command.mandatory === true, publishTag);
  if (publishTag !== undefined) confirm(state, channel, publishTag, isStored);
}

/** @returns false when a full queue turned the message away. */
function deliver(
  state: State,
  channel: Channel,
  message: Message,
  mandatory: boolean,
  publishTag: number | undefined,
): boolean {
  if (message.exchange === '' && state.replyChannels.size > 0 && answer(state, message)) return true;
  const queues = routesOf(state, message);
  if (queues.length === 0) {
    state.ledger.unroutable++;
    if (mandatory) {
      state.ledger.returned++;
      emit(state, { kind: 'return', channel, publishTag, code: 312, text: 'NO_ROUTE', message });
    }
    return true;
  }
  const expiration = expirationOf(message.properties);
  let isStored = true;
  for (const queue of queues) isStored = queue.accept(message, expiration) && isStored;
  return isStored;
}

function confirm(state: State, channel: Channel, publishTag: number, isAck: boolean): void {
  const effect = { kind: 'confirm', channel, publishTag, isAck } as const;
  if (state.faults.holdsConfirms) {
    state.faults.heldConfirms.push(effect);
    return;
  }
  state.ledger[isAck ? 'confirmed' : 'nacked']++;
  emit(state, effect);
}

/** Lets the confirms go that a test held back. */
export function releaseConfirms(state: State): void {
  state.faults.holdsConfirms = false;
  for (const effect of state.faults.heldConfirms.splice(0)) {
    if (!effect.channel.isOpen) continue;
    state.ledger[effect.isAck ? 'confirmed' : 'nacked']++;
    emit(state, effect);
  }
}

/** Direct reply-to: the answer goes to the channel itself, through no queue. */
function answer(state: State, message: Message): boolean {
  const channel = state.replyChannels.get(message.routingKey);
  const consumerTag = channel?.replyConsumer?.consumerTag;
  if (channel === undefined || consumerTag === undefined) return false;
  const deliveryTag = ++channel.lastDeliveryTag;
  emit(state, { kind: 'deliver', channel, consumerTag, deliveryTag, redelivered: false, queue: REPLY_QUEUE, message });
  return true;
}

function messageOf(channel: Channel, command: PublishCommand): Message {
  const { exchange, routingKey, body, encoded } = command;
  let { properties } = command;
  const { userId } = properties;
  if (userId !== undefined && userId !== channel.connection.user) {
    throw preconditionFailed(
      `user_id property set to '${userId}' but authenticated user was '${channel.connection.user}'`,
    );
  }
  refuseInvalidExpiration(properties);
  const { headers } = properties;
  const cc = headers === undefined || headers.size === 0 ? NO_KEYS : keysIn(headers, 'CC');
  const bcc = headers === undefined || headers.size === 0 ? NO_KEYS : keysIn(headers, 'BCC');
  if (headers?.has('BCC')) properties = { ...properties, headers: withoutField(headers, 'BCC') };
  if (properties.replyTo === REPLY_QUEUE) properties = { ...properties, replyTo: replyAddress(channel) };

  const isUnchanged = encoded !== undefined && properties === command.properties;
  return { exchange, routingKey, cc, bcc, properties, body, ...(isUnchanged ? { encoded } : {}) };
}

/** The further routing keys of a header. */
function keysIn(headers: Table, name: 'CC' | 'BCC'): readonly string[] {
  const field = headers.get(name);
  if (field === undefined) return NO_KEYS;
  if (field.type !== 'array') {
    throw preconditionFailed(`invalid message: {unacceptable_type_in_header,"${name}",${field.type}}`);
  }
  return (field.value as readonly Field[]).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}

function replyAddress(channel: Channel): string {
  if (channel.replyConsumer === undefined) throw preconditionFailed('fast reply consumer does not exist');
  return channel.replyConsumer.address;
}

/**
 * Publishing on a confirm channel, each message as one piece of bytes (message-frames.ts). What amqplib calls back for a publish, and that nothing
 * is sent on a channel that closes, stays amqplib's. That the socket has room it no longer tells: the window of unconfirmed publishes is the bound.
 * Nor does it look whether the connection closes: whoever closes one closes its channels first.
 */
import type { ConfirmChannel, Options } from 'amqplib';
import { messageFrames } from './message-frames.ts';

export interface FrameChannel {
  readonly model: ConfirmChannel;
  /** As the channel's own; `options` are what `writePublish` makes. */
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: Options.Publish,
    confirmed: (error: unknown) => void,
  ): void;
}

/** What is needed of amqplib's channel. It replaces `sendMessage` by something that throws once the channel closes. */
interface SendingChannel {
  readonly ch: number;
  readonly connection: SendingConnection;
  sendMessage(
    fields: { readonly exchange: string; readonly routingKey: string },
    properties: object,
    content: Buffer,
  ): unknown;
  pushConfirmCallback(confirmed: (error: unknown) => void): void;
}

interface SendingConnection {
  readonly frameMax: number;
  sendBytes(bytes: Buffer): void;
}

/** All that is published on this channel goes so from now on: what is sent in amqplib's way leaves later in the turn. */
export function sendFramesOn(model: ConfirmChannel): FrameChannel {
  if (!isSendingChannel(model)) throw new TypeError('this version of amqplib sends messages in another way');
  const channel: SendingChannel = model;
  const { connection, ch } = channel;
  channel.sendMessage = ({ exchange, routingKey }, properties, content) => {
    const sending = { channel: ch, maxFrameBytes: connection.frameMax, exchange, routingKey };
    connection.sendBytes(messageFrames(sending, content, properties));
  };
  return {
    model,
    publish: (exchange, routingKey, content, options, confirmed) => {
      channel.sendMessage({ exchange, routingKey }, options, content);
      channel.pushConfirmCallback(confirmed);
    },
  };
}

const isSendingChannel = (channel: object): channel is SendingChannel =>
  'ch' in channel &&
  'sendMessage' in channel &&
  'pushConfirmCallback' in channel &&
  'connection' in channel &&
  isSendingConnection(channel.connection);

const isSendingConnection = (connection: unknown): connection is SendingConnection =>
  typeof connection === 'object' && connection !== null && 'frameMax' in connection && 'sendBytes' in connection;

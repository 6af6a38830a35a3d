/**
 * Deliveries of a connection are read here (delivery-frames.ts), and handed to amqplib's channel as its own would be: its consumers, what it does
 * with a listener that throws, and what is dropped once a channel closes stay amqplib's. Whatever else comes goes amqplib's way.
 */
import { EventEmitter } from 'node:events';
import { readDelivery } from './delivery-frames.ts';

/** What is needed of amqplib's connection. */
interface FrameReader {
  rest: Buffer;
  /** The next frame that is no delivery; false: none has come. */
  recvFrame(): unknown;
  /** Replaced when the connection closes. */
  accept: unknown;
  readonly channels: readonly ({ readonly channel: unknown } | null | undefined)[];
}

/** Its method is replaced when the channel closes, and what it awaits while a message comes piece by piece. */
interface ReadingChannel extends EventEmitter {
  readonly handleMessage: { readonly name: string };
}

/** From now on, while the connection is open. */
export function readDeliveries(connection: object): void {
  if (!isFrameReader(connection)) return;
  const receive = connection.recvFrame.bind(connection);
  const { accept } = connection;
  connection.recvFrame = () => {
    const { rest, channels } = connection;
    let at = 0;
    while (connection.accept === accept) {
      const read = readDelivery(rest, at);
      if (read === undefined) break;
      const channel = channels[read.channel]?.channel;
      if (!isAtRest(channel)) break;
      at = read.end;
      deliver(channel, read.message);
    }
    if (at > 0) connection.rest = rest.subarray(at);
    return receive();
  };
}

function deliver(channel: EventEmitter, message: unknown): void {
  try {
    channel.emit('delivery', message);
  } catch (error) {
    // As amqplib does where somebody listens for it, and all channels of ours do.
    setImmediate(() => channel.emit('handler-error', error, 'delivery'));
  }
}

const isFrameReader = (connection: object): connection is FrameReader =>
  'rest' in connection &&
  'recvFrame' in connection &&
  typeof connection.recvFrame === 'function' &&
  'accept' in connection &&
  'channels' in connection &&
  Array.isArray(connection.channels);

/** Open, and not in the middle of another message. */
const isAtRest = (channel: unknown): channel is ReadingChannel =>
  channel instanceof EventEmitter &&
  !Object.hasOwn(channel, 'accept') &&
  'handleMessage' in channel &&
  typeof channel.handleMessage === 'function' &&
  channel.handleMessage.name === 'acceptDeliveryOrReturn';

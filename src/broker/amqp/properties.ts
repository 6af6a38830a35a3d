/** Basic properties between amqplib and our types, and the check that a message can be sent at all. */
import type { MessageProperties as AmqpProperties, Options } from 'amqplib';
import { ResultInvalidError } from '../../errors.ts';
import type { MessageProperties } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { MAX_SHORT_STRING_BYTES } from '../../message/short-string.ts';
import { writeHeaders } from './headers.ts';

/** What RabbitMQ accepts as a time to live. */
const MAX_EXPIRATION_MS = 2 ** 32 - 1;
const MAX_OCTET = 255;
const PERSISTENT = 2;

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/**
 * Only what the message carries: an absent property is an absent key.
 * Written out name by name: this runs for each delivery, and reads by a changing key are several times as slow.
 */
export function readProperties(raw: AmqpProperties): MessageProperties {
  const read: Mutable<MessageProperties> = {};
  if (typeof raw.messageId === 'string') read.messageId = raw.messageId;
  if (typeof raw.correlationId === 'string') read.correlationId = raw.correlationId;
  if (typeof raw.replyTo === 'string') read.replyTo = raw.replyTo;
  if (typeof raw.contentType === 'string') read.contentType = raw.contentType;
  if (typeof raw.contentEncoding === 'string') read.contentEncoding = raw.contentEncoding;
  if (typeof raw.type === 'string') read.type = raw.type;
  if (typeof raw.appId === 'string') read.appId = raw.appId;
  if (typeof raw.userId === 'string') read.userId = raw.userId;
  if (typeof raw.priority === 'number') read.priority = raw.priority;
  if (typeof raw.timestamp === 'number') read.timestamp = raw.timestamp;
  if (typeof raw.expiration === 'string') read.expiration = raw.expiration;
  if (typeof raw.deliveryMode === 'number') read.persistent = raw.deliveryMode === PERSISTENT;
  return read;
}

/**
 * What amqplib is given to publish a message.
 * @throws ResultInvalidError for whatever the broker or amqplib would refuse: both would take other messages down with it.
 */
export function writePublish(message: OutgoingMessage): Options.Publish {
  const { exchange, routingKey, properties, headers, mandatory = true } = message;
  requireName('exchange', exchange);
  requireName('routing key', routingKey);

  const written: Options.Publish = { mandatory, headers: writeHeaders(headers) };
  const { messageId, correlationId, replyTo, contentType, contentEncoding, type, appId, userId } = properties;
  if (messageId !== undefined) written.messageId = requireShortString('messageId', messageId);
  if (correlationId !== undefined) written.correlationId = requireShortString('correlationId', correlationId);
  if (replyTo !== undefined) written.replyTo = requireShortString('replyTo', replyTo);
  if (contentType !== undefined) written.contentType = requireShortString('contentType', contentType);
  if (contentEncoding !== undefined) written.contentEncoding = requireShortString('contentEncoding', contentEncoding);
  if (type !== undefined) written.type = requireShortString('type', type);
  if (appId !== undefined) written.appId = requireShortString('appId', appId);
  if (userId !== undefined) written.userId = requireShortString('userId', userId);
  const { priority, timestamp, expiration, persistent } = properties;
  if (priority !== undefined) written.priority = requireInteger('priority', priority, MAX_OCTET);
  if (timestamp !== undefined) written.timestamp = requireInteger('timestamp', timestamp, Number.MAX_SAFE_INTEGER);
  if (expiration !== undefined) written.expiration = requireExpiration(expiration);
  if (persistent !== undefined) written.persistent = persistent;
  return written;
}

/** C0 controls and DEL: no routing key needs them, and logs and tools stumble over them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

function requireName(what: string, value: unknown): void {
  if (CONTROL.test(requireShortString(what, value))) throw new ResultInvalidError(`${what} holds a control character`);
}

function requireShortString(what: string, value: unknown): string {
  if (typeof value !== 'string') throw new ResultInvalidError(`${what}: expected a string, got ${typeof value}`);
  // Up to 85 UTF-16 units can never exceed 255 bytes of UTF-8.
  if (value.length <= 85) return value;
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_SHORT_STRING_BYTES) {
    throw new ResultInvalidError(`${what} is ${bytes} bytes long, AMQP allows ${MAX_SHORT_STRING_BYTES}`);
  }
  return value;
}

function requireInteger(what: string, value: number, max: number): number {
  if (!(Number.isSafeInteger(value) && value >= 0 && value <= max)) {
    throw new ResultInvalidError(`${what}: expected an integer from 0 to ${max}, got ${String(value)}`);
  }
  return value;
}

function requireExpiration(value: string): string {
  if (!/^\d{1,10}$/.test(value) || Number(value) > MAX_EXPIRATION_MS) {
    throw new ResultInvalidError(`expiration: expected digits, at most ${MAX_EXPIRATION_MS} ms, got "${value}"`);
  }
  return value;
}

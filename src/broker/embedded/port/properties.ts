/** Messages between our types and the model's, and the check that a message can be sent at all. */
import { ResultInvalidError } from '../../../errors.ts';
import type { MessageProperties } from '../../../message/delivery.ts';
import type { OutgoingMessage } from '../../../message/outgoing.ts';
import type { BasicProperties } from '../model/message.ts';
import type { PublishCommand } from '../model/publish-command.ts';
import { encodeTable } from '../wire/field-codec.ts';
import { writeHeaders } from './headers.ts';

const SHORT_STRINGS = [
  'messageId',
  'correlationId',
  'replyTo',
  'contentType',
  'contentEncoding',
  'type',
  'appId',
  'userId',
] as const;

const MAX_SHORT_STRING_BYTES = 255;
const MAX_EXPIRATION_MS = 2 ** 32 - 1;
const MAX_OCTET = 255;
const MAX_HEADER_BYTES = 65_536;
const TRANSIENT = 1;
const PERSISTENT = 2;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function readProperties(from: BasicProperties): MessageProperties {
  const properties: Mutable<MessageProperties> = {};
  for (const name of SHORT_STRINGS) {
    const value = from[name];
    if (value !== undefined) properties[name] = value;
  }
  if (from.priority !== undefined) properties.priority = from.priority;
  if (from.timestamp !== undefined) properties.timestamp = Number(from.timestamp);
  if (from.expiration !== undefined) properties.expiration = from.expiration;
  if (from.deliveryMode !== undefined) properties.persistent = from.deliveryMode === PERSISTENT;
  return properties;
}

/** @throws ResultInvalidError for what AMQP cannot carry. */
export function toPublish(message: OutgoingMessage): PublishCommand {
  const { exchange, routingKey, body, mandatory = true } = message;
  requireName('exchange', exchange);
  requireName('routing key', routingKey);
  return { exchange, routingKey, mandatory, properties: writeProperties(message), body };
}

function writeProperties({ properties: from, headers }: OutgoingMessage): BasicProperties {
  const fields = writeHeaders(headers);
  const bytes = encodeTable(fields).length;
  if (bytes > MAX_HEADER_BYTES) {
    throw new ResultInvalidError(`headers are ${bytes} bytes long, ${MAX_HEADER_BYTES} are allowed`);
  }
  const properties: Mutable<BasicProperties> = { headers: fields };
  for (const name of SHORT_STRINGS) {
    const value = from[name];
    if (value === undefined) continue;
    requireShortString(name, value);
    properties[name] = value;
  }
  const { priority, timestamp, expiration, persistent } = from;
  if (priority !== undefined) properties.priority = requireInteger('priority', priority, MAX_OCTET);
  if (timestamp !== undefined) properties.timestamp = requireInteger('timestamp', timestamp, Number.MAX_SAFE_INTEGER);
  if (expiration !== undefined) properties.expiration = requireExpiration(expiration);
  if (persistent !== undefined) properties.deliveryMode = persistent ? PERSISTENT : TRANSIENT;
  return properties;
}

function requireName(what: string, value: string): void {
  requireShortString(what, value);
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) throw new ResultInvalidError(`${what} holds a control character`);
  }
}

function requireShortString(what: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new ResultInvalidError(`${what}: expected a string, got ${typeof value}`);
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_SHORT_STRING_BYTES) {
    throw new ResultInvalidError(`${what} is ${bytes} bytes long, AMQP allows ${MAX_SHORT_STRING_BYTES}`);
  }
}

function requireInteger(what: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw new ResultInvalidError(`${what}: expected an integer from 0 to ${max}, got ${String(value)}`);
}

function requireExpiration(value: string): string {
  if (/^\d{1,10}$/.test(value) && Number(value) <= MAX_EXPIRATION_MS) return value;
  throw new ResultInvalidError(`expiration: expected digits, at most ${MAX_EXPIRATION_MS} ms, got "${value}"`);
}

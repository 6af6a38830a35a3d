/** The basic properties on the wire: a word of flags, then what the flags announce. */
import { AmqpFault } from '../model/fault.ts';
import type { BasicProperties } from '../model/message.ts';
import { decodeTable, encodeTable } from './field-codec.ts';

type Name = keyof BasicProperties;

/** In the order of their flags, from bit 15 down. */
const NAMES: readonly Name[] = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
];

const malformed = (): AmqpFault => new AmqpFault(541);

/** Properties from the flags on, between two places. */
export function decodeProperties(bytes: Buffer, from: number, to: number): BasicProperties {
  if (from + 2 > to) throw malformed();
  const flags = bytes.readUInt16BE(from);
  const properties: Partial<Record<Name, unknown>> = {};
  let at = from + 2;
  const take = (count: number): number => {
    if (at + count > to) throw malformed();
    at += count;
    return at - count;
  };
  for (let index = 0; index < NAMES.length; index++) {
    const name = NAMES[index];
    if ((flags & (0x8000 >> index)) === 0 || name === undefined) continue;
    if (name === 'headers') {
      const length = bytes.readUInt32BE(take(4));
      const start = take(length);
      properties.headers = decodeTable(bytes, start, start + length);
    } else if (name === 'deliveryMode' || name === 'priority') {
      properties[name] = bytes.readUInt8(take(1));
    } else if (name === 'timestamp') {
      const seconds = bytes.readBigUInt64BE(take(8));
      properties.timestamp = seconds <= Number.MAX_SAFE_INTEGER ? Number(seconds) : seconds;
    } else {
      const length = bytes.readUInt8(take(1));
      const start = take(length);
      properties[name] = bytes.toString('utf8', start, start + length);
    }
  }
  return properties as BasicProperties;
}

/** Properties from the flags on. */
export function encodeProperties(properties: BasicProperties): Buffer {
  let flags = 0;
  const parts: Buffer[] = [];
  NAMES.forEach((name, index) => {
    const value = properties[name];
    if (value === undefined) return;
    flags |= 0x8000 >> index;
    if (typeof value === 'string') {
      // Bytes that are no UTF-8 grow when they are read as text: a short string has room for 255.
      const text = Buffer.from(value).subarray(0, 255);
      parts.push(Buffer.from([text.length]), text);
    } else if (typeof value === 'object') {
      parts.push(encodeTable(value));
    } else if (name === 'timestamp') {
      const seconds = Buffer.alloc(8);
      seconds.writeBigUInt64BE(BigInt(value));
      parts.push(seconds);
    } else {
      parts.push(Buffer.from([Number(value)]));
    }
  });
  const head = Buffer.alloc(2);
  head.writeUInt16BE(flags);
  return Buffer.concat([head, ...parts]);
}

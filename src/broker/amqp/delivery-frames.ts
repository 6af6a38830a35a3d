/**
 * A delivery as it comes over the wire: its method, header and body frames, read where they lie. amqplib cuts each frame out of what came, and its
 * payload, arguments and table out of that, before it reads any of them.
 *
 * Reads what nearly all deliveries are: a body in one frame, headers of plain types. The rest is left to amqplib, and so is all that is malformed.
 */
import type { ConsumeMessage } from 'amqplib';
import {
  BODY_FRAME,
  CLASS_BASIC,
  FRAME_END,
  FRAME_START_BYTES,
  HAS,
  HEADER_FRAME,
  METHOD_FRAME,
  TAG,
} from './frame-layout.ts';

const BASIC_DELIVER = (CLASS_BASIC << 16) | 60;

/** Class, weight and size of the body; then the flags of the properties that follow. */
const FLAGS_AT = 12;
const PROPERTIES_AT = 14;

export interface ReadDelivery {
  readonly channel: number;
  /** As amqplib makes it. */
  readonly message: ConsumeMessage;
  /** Where the next frame begins. */
  readonly end: number;
}

/** Texts that are the same in one delivery after the other are made once. */
class SameText {
  #bytes = Buffer.alloc(0);
  #text = '';

  of(bytes: Buffer, from: number, to: number): string {
    const known = this.#bytes;
    let is = known.length === to - from;
    for (let at = from; is && at < to; at++) is = bytes[at] === known[at - from];
    if (!is) {
      this.#bytes = Buffer.from(bytes.subarray(from, to));
      this.#text = bytes.toString('utf8', from, to);
    }
    return this.#text;
  }
}

const lastConsumerTag = new SameText();
const lastExchange = new SameText();
const lastRoutingKey = new SameText();
const lastContentType = new SameText();

/** The delivery whose method frame begins at `at`; undefined where there is none, not all of it has come, or amqplib has to read it. */
export function readDelivery(bytes: Buffer, at: number): ReadDelivery | undefined {
  const methodAt = at + FRAME_START_BYTES;
  // Of most frames that are none, this is all that is read.
  if (bytes[at] !== METHOD_FRAME || bytes.length < methodAt + 4 || long(bytes, methodAt) !== BASIC_DELIVER)
    return undefined;
  const channel = short(bytes, at + 1);
  const methodEnd = endOfPayload(bytes, at, METHOD_FRAME, channel);
  if (methodEnd === undefined) return undefined;
  const headerAt = methodEnd + 1 + FRAME_START_BYTES;
  const headerEnd = endOfPayload(bytes, methodEnd + 1, HEADER_FRAME, channel);
  if (headerEnd === undefined || headerEnd < headerAt + PROPERTIES_AT || short(bytes, headerAt) !== CLASS_BASIC)
    return undefined;

  const size = longLong(bytes, headerAt + 4);
  let content: Buffer = NO_BYTES;
  let end = headerEnd + 1;
  if (size > 0) {
    const bodyAt = end + FRAME_START_BYTES;
    const bodyEnd = endOfPayload(bytes, end, BODY_FRAME, channel);
    if (bodyEnd === undefined || bodyEnd - bodyAt !== size) return undefined;
    content = bytes.subarray(bodyAt, bodyEnd);
    end = bodyEnd + 1;
  }
  const fields = readFields(bytes, methodAt + 4, methodEnd);
  const properties = fields === undefined ? undefined : readProperties(bytes, headerAt, headerEnd);
  if (fields === undefined || properties === undefined) return undefined;
  return { channel, message: { fields, properties, content }, end };
}

const NO_BYTES = Buffer.alloc(0);

/** Undefined: it has not come, or is another frame. */
function endOfPayload(bytes: Buffer, at: number, type: number, channel: number): number | undefined {
  if (bytes.length < at + FRAME_START_BYTES || bytes[at] !== type || short(bytes, at + 1) !== channel) return undefined;
  const end = at + FRAME_START_BYTES + long(bytes, at + 3);
  return bytes[end] === FRAME_END ? end : undefined;
}

type Fields = ConsumeMessage['fields'];
type Properties = ConsumeMessage['properties'];

function readFields(bytes: Buffer, from: number, end: number): Fields | undefined {
  const tagAt = afterText(bytes, from);
  const exchangeAt = tagAt + 9;
  if (exchangeAt >= end) return undefined;
  const routingKeyAt = afterText(bytes, exchangeAt);
  if (routingKeyAt >= end || afterText(bytes, routingKeyAt) !== end) return undefined;
  return {
    consumerTag: lastConsumerTag.of(bytes, from + 1, tagAt),
    deliveryTag: longLong(bytes, tagAt),
    redelivered: ((bytes[exchangeAt - 1] ?? 0) & 1) === 1,
    exchange: lastExchange.of(bytes, exchangeAt + 1, routingKeyAt),
    routingKey: lastRoutingKey.of(bytes, routingKeyAt + 1, end),
  };
}

/** Where the short text that begins at `at` with its length ends. */
const afterText = (bytes: Buffer, at: number): number => at + 1 + (bytes[at] ?? 0);

function readProperties(bytes: Buffer, headerAt: number, end: number): Properties | undefined {
  const flags = short(bytes, headerAt + FLAGS_AT);
  if ((flags & HAS.others) !== 0) return undefined;
  // As amqplib has it.
  if (flags === 0) return {} as Properties;
  let at = headerAt + PROPERTIES_AT;
  const properties: Properties = {
    contentType: undefined,
    contentEncoding: undefined,
    headers: undefined,
    deliveryMode: undefined,
    priority: undefined,
    correlationId: undefined,
    replyTo: undefined,
    expiration: undefined,
    messageId: undefined,
    timestamp: undefined,
    type: undefined,
    userId: undefined,
    appId: undefined,
    clusterId: undefined,
  };
  const text = (): string => {
    const from = at + 1;
    at = afterText(bytes, at);
    return bytes.toString('utf8', from, at);
  };
  if ((flags & HAS.contentType) !== 0) {
    const from = at + 1;
    at = afterText(bytes, at);
    properties.contentType = lastContentType.of(bytes, from, at);
  }
  if ((flags & HAS.contentEncoding) !== 0) properties.contentEncoding = text();
  if ((flags & HAS.headers) !== 0) {
    if (at + 4 > end) return undefined;
    const tableEnd = at + 4 + long(bytes, at);
    if (tableEnd > end) return undefined;
    const headers = readHeaders(bytes, at + 4, tableEnd);
    if (headers === undefined) return undefined;
    properties.headers = headers;
    at = tableEnd;
  }
  if ((flags & HAS.deliveryMode) !== 0) properties.deliveryMode = bytes[at++];
  if ((flags & HAS.priority) !== 0) properties.priority = bytes[at++];
  if ((flags & HAS.correlationId) !== 0) properties.correlationId = text();
  if ((flags & HAS.replyTo) !== 0) properties.replyTo = text();
  if ((flags & HAS.expiration) !== 0) properties.expiration = text();
  if ((flags & HAS.messageId) !== 0) properties.messageId = text();
  if ((flags & HAS.timestamp) !== 0) {
    if (at + 8 > end) return undefined;
    properties.timestamp = longLong(bytes, at);
    at += 8;
  }
  if ((flags & HAS.type) !== 0) properties.type = text();
  if ((flags & HAS.userId) !== 0) properties.userId = text();
  if ((flags & HAS.appId) !== 0) properties.appId = text();
  return at === end ? properties : undefined;
}

function readHeaders(bytes: Buffer, from: number, end: number): Record<string, unknown> | undefined {
  const headers: Record<string, unknown> = {};
  let at = from;
  while (at < end) {
    const tagAt = afterText(bytes, at);
    const name = bytes.toString('utf8', at + 1, tagAt);
    at = tagAt + 1;
    let value: unknown;
    switch (bytes[tagAt]) {
      case TAG.text: {
        if (at + 4 > end) return undefined;
        const textAt = at + 4;
        at = textAt + long(bytes, at);
        if (at > end) return undefined;
        value = bytes.toString('utf8', textAt, at);
        break;
      }
      case TAG.boolean:
        value = bytes[at++] !== 0;
        break;
      case TAG.byte:
        value = ((bytes[at++] ?? 0) << 24) >> 24;
        break;
      case TAG.short:
        value = (short(bytes, at) << 16) >> 16;
        at += 2;
        break;
      case TAG.int:
        value = long(bytes, at) | 0;
        at += 4;
        break;
      case TAG.nothing:
        value = null;
        break;
      default:
        return undefined;
    }
    headers[name] = value;
  }
  return at === end ? headers : undefined;
}

const short = (bytes: Buffer, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

const long = (bytes: Buffer, at: number): number => ((short(bytes, at) << 16) | short(bytes, at + 2)) >>> 0;

const longLong = (bytes: Buffer, at: number): number => long(bytes, at) * 2 ** 32 + long(bytes, at + 4);

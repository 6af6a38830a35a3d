/**
 * CloudEvents 1.0 over AMQP, both ways: attributes as headers beside the data (binary), or all of it as one JSON text (structured). Pure.
 * On AMQP 0-9-1 application properties are headers; both prefixes of the binding are read, and the first is written.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
import { PayloadInvalidError, ResultInvalidError } from '../errors.ts';
import { type Decoded, type DecodeLimits, decodeBody, type Encoded, inflateBody, mediaType } from './codec.ts';
import type { Headers, HeaderValue, MessageProperties } from './delivery.ts';
import { readJson } from './json.ts';
import { writeJson } from './write-json.ts';

/** An event as a pipeline reads it. Attributes beyond these are extensions, as they came. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** Undefined: the event has none. */
  readonly data?: unknown;
  readonly [attribute: string]: unknown;
}

export const STRUCTURED_TYPE = 'application/cloudevents+json';
export const BATCH_TYPE = 'application/cloudevents-batch+json';
/** Before the name of an attribute, in a header of a message. */
export const ATTRIBUTE_PREFIX = 'cloudEvents:';
const PREFIX = /^cloudEvents[:_](.+)$/;
export const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/;
const REQUIRED = ['id', 'source', 'type'] as const;
/** What no attribute may be called in an event of ours. */
const RESERVED: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'datacontenttype',
  'data',
  'data_base64',
]);

const refuse = (message: string): Decoded => ({ ok: false, error: new PayloadInvalidError('event', message) });

/** Perhaps it is a structured one under another content type. */
const NEITHER = `message is no CloudEvent: it has no header ${ATTRIBUTE_PREFIX}specversion, and its content type is not ${STRUCTURED_TYPE}`;

/** A stranger chose the name, and how long it is. */
const refuseName = (name: string): Decoded =>
  refuse(`${JSON.stringify(name.slice(0, 80))} is no attribute of a CloudEvent: names are of a-z and 0-9`);

/** The event in a message, or why there is none. */
export function readCloudEvent(
  body: Uint8Array,
  properties: MessageProperties,
  headers: Headers,
  limits: DecodeLimits,
): Decoded {
  const type = mediaType(properties.contentType);
  if (type === BATCH_TYPE) return refuse('message is a batch of CloudEvents; publish each as a message of its own');
  return type === STRUCTURED_TYPE
    ? readStructured(body, properties, limits)
    : readBinary(body, properties, headers, limits);
}

function readBinary(body: Uint8Array, properties: MessageProperties, headers: Headers, limits: DecodeLimits): Decoded {
  const attributes = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(headers)) {
    const attribute = PREFIX.exec(name)?.[1];
    if (attribute === undefined || attribute === 'datacontenttype') continue;
    if (!ATTRIBUTE_NAME.test(attribute) || attribute === 'data') return refuseName(name);
    attributes[attribute] = attributeOf(headers[name]);
  }
  if (attributes.specversion === undefined) return refuse(NEITHER);
  const fault = faultOf(attributes);
  if (fault !== undefined) return refuse(`message is no CloudEvent: ${fault}`);
  if (properties.contentType !== undefined) attributes.datacontenttype = properties.contentType;
  const data = decodeBody(body, properties, limits);
  if (data.ok) return { ok: true, value: { ...attributes, data: data.value } };
  // An event may have no data: so it is where its content type makes nothing of no bytes.
  return body.byteLength === 0 ? { ok: true, value: attributes } : data;
}

/** Times come as the protocol's own type. */
const attributeOf = (value: HeaderValue | undefined): unknown => (value instanceof Date ? value.toISOString() : value);

function faultOf(attributes: Readonly<Record<string, unknown>>): string | undefined {
  const { specversion } = attributes;
  if (specversion === undefined) return 'specversion is missing';
  if (specversion !== '1.0') return 'specversion is not "1.0"';
  const missing = REQUIRED.filter((name) => typeof attributes[name] !== 'string' || attributes[name] === '');
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing or no text`;
}

function readStructured(body: Uint8Array, properties: MessageProperties, limits: DecodeLimits): Decoded {
  const plain = inflateBody(body, properties.contentEncoding, limits.maxBytes);
  if (plain instanceof PayloadInvalidError) return { ok: false, error: plain };
  const reading = readJson(plain);
  if (!reading.ok) return { ok: false, error: new PayloadInvalidError(reading.refusal.fault, reading.refusal.message) };
  const { value } = reading;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('message is no CloudEvent: its body is no object');
  const { data, data_base64: base64, ...attributes } = value as Record<string, unknown>;
  const fault = faultOf(attributes);
  if (fault !== undefined) return refuse(`message is no CloudEvent: ${fault}`);
  const wrong = Object.keys(attributes).find((name) => !ATTRIBUTE_NAME.test(name));
  if (wrong !== undefined) return refuseName(wrong);
  if (base64 === undefined) return { ok: true, value: data === undefined ? attributes : { ...attributes, data } };
  if (data !== undefined) return refuse('message is no CloudEvent: it has data and data_base64');
  if (typeof base64 !== 'string' || !BASE64.test(base64))
    return refuse('message is no CloudEvent: data_base64 is no base64');
  const { datacontenttype } = attributes;
  const contentType = typeof datacontenttype === 'string' ? datacontenttype : 'application/octet-stream';
  const decoded = decodeBody(Buffer.from(base64, 'base64'), { contentType }, limits);
  return decoded.ok ? { ok: true, value: { ...attributes, data: decoded.value } } : decoded;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** What makes an event of a result. */
export interface EventAttributes {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** `subject`, `time`, `dataschema` and extensions: names of a-z and 0-9, texts, numbers that are integers, booleans. */
  readonly others: Readonly<Record<string, unknown>>;
}

export interface EncodedEvent extends Encoded {
  readonly headers: Headers;
}

/**
 * The event as a message: `encoded` is its data.
 * @throws ResultInvalidError naming the attribute that is none.
 */
export function writeCloudEvent(
  value: unknown,
  encoded: Encoded,
  { id, source, type, others }: EventAttributes,
  mode: 'binary' | 'structured',
): EncodedEvent {
  const attributes = Object.create(null) as Record<string, string | number | boolean>;
  Object.assign(attributes, { specversion: '1.0', id, source, type });
  for (const [name, attribute] of Object.entries(others)) {
    if (attribute === undefined) continue;
    if (!ATTRIBUTE_NAME.test(name) || RESERVED.has(name))
      throw new ResultInvalidError(
        `event attribute ${JSON.stringify(name)}: expected a name of a-z and 0-9 that is not taken`,
      );
    const isAttribute =
      typeof attribute === 'boolean' ||
      (typeof attribute === 'string' && attribute !== '') ||
      (typeof attribute === 'number' && Number.isInteger(attribute) && Math.abs(attribute) < 2 ** 31);
    if (!isAttribute)
      throw new ResultInvalidError(`event attribute ${name}: expected a text, an integer of 32 bits or a boolean`);
    attributes[name] = attribute;
  }
  if (typeof source !== 'string' || source === '' || typeof type !== 'string' || type === '')
    throw new ResultInvalidError('event: source and type are texts that are not empty');
  if (mode === 'binary') {
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, attribute]) => [`${ATTRIBUTE_PREFIX}${name}`, attribute]),
    );
    return { ...encoded, headers };
  }
  const data =
    encoded.contentType === 'application/json'
      ? { data: value }
      : { data_base64: Buffer.from(encoded.body).toString('base64') };
  const writing = writeJson({ ...attributes, datacontenttype: encoded.contentType, ...data });
  if (!writing.ok) throw new ResultInvalidError(`result cannot be sent: ${writing.message}`);
  return { body: Buffer.from(writing.text), contentType: `${STRUCTURED_TYPE}; charset=utf-8`, headers: {} };
}

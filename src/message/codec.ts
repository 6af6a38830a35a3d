/**
 * Bodies to values and back, by content type and content encoding. Limits come before work: size, then inflation, then parsing.
 * Pure: a refusal is a PayloadInvalidError handed back, never thrown.
 */
import { gunzipSync, inflateSync } from 'node:zlib';
import { PayloadInvalidError, ResultInvalidError } from '../errors.ts';
import type { MessageProperties } from './delivery.ts';
import { readJson } from './json.ts';
import { writeJson } from './write-json.ts';

export interface DecodeLimits {
  /** Largest body, before and after inflation. */
  readonly maxBytes: number;
}

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: PayloadInvalidError };

const refuse = (...args: ConstructorParameters<typeof PayloadInvalidError>): Decoded => ({
  ok: false,
  error: new PayloadInvalidError(...args),
});

/**
 * The value of a message body: JSON (also where no content type is given), text for `text/*`, bytes for `application/octet-stream`.
 * Encodings: none, `gzip`, `deflate`.
 */
export function decodeBody(body: Uint8Array, properties: MessageProperties, { maxBytes }: DecodeLimits): Decoded {
  if (body.byteLength > maxBytes) return refuse('size', `body has ${body.byteLength} bytes, allowed are ${maxBytes}`);
  const plain = inflate(body, properties.contentEncoding, maxBytes);
  if (plain instanceof PayloadInvalidError) return { ok: false, error: plain };
  if (plain.byteLength === 0) return refuse('empty', 'body is empty');

  const type = mediaType(properties.contentType);
  if (isJson(type)) return fromJson(plain);
  if (type.startsWith('text/')) return fromText(plain);
  if (type === 'application/octet-stream') return { ok: true, value: plain };
  return refuse(
    'content-type',
    `content type ${JSON.stringify(type)} is none of application/json, text/*, application/octet-stream`,
  );
}

function inflate(body: Uint8Array, encoding: string | undefined, maxBytes: number): Uint8Array | PayloadInvalidError {
  const unzip = encoding === 'gzip' ? gunzipSync : encoding === 'deflate' ? inflateSync : undefined;
  if (unzip === undefined) {
    if (encoding === undefined || encoding === '' || encoding === 'identity' || /^utf-?8$/i.test(encoding)) return body;
    return new PayloadInvalidError(
      'encoding',
      `content encoding ${JSON.stringify(encoding)} is none of gzip, deflate, identity`,
    );
  }
  try {
    return unzip(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError;
    return isTooLarge
      ? new PayloadInvalidError('size', `body inflates to more than ${maxBytes} bytes`)
      : new PayloadInvalidError('encoding', `body is not ${encoding}`);
  }
}

/** Type and subtype in lower case, without parameters; JSON where nothing is said. */
const mediaType = (contentType: string | undefined): string =>
  contentType?.split(';', 1)[0]?.trim().toLowerCase() || 'application/json';

const isJson = (type: string): boolean => type === 'application/json' || type === 'text/json' || type.endsWith('+json');

function fromJson(bytes: Uint8Array): Decoded {
  const reading = readJson(bytes);
  return reading.ok ? reading : refuse(reading.refusal.fault, reading.refusal.message);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function fromText(bytes: Uint8Array): Decoded {
  try {
    return { ok: true, value: utf8.decode(bytes) };
  } catch {
    return refuse('encoding', 'body is not valid UTF-8');
  }
}

export interface Encoded {
  readonly body: Uint8Array;
  readonly contentType: string;
}

/**
 * The body of a result: bytes as they are, everything else as JSON.
 * @throws ResultInvalidError naming the member that JSON cannot carry.
 */
export function encodeBody(value: unknown): Encoded {
  if (value instanceof Uint8Array) return { body: value, contentType: 'application/octet-stream' };
  const writing = writeJson(value);
  if (!writing.ok) throw new ResultInvalidError(`result cannot be sent: ${writing.message}`);
  return { body: Buffer.from(writing.text), contentType: 'application/json' };
}

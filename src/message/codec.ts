/**
 * Bodies to values and back, by content type and content encoding. Limits come before work: size, then inflation, then parsing.
 * Pure: a refusal is a PayloadInvalidError handed back, never thrown.
 */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { PayloadInvalidError, ResultInvalidError } from '../errors.ts';
import type { Codec } from './body-codec.ts';
import type { MessageProperties } from './delivery.ts';
import { readJson } from './json.ts';
import { ignoreRejection } from './unbegun.ts';
import { writeJson } from './write-json.ts';

export interface DecodeLimits {
  /** Largest body, before and after inflation. */
  readonly maxBytes: number;
  /** For further content types, or instead of ours. Default: none. */
  readonly codecs?: readonly Codec[] | undefined;
}

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: PayloadInvalidError };

const refuse = (...args: ConstructorParameters<typeof PayloadInvalidError>): Decoded => ({
  ok: false,
  error: new PayloadInvalidError(...args),
});

/**
 * The value of a message body: JSON (also where no content type is given), text for `text/*` in the charset it names (UTF-8 where it names
 * none), bytes for `application/octet-stream`, and whatever a codec makes of its content type. Encodings: none, `gzip`, `deflate`.
 * No bytes are no JSON; but they are a text, or bytes, and a codec may read them: Protocol Buffers write a message of defaults as nothing.
 */
export function decodeBody(
  body: Uint8Array,
  properties: MessageProperties,
  { maxBytes, codecs = NO_CODECS }: DecodeLimits,
): Decoded {
  const plain = inflateBody(body, properties.contentEncoding, maxBytes);
  if (plain instanceof PayloadInvalidError) return { ok: false, error: plain };

  const type = mediaType(properties.contentType);
  const codec = codecs.length === 0 ? undefined : codecs.find(({ contentType }) => contentType === type);
  if (codec !== undefined) return fromCodec(plain, codec);
  if (isJson(type)) return fromJson(plain);
  if (type.startsWith('text/')) return fromText(plain, charsetOf(properties.contentType));
  if (type === 'application/octet-stream') return { ok: true, value: plain };
  return refuse(
    'content-type',
    `content type ${JSON.stringify(type)} is none of ${['application/json', 'text/*', 'application/octet-stream', ...codecs.map(({ contentType }) => contentType)].join(', ')}`,
  );
}

const NO_CODECS: readonly Codec[] = [];

/** The text of what a codec throws may quote the body: only its kind is told. */
function fromCodec(body: Uint8Array, { contentType, decode }: Codec): Decoded {
  try {
    const value = decode(body);
    if (!(value instanceof Promise)) return { ok: true, value };
    ignoreRejection(value);
    return refuse('parse', gaveNothingYet(contentType));
  } catch (error) {
    return refuse('parse', `body cannot be read as ${contentType}: its codec threw ${nameOf(error)}`);
  }
}

const gaveNothingYet = (contentType: string): string =>
  `the codec of ${contentType} gave a Promise; codecs are synchronous`;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : `a ${typeof error}`);

/** A body as it was before its content encoding, or why it cannot be had; at most `maxBytes` before and after. */
export function inflateBody(
  body: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Uint8Array | PayloadInvalidError {
  if (body.byteLength > maxBytes)
    return new PayloadInvalidError('size', `body has ${body.byteLength} bytes, allowed are ${maxBytes}`);
  // Codings are not case-sensitive (RFC 9110 section 8.4.1).
  const coding = encoding?.toLowerCase();
  const unzip = coding === 'gzip' ? gunzipSync : coding === 'deflate' ? inflateSync : undefined;
  if (unzip === undefined) {
    if (coding === undefined || coding === '' || coding === 'identity' || /^utf-?8$/.test(coding)) return body;
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
      : new PayloadInvalidError('encoding', `body is not ${coding}`);
  }
}

const JSON_TYPE = 'application/json';

/** Type and subtype in lower case, without parameters; JSON where nothing is said. */
export const mediaType = (contentType: string | undefined): string =>
  contentType === JSON_TYPE ? contentType : contentType?.split(';', 1)[0]?.trim().toLowerCase() || JSON_TYPE;

/** Of a type as `mediaType` gives it. */
export const isJson = (type: string): boolean =>
  type === 'application/json' || type === 'text/json' || type.endsWith('+json');

function fromJson(bytes: Uint8Array): Decoded {
  if (bytes.byteLength === 0) return refuse('empty', 'body is empty');
  const reading = readJson(bytes);
  return reading.ok ? reading : refuse(reading.refusal.fault, reading.refusal.message);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

const charsetOf = (contentType: string | undefined): string =>
  /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? '')?.[1]?.toLowerCase() ?? 'utf-8';

/** Read as another charset than its own, text would silently become another text. */
function fromText(bytes: Uint8Array, charset: string): Decoded {
  const decoder = /^utf-?8$/.test(charset) ? utf8 : decoderFor(charset);
  if (decoder === undefined) return refuse('content-type', `charset ${JSON.stringify(charset)} is not known`);
  try {
    return { ok: true, value: decoder.decode(bytes) };
  } catch {
    return refuse('encoding', `body is not valid ${decoder.encoding.toUpperCase()}`);
  }
}

function decoderFor(charset: string): typeof utf8 | undefined {
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    return undefined;
  }
}

export interface Encoded {
  readonly body: Uint8Array;
  readonly contentType: string;
}

/**
 * The body of a result: what a codec makes of it, or else bytes as they are, everything else as JSON.
 * @throws ResultInvalidError naming the member that JSON cannot carry, or the codec that failed.
 */
export function encodeBody(value: unknown, codec?: Codec): Encoded {
  if (codec !== undefined) return { body: byCodec(value, codec), contentType: codec.contentType };
  if (value instanceof Uint8Array) return { body: value, contentType: 'application/octet-stream' };
  const writing = writeJson(value);
  if (!writing.ok) throw new ResultInvalidError(`result cannot be sent: ${writing.message}`);
  return { body: Buffer.from(writing.text), contentType: 'application/json' };
}

function byCodec(value: unknown, { contentType, encode }: Codec): Uint8Array {
  let body: unknown;
  try {
    body = encode(value);
  } catch (cause) {
    throw new ResultInvalidError(`result cannot be written as ${contentType}: its codec threw ${nameOf(cause)}`, {
      cause,
    });
  }
  if (body instanceof Uint8Array) return body;
  ignoreRejection(body);
  throw new ResultInvalidError(
    body instanceof Promise ? gaveNothingYet(contentType) : `the codec of ${contentType} gave no bytes`,
  );
}

/** Below this many bytes a body is hardly any smaller for it. */
const COMPRESS_FROM_BYTES = 1_024;

/** A body under a content encoding; undefined where it stays as it is. */
export function compressBody(body: Uint8Array, encoding: 'gzip' | 'deflate'): Uint8Array | undefined {
  if (body.byteLength < COMPRESS_FROM_BYTES) return undefined;
  return encoding === 'gzip' ? gzipSync(body) : deflateSync(body);
}

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
 * The value of a message body: JSON (also where no content type is given), text for `text/*` in the charset it names (UTF-8 where it names
 * none), bytes for `application/octet-stream`. Encodings: none, `gzip`, `deflate`.
 */
export function decodeBody(body: Uint8Array, properties: MessageProperties, { maxBytes }: DecodeLimits): Decoded {
  if (body.byteLength > maxBytes) return refuse('size', `body has ${body.byteLength} bytes, allowed are ${maxBytes}`);
  const plain = inflate(body, properties.contentEncoding, maxBytes);
  if (plain instanceof PayloadInvalidError) return { ok: false, error: plain };
  if (plain.byteLength === 0) return refuse('empty', 'body is empty');

  const type = mediaType(properties.contentType);
  if (isJson(type)) return fromJson(plain);
  if (type.startsWith('text/')) return fromText(plain, charsetOf(properties.contentType));
  if (type === 'application/octet-stream') return { ok: true, value: plain };
  return refuse(
    'content-type',
    `content type ${JSON.stringify(type)} is none of application/json, text/*, application/octet-stream`,
  );
}

function inflate(body: Uint8Array, encoding: string | undefined, maxBytes: number): Uint8Array | PayloadInvalidError {
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
const mediaType = (contentType: string | undefined): string =>
  contentType === JSON_TYPE ? contentType : contentType?.split(';', 1)[0]?.trim().toLowerCase() || JSON_TYPE;

const isJson = (type: string): boolean => type === 'application/json' || type === 'text/json' || type.endsWith('+json');

function fromJson(bytes: Uint8Array): Decoded {
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
 * The body of a result: bytes as they are, everything else as JSON.
 * @throws ResultInvalidError naming the member that JSON cannot carry.
 */
export function encodeBody(value: unknown): Encoded {
  if (value instanceof Uint8Array) return { body: value, contentType: 'application/octet-stream' };
  const writing = writeJson(value);
  if (!writing.ok) throw new ResultInvalidError(`result cannot be sent: ${writing.message}`);
  return { body: Buffer.from(writing.text), contentType: 'application/json' };
}

/** A message's body as people read it. */
import { decodeBody, isJson, mediaType } from '../../message/codec.ts';
import type { Delivery } from '../../message/delivery.ts';

/** A body is inflated up to here. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/**
 * The text of a body, inflated; undefined where it is none or too large. Formats of bytes (Avro, Protocol Buffers) may happen to be UTF-8: what
 * is not said to be text and has control characters is none, or an editor would break its lengths; and no bytes are a whole message in some of them.
 */
export function bodyText({ body, properties }: Pick<Delivery, 'body' | 'properties'>): string | undefined {
  const isText = isSaidToBeText(properties.contentType);
  // Whatever its encoding says: there is nothing to inflate.
  if (body.byteLength === 0) return isText ? '' : undefined;
  const decoded = decodeBody(body, { ...properties, contentType: 'text/plain' }, { maxBytes: MAX_BODY_BYTES });
  if (!decoded.ok) return undefined;
  const text = String(decoded.value);
  return isText || (text !== '' && !CONTROL.test(text)) ? text : undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

function isSaidToBeText(contentType: string | undefined): boolean {
  const type = mediaType(contentType);
  return isJson(type) || type.startsWith('text/');
}

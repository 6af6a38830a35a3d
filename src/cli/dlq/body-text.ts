/** A message's body as people read it. */
import { decodeBody } from '../../message/codec.ts';
import type { Delivery } from '../../message/delivery.ts';

/** A body is inflated up to here. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/** The text of a body, inflated; undefined where it is none or too large. */
export function bodyText({ body, properties }: Pick<Delivery, 'body' | 'properties'>): string | undefined {
  if (body.byteLength === 0) return '';
  const decoded = decodeBody(body, { ...properties, contentType: 'text/plain' }, { maxBytes: MAX_BODY_BYTES });
  return decoded.ok ? String(decoded.value) : undefined;
}

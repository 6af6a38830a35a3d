/**
 * Request bodies: made once for all attempts of a call. JSON unless the author sends text or bytes of a named type;
 * what JSON would silently leave out or turn into something else is refused.
 */
import { writeJson } from '../message/write-json.ts';

export type RequestBody =
  | {
      readonly ok: true;
      readonly source: string | Uint8Array;
      readonly bytes: Uint8Array;
      readonly contentType: string;
    }
  /** `message` names a path, never a value. */
  | { readonly ok: false; readonly message: string };

const JSON_TYPE = 'application/json';

const isJsonType = (contentType: string): boolean => /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);

/**
 * The body as bytes; undefined is no body.
 *
 * With a content type among the headers, a string or bytes go out as they are, and anything else only under a JSON type.
 * Without one, everything is JSON, a string too, and bytes are refused.
 */
export function requestBodyOf(body: unknown, contentType: string | undefined): RequestBody | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) {
    return contentType === undefined
      ? { ok: false, message: 'a body of bytes needs a content-type header' }
      : { ok: true, source: body, bytes: body, contentType };
  }
  if (typeof body === 'string' && contentType !== undefined)
    return { ok: true, source: body, bytes: Buffer.from(body), contentType };
  if (contentType !== undefined && !isJsonType(contentType)) {
    return { ok: false, message: 'body is neither text nor bytes, and the content-type header does not name JSON' };
  }
  const writing = writeJson(body);
  if (!writing.ok) return { ok: false, message: `body cannot be sent as JSON: ${writing.message}` };
  return { ok: true, source: writing.text, bytes: Buffer.from(writing.text), contentType: contentType ?? JSON_TYPE };
}

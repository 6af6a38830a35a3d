/**
 * What a response means: by its content type a value, by the author's schema the right one.
 * Everything refused here is permanent: the whole response came, and it is not what was agreed.
 */
import type { z } from 'zod';
import { ResponseInvalidError } from '../errors.ts';
import { isJson } from '../message/codec.ts';
import { readJson } from '../message/json.ts';
import { parseNow } from '../message/parse-now.ts';
import type { CallFacts } from './classify.ts';
import { describeIssues } from './issues.ts';
import { headerOf, type TransportResponse } from './transport.ts';

/**
 * The value of an accepted response: JSON parsed strictly, `text/*` as a string, other types as bytes, nothing as undefined.
 * With a schema, what the schema makes of that value; a body without a content type is then taken for JSON. HTML needs a schema: nobody asked for
 * the login or error page that something in between put in the answer's place.
 *
 * @throws ResponseInvalidError naming what does not fit by path and kind; values of the answer are not in it.
 */
export function readAnswer(call: CallFacts, response: TransportResponse, schema: z.ZodType | undefined): unknown {
  const type = mediaType(headerOf(response, 'content-type'));
  const value = decode(call, response, type === '' && schema !== undefined ? 'application/json' : type);
  if (schema === undefined) {
    if (isHtml(type) && value !== undefined) throw new ResponseInvalidError(call, UNASKED_HTML);
    return value;
  }

  const parsed = parseNow(schema, value, 'the schema of response');
  if (parsed.success) return parsed.data;
  throw new ResponseInvalidError(
    call,
    `answer does not fit the schema: ${describeIssues(parsed.error.issues, 'answer')}${isJson(type) || type === '' ? '' : ` (content type ${type})`}`,
  );
}

function decode(call: CallFacts, response: TransportResponse, type: string): unknown {
  const { body } = response;
  if (body.byteLength === 0 || response.status === 204 || response.status === 205) return undefined;
  if (isJson(type)) {
    const reading = readJson(body);
    if (reading.ok) return reading.value;
    throw new ResponseInvalidError(call, `answer is no acceptable JSON: ${reading.refusal.message}`);
  }
  return type.startsWith('text/') ? decodeText(call, body, headerOf(response, 'content-type')) : body;
}

function decodeText(call: CallFacts, body: Uint8Array, contentType = ''): string {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch {
    throw new ResponseInvalidError(call, `answer is not text in ${JSON.stringify(charset.slice(0, 20))}`);
  }
}

/** Type and subtype in lower case, without parameters. */
const mediaType = (contentType: string | undefined): string =>
  contentType === undefined || contentType === 'application/json'
    ? (contentType ?? '')
    : printable(contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '');

/** Content types are quoted in errors; a server may put anything into them. */
const printable = (type: string): string => (/^[\x21-\x7e]{1,80}$/.test(type) ? type : 'unreadable');

const UNASKED_HTML =
  'answer is an HTML page, and no schema asks for one; for HTML on purpose give { response: z.string() }';

const isHtml = (type: string): boolean => type === 'text/html' || type === 'application/xhtml+xml';

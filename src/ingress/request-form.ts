/**
 * A request's body and what its headers say of it become those of a message, in a form its pipeline reads: JSON, the content types of its
 * codecs, or CloudEvents.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ATTRIBUTE_NAME, ATTRIBUTE_PREFIX, BATCH_TYPE, STRUCTURED_TYPE } from '../message/cloud-events.ts';
import { mediaType } from '../message/codec.ts';
import type { Carried, HeaderTable } from '../message/delivery.ts';
import type { EntranceForm } from './entrance-form.ts';
import type { Refusal } from './problem.ts';

const JSON_TYPE = 'application/json';
/** The kinds of it, for people. */
const ANY_JSON = 'application/*+json';

/** JSON is UTF-8. A content type of a message has at most 255 bytes. */
const JSON_IN_UTF8 = /^application\/([\w.+-]{1,127}\+)?json *(; *charset="?utf-8"? *)?$/i;

/** What a body may be, for people. */
export const typesOf = ({ codecTypes, cloudEvents }: EntranceForm): readonly string[] => [
  ...new Set([JSON_TYPE, ...codecTypes, ...(cloudEvents === undefined ? [] : [STRUCTURED_TYPE])]),
];

/** What is wrong with the body by what is said of it, before it is read; undefined where nothing is. */
export function typeFault(form: EntranceForm, headers: IncomingHttpHeaders): Refusal | undefined {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers;
  const isKnown = type === undefined ? isEventAlone(form, headers) : isTaken(form, type);
  if (isKnown && encoding.toLowerCase() === 'identity') return undefined;
  const types = [JSON_TYPE, ANY_JSON, ...typesOf(form).filter((known) => known !== JSON_TYPE)].join(' or ');
  return { status: 415, code: 'content-type', detail: `expected content-type: ${types}, not encoded, JSON in UTF-8` };
}

function isTaken({ codecTypes, cloudEvents }: EntranceForm, type: string): boolean {
  const media = mediaType(type);
  if (codecTypes.includes(media)) return true;
  return JSON_IN_UTF8.test(type) && !(cloudEvents !== undefined && media === BATCH_TYPE);
}

/** An event may have no data, and then has no type of it either. */
const isEventAlone = (
  { cloudEvents }: EntranceForm,
  { 'content-length': length = '0', 'transfer-encoding': encoding }: IncomingHttpHeaders,
): boolean => cloudEvents !== undefined && length === '0' && encoding === undefined;

/** The message of a request whose type was found right. Headers that say nothing of the body are not among its own. */
export function carriedOf(form: EntranceForm, headers: IncomingHttpHeaders, body: Uint8Array): Carried | Refusal {
  const { 'content-type': type } = headers;
  const media = type === undefined ? undefined : mediaType(type);
  if (form.cloudEvents === undefined) {
    // Whatever kind of JSON the client calls it, it is read as that, unless a codec reads that kind.
    const contentType = media !== undefined && form.codecTypes.includes(media) ? media : JSON_TYPE;
    return { body, properties: { contentType }, headers: {} };
  }
  const properties = media === undefined ? {} : { contentType: media };
  if (media === STRUCTURED_TYPE) return { body, properties, headers: {} };
  const attributes = attributesIn(headers);
  return 'status' in attributes ? attributes : { body, properties, headers: attributes.headers };
}

const noEvent = (detail: string): Refusal => ({ status: 400, code: 'event-invalid', detail });

/** The attributes of a binary event as headers of a message, in the order of their names, so that the same event has the same headers. */
function attributesIn(headers: IncomingHttpHeaders): { readonly headers: HeaderTable } | Refusal {
  const attributes = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(headers).sort()) {
    // The type of the data is the content type.
    if (!name.startsWith('ce-') || name === 'ce-datacontenttype') continue;
    const attribute = name.slice('ce-'.length);
    if (!ATTRIBUTE_NAME.test(attribute) || attribute === 'data')
      return noEvent(`${name.slice(0, 80)}: names of attributes are of a-z and 0-9, at most 64`);
    const value = decoded(headers[name]);
    if (value === undefined)
      return noEvent(`${name}: expected printable ASCII, and anything else percent-encoded as UTF-8, "%" too`);
    attributes[`${ATTRIBUTE_PREFIX}${attribute}`] = value;
  }
  if (attributes[`${ATTRIBUTE_PREFIX}specversion`] === undefined)
    return noEvent(
      `expected a CloudEvent: headers ce-specversion, ce-id, ce-source and ce-type, or content-type: ${STRUCTURED_TYPE}`,
    );
  return { headers: attributes };
}

/** A value without its quotes and its percent-encoding, one round of it (section 3.1.3.2); undefined where it is malformed. */
function decoded(given: string | readonly string[] | undefined): string | undefined {
  if (typeof given !== 'string' || !/^[\x20-\x7e]*$/.test(given)) return undefined;
  const plain = /^".*"$/.test(given) ? given.slice(1, -1).replace(/\\(.)/g, '$1') : given;
  try {
    return decodeURIComponent(plain);
  } catch {
    return undefined;
  }
}

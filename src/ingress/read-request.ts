/** What is in a request: a body its pipeline can read, that fits its schema, and the way to the queue; or why it is refused. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Entry, entryOf, keyIn, type MaybePartitioned, type Partitions } from '../broker/partitions.ts';
import type { PayloadInvalidError } from '../errors.ts';
import type { Carried } from '../message/delivery.ts';
import { parseNow } from '../message/parse-now.ts';
import { isShortString, MAX_SHORT_STRING_BYTES } from '../message/short-string.ts';
import type { Reading } from './entrance-form.ts';
import type { Entrance } from './ingress.ts';
import type { Refusal } from './problem.ts';
import { carriedOf } from './request-form.ts';

/** An entrance with the way to its queue. */
export interface OpenEntrance extends Entrance {
  readonly source: MaybePartitioned;
}

/** What is to be published. */
export interface Readable {
  readonly carried: Carried;
  readonly way: Entry;
  readonly event: Reading['event'];
}

/** The message is sent as it came: what the schema makes of it is made where it is handled. */
export function readRequest(
  entrance: OpenEntrance,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): Readable | Refusal {
  const carried = carriedOf(entrance.form, headers, body);
  if ('status' in carried) return carried;
  const reading = entrance.form.read(carried);
  if (!reading.ok) return unreadable(reading.error);
  const parsed = parse(entrance, reading.value);
  if (!parsed.ok) return parsed.refusal;
  const way = wayTo(entrance.source, parsed.value);
  return 'status' in way ? way : { carried, way, event: reading.event };
}

function unreadable({ fault, message }: PayloadInvalidError): Refusal {
  switch (fault) {
    case 'empty':
      return { status: 400, code: 'body-empty', detail: 'expected a body' };
    case 'event':
      return { status: 400, code: 'event-invalid', detail: message };
    default:
      return { status: 400, code: 'body-unreadable', detail: message };
  }
}

const MAX_ERRORS = 20;

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly refusal: Refusal };

const invalid = (detail: string, errors?: Refusal['errors']): Refusal => ({
  status: 422,
  code: 'body-invalid',
  detail,
  ...(errors === undefined ? {} : { errors }),
});

/** By the pipeline's schema. */
function parse({ input }: Entrance, value: unknown): Parsed {
  try {
    const { success, data, error } = parseNow(input, value, 'the schema of input');
    if (success) return { ok: true, value: data };
    const errors = error.issues
      .slice(0, MAX_ERRORS)
      .map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
    return { ok: false, refusal: invalid('the body does not fit its schema', errors) };
  } catch {
    // A refinement or a transform of the author threw; the pipeline would dead-letter it for the same.
    return { ok: false, refusal: invalid('the body could not be checked by its schema') };
  }
}

/** The way to the queue. Of partitions it takes a key: without one the pipeline would dead-letter the message. */
function wayTo(source: MaybePartitioned, message: unknown): Entry | Refusal {
  const { partitions } = source;
  if (partitions !== undefined) {
    const fault = faultOfKey(message, partitions);
    if (fault !== undefined)
      return invalid('the body has no key to be kept in order by', [{ path: partitions.by, message: fault }]);
  }
  return entryOf(source, message);
}

function faultOfKey(message: unknown, { by, header }: Partitions): string | undefined {
  try {
    const key = keyIn(message, by);
    return header === undefined && !isShortString(key) ? `expected at most ${MAX_SHORT_STRING_BYTES} bytes` : undefined;
  } catch {
    return 'expected a text that is not empty, or a number';
  }
}

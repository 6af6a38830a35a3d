/** Headers between our types and AMQP tables. Writing refuses what AMQP cannot carry; reading drops what must not be read. */
import { ResultInvalidError } from '../../../errors.ts';
import type { Headers, HeaderTable, HeaderValue } from '../../../message/delivery.ts';
import { checkRoutingHeaders } from '../../routing-headers.ts';
import { array, type Field, long, longstr, type Table, table, timestamp } from '../model/field.ts';

const MAX_DEPTH = 64;
const MAX_NAME_BYTES = 255;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** @throws ResultInvalidError naming the header and what is wrong with it. */
export function writeHeaders(headers: Headers): Table {
  checkRoutingHeaders(headers);
  return writeTable(headers, '', 1);
}

function writeTable(from: HeaderTable, path: string, depth: number): Table {
  const fields = new Map<string, Field>();
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined || name === '__proto__') continue;
    const at = path === '' ? name : `${path}.${name}`;
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw refused(at.slice(0, 40), 'its name is longer than 255 bytes');
    fields.set(name, writeValue(value, at, depth));
  }
  return fields;
}

function writeValue(value: unknown, path: string, depth: number): Field {
  switch (typeof value) {
    case 'string':
      return longstr(value);
    case 'boolean':
      return { type: 'bool', value };
    case 'number':
      if (!Number.isFinite(value)) throw refused(path, `${value} cannot be sent`);
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? long(value) : { type: 'double', value };
    case 'bigint':
      if (value > MAX_INT64 || value < MIN_INT64) throw refused(path, `${value} does not fit into 64 bits`);
      return { type: 'long', value };
    case 'object':
      return value === null ? { type: 'void', value } : writeObject(value, path, depth);
    default:
      throw refused(path, `a ${typeof value} cannot be sent`);
  }
}

function writeObject(value: object, path: string, depth: number): Field {
  if (value instanceof Date) {
    const seconds = Math.floor(value.getTime() / 1000);
    if (!(seconds >= 0)) throw refused(path, 'a timestamp is a valid date from 1970 on');
    return timestamp(seconds);
  }
  if (value instanceof Uint8Array) return { type: 'binary', value: Uint8Array.from(value) };
  if (depth >= MAX_DEPTH) throw refused(path, `nested deeper than ${MAX_DEPTH} (or circular)`);
  if (Array.isArray(value)) {
    return array(value.map((element: unknown, index) => writeValue(element, `${path}[${index}]`, depth + 1)));
  }
  if (!isPlain(value)) throw refused(path, `a ${value.constructor?.name ?? 'foreign object'} cannot be sent`);
  return table(writeTable(value, path, depth + 1));
}

function isPlain(value: object): value is HeaderTable {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

const refused = (path: string, why: string): ResultInvalidError =>
  new ResultInvalidError(`header "${path}": ${why} in an AMQP message`);

export function readHeaders(fields: Table): Headers {
  const headers = Object.create(null) as { [name: string]: HeaderValue };
  for (const [name, field] of fields) if (name !== '__proto__') headers[name] = readField(field);
  return headers;
}

function readField({ type, value }: Field): HeaderValue {
  if (value instanceof Map) return readHeaders(value as Table);
  if (Array.isArray(value)) return (value as readonly Field[]).map(readField);
  if (type === 'timestamp' && typeof value === 'number') return new Date(value * 1000);
  // As the other adapter reads them: integers are numbers, rounded beyond 2^53.
  return typeof value === 'bigint' ? Number(value) : (value as HeaderValue);
}

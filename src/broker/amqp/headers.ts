/**
 * Header tables between the wire and our types. amqplib wraps what JavaScript has no type for as `{ '!': type, value }`.
 * Reading never fails: what cannot be kept is left out. Writing refuses, so that one bad header cannot cost others their channel.
 */
import { ResultInvalidError } from '../../errors.ts';
import type { Headers, HeaderTable, HeaderValue } from '../../message/delivery.ts';
import { isShortString, MAX_SHORT_STRING_BYTES } from '../../message/short-string.ts';
import { checkRoutingHeaders } from '../routing-headers.ts';

/** Tables and arrays inside each other. Far less than what overflows the stack of amqplib's decoder, here or at the next reader. */
export const MAX_HEADER_DEPTH = 64;

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
/** From here on a double no longer fits into 64 signed bits. */
const INT64_LIMIT = 2 ** 63;
/** From here on amqplib takes every number for an integer, and fails on those that are none. */
const TAKEN_FOR_INTEGERS = 2 ** 50;

type MutableTable = { [name: string]: HeaderValue | undefined };

/** A table without a prototype: no key of a message can meet an inherited one. */
const emptyTable = (): MutableTable => Object.create(null) as MutableTable;

/** Most messages have none; one object for all of them, which nobody can write to. */
const NO_HEADERS: Headers = Object.freeze(emptyTable());

/**
 * Headers of a message as amqplib decoded it: own keys only. A wire key `__proto__` has become amqplib's prototype and is dropped.
 * Integers are numbers: amqplib has rounded those beyond 2^53. Decimals become doubles, timestamps become dates.
 */
export function readHeaders(raw: unknown): Headers {
  return typeof raw !== 'object' || raw === null || Object.keys(raw).length === 0 ? NO_HEADERS : readTable(raw, 1);
}

function readTable(raw: object, depth: number): HeaderTable {
  const table = emptyTable();
  const source = raw as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(source)) {
    const read = name === '__proto__' ? undefined : readValue(source[name], depth);
    if (read !== undefined) table[name] = read;
  }
  return table;
}

function readValue(raw: unknown, depth: number): HeaderValue | undefined {
  switch (typeof raw) {
    case 'string':
    case 'number':
    case 'boolean':
      return raw;
    case 'object':
      return raw === null ? null : readObject(raw, depth);
    default:
      return undefined;
  }
}

function readObject(raw: object, depth: number): HeaderValue | undefined {
  // A view on the whole frame otherwise: keeping one header would keep the frame's memory.
  if (Buffer.isBuffer(raw)) return Uint8Array.from(raw);
  if (depth >= MAX_HEADER_DEPTH) return undefined;
  if (Array.isArray(raw)) {
    return raw.map((element) => readValue(element, depth + 1)).filter((element) => element !== undefined);
  }
  if (Object.hasOwn(raw, '!')) {
    const wrapped = readWrapped(raw);
    if (wrapped !== undefined) return wrapped;
  }
  return readTable(raw, depth + 1);
}

/** What amqplib wraps on reading: timestamps and decimals. A table that has a key `!` of its own is read as a table. */
function readWrapped(raw: object): HeaderValue | undefined {
  if (!('!' in raw && 'value' in raw)) return undefined;
  const { '!': type, value } = raw;
  if (type === 'timestamp' && typeof value === 'number') {
    const date = new Date(value * 1000);
    return Number.isNaN(date.getTime()) ? value : date;
  }
  if (type === 'decimal' && typeof value === 'object' && value !== null && 'places' in value && 'digits' in value) {
    return Number(value.digits) / 10 ** Number(value.places);
  }
  return undefined;
}

/**
 * Headers as amqplib encodes them.
 * @throws ResultInvalidError naming the header and what is wrong with it.
 */
export function writeHeaders(headers: Headers): Record<string, unknown> {
  checkRoutingHeaders(headers);
  return writeTable(headers, '', 1);
}

function writeTable(table: HeaderTable, path: string, depth: number): Record<string, unknown> {
  // With a prototype, unlike tables we read: V8 makes these fast, and the one key that could touch it is left out.
  const written: Record<string, unknown> = {};
  for (const name of Object.keys(table)) {
    const value = table[name];
    if (value === undefined || name === '__proto__') continue;
    const at = path === '' ? name : `${path}.${name}`;
    if (!isShortString(name)) throw refused(at.slice(0, 40), `its name is longer than ${MAX_SHORT_STRING_BYTES} bytes`);
    written[name] = writeValue(value, at, depth);
  }
  return written;
}

function writeValue(value: unknown, path: string, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return writeNumber(value, path);
    case 'bigint':
      if (value > MAX_INT64 || value < MIN_INT64) throw refused(path, `${value} does not fit into 64 bits`);
      return { '!': 'int64', value };
    case 'object':
      return value === null ? null : writeObject(value, path, depth);
    default:
      throw refused(path, `a ${typeof value} cannot be sent`);
  }
}

function writeNumber(value: number, path: string): unknown {
  // RabbitMQ answers an infinity with 541 and closes the whole connection.
  if (!Number.isFinite(value)) throw refused(path, `${value} cannot be sent`);
  const size = Math.abs(value);
  const isDouble = size >= INT64_LIMIT || (size >= TAKEN_FOR_INTEGERS && !Number.isInteger(value));
  if (isDouble || Object.is(value, -0)) return { '!': 'double', value };
  return value;
}

function writeObject(value: object, path: string, depth: number): unknown {
  if (value instanceof Date) {
    const seconds = Math.floor(value.getTime() / 1000);
    if (!(seconds >= 0)) throw refused(path, 'a timestamp is a valid date from 1970 on');
    return { '!': 'timestamp', value: seconds };
  }
  if (value instanceof Uint8Array) return asBuffer(value);
  if (depth >= MAX_HEADER_DEPTH) throw refused(path, `nested deeper than ${MAX_HEADER_DEPTH} (or circular)`);
  if (Array.isArray(value)) {
    return value.map((element: unknown, index) => writeValue(element, `${path}[${index}]`, depth + 1));
  }
  if (!isPlain(value)) throw refused(path, `a ${value.constructor?.name ?? 'foreign object'} cannot be sent`);
  const table = writeTable(value, path, depth + 1);
  // A key of that name would be taken for amqplib's own wrapping.
  return Object.hasOwn(table, '!') ? { '!': 'object', value: table } : table;
}

function isPlain(value: object): value is HeaderTable {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

const refused = (path: string, why: string): ResultInvalidError =>
  new ResultInvalidError(`header "${path}": ${why} in an AMQP message`);

/** The same bytes as amqplib wants them; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Field tables on the wire, in RabbitMQ's dialect of types. What it cannot decode ends the connection with 541, as there. */
import { AmqpFault } from '../model/fault.ts';
import { EMPTY_TABLE, type Field, type FieldType, type FieldValue, type Table } from '../model/field.ts';

/** Deeper tables are handed on undecoded: decoding recurses, and so would whoever reads them. */
const MAX_DEPTH = 64;

const malformed = (): AmqpFault => new AmqpFault(541);

interface Reading {
  readonly field: Field;
  readonly next: number;
}

type Decode = (bytes: Buffer, at: number, end: number, depth: number) => Reading;

const fixed =
  (type: FieldType, size: number, read: (bytes: Buffer, at: number) => FieldValue): Decode =>
  (bytes, at, end) => {
    if (at + size > end) throw malformed();
    return { field: { type, value: read(bytes, at) }, next: at + size };
  };

const sized =
  (type: FieldType, read: (bytes: Buffer, from: number, to: number, depth: number) => FieldValue): Decode =>
  (bytes, at, end, depth) => {
    if (at + 4 > end) throw malformed();
    const next = at + 4 + bytes.readUInt32BE(at);
    if (next > end) throw malformed();
    return { field: { type, value: read(bytes, at + 4, next, depth) }, next };
  };

const copied = (bytes: Buffer, from: number, to: number): Uint8Array => Buffer.from(bytes.subarray(from, to));

const finite = (value: number): number => {
  if (!Number.isFinite(value)) throw malformed();
  return value;
};

/** A 64-bit integer: a number while that is exact. */
const exact = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Long strings are bytes: those that are not UTF-8 stay bytes, so that they leave as they came. */
function textOrBytes(bytes: Buffer, from: number, to: number): string | Uint8Array {
  const text = bytes.toString('utf8', from, to);
  return text.includes('\uFFFD') ? copied(bytes, from, to) : text;
}

const DECODERS: ReadonlyMap<number, Decode> = new Map(
  Object.entries({
    t: fixed('bool', 1, (bytes, at) => bytes.readUInt8(at) !== 0),
    b: fixed('byte', 1, (bytes, at) => bytes.readInt8(at)),
    B: fixed('unsignedbyte', 1, (bytes, at) => bytes.readUInt8(at)),
    s: fixed('short', 2, (bytes, at) => bytes.readInt16BE(at)),
    u: fixed('unsignedshort', 2, (bytes, at) => bytes.readUInt16BE(at)),
    I: fixed('signedint', 4, (bytes, at) => bytes.readInt32BE(at)),
    i: fixed('unsignedint', 4, (bytes, at) => bytes.readUInt32BE(at)),
    l: fixed('long', 8, (bytes, at) => exact(bytes.readBigInt64BE(at))),
    T: fixed('timestamp', 8, (bytes, at) => exact(bytes.readBigUInt64BE(at))),
    f: fixed('float', 4, (bytes, at) => finite(bytes.readFloatBE(at))),
    d: fixed('double', 8, (bytes, at) => finite(bytes.readDoubleBE(at))),
    D: fixed('decimal', 5, (bytes, at) => copied(bytes, at, at + 5)),
    V: fixed('void', 0, () => null),
    S: sized('longstr', textOrBytes),
    x: sized('binary', copied),
    F: sized('table', (bytes, from, to, depth) =>
      depth >= MAX_DEPTH ? copied(bytes, from, to) : decodeTable(bytes, from, to, depth + 1),
    ),
    A: sized('array', (bytes, from, to, depth) =>
      depth >= MAX_DEPTH ? copied(bytes, from, to) : decodeArray(bytes, from, to, depth + 1),
    ),
  } satisfies Record<string, Decode>).map(([tag, decode]) => [tag.charCodeAt(0), decode]),
);

function decodeField(bytes: Buffer, at: number, end: number, depth: number): Reading {
  const decode = at < end ? DECODERS.get(bytes.readUInt8(at)) : undefined;
  if (decode === undefined) throw malformed();
  return decode(bytes, at + 1, end, depth);
}

/** The fields between two places; the length before them is read already. */
export function decodeTable(bytes: Buffer, from: number, to: number, depth = 0): Table {
  if (from === to) return EMPTY_TABLE;
  const fields = new Map<string, Field>();
  let at = from;
  while (at < to) {
    const nameEnd = at + 1 + bytes.readUInt8(at);
    if (nameEnd > to) throw malformed();
    const name = bytes.toString('utf8', at + 1, nameEnd);
    const { field, next } = decodeField(bytes, nameEnd, to, depth);
    // Of a name that comes twice RabbitMQ looks at the first.
    if (!fields.has(name)) fields.set(name, field);
    at = next;
  }
  return fields;
}

function decodeArray(bytes: Buffer, from: number, to: number, depth: number): readonly Field[] {
  const items: Field[] = [];
  let at = from;
  while (at < to) {
    const { field, next } = decodeField(bytes, at, to, depth);
    items.push(field);
    at = next;
  }
  return items;
}

/** A table with its length before it. */
export function encodeTable(fields: Table): Buffer {
  const parts: Buffer[] = [];
  for (const [name, field] of fields) {
    // As in properties: a name that was no UTF-8 has grown.
    const bytes = Buffer.from(name).subarray(0, 255);
    parts.push(Buffer.from([bytes.length]), bytes, encodeField(field));
  }
  return withLength(parts);
}

function withLength(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const whole = Buffer.allocUnsafe(4 + body.length);
  whole.writeUInt32BE(body.length, 0);
  body.copy(whole, 4);
  return whole;
}

type Write = (bytes: Buffer, value: number) => void;

const NUMBERS: Partial<Record<FieldType, readonly [tag: string, size: number, write: Write]>> = {
  bool: ['t', 1, (bytes, value) => bytes.writeUInt8(value, 1)],
  byte: ['b', 1, (bytes, value) => bytes.writeInt8(value, 1)],
  unsignedbyte: ['B', 1, (bytes, value) => bytes.writeUInt8(value, 1)],
  short: ['s', 2, (bytes, value) => bytes.writeInt16BE(value, 1)],
  unsignedshort: ['u', 2, (bytes, value) => bytes.writeUInt16BE(value, 1)],
  signedint: ['I', 4, (bytes, value) => bytes.writeInt32BE(value, 1)],
  unsignedint: ['i', 4, (bytes, value) => bytes.writeUInt32BE(value, 1)],
  float: ['f', 4, (bytes, value) => bytes.writeFloatBE(value, 1)],
  double: ['d', 8, (bytes, value) => bytes.writeDoubleBE(value, 1)],
};

const SIZED: Partial<Record<FieldType, string>> = { longstr: 'S', binary: 'x', table: 'F', array: 'A' };

function encodeField({ type, value }: Field): Buffer {
  const number = NUMBERS[type];
  if (number !== undefined) {
    const [tag, size, write] = number;
    const bytes = Buffer.alloc(1 + size, tag);
    write(bytes, Number(value));
    return bytes;
  }
  if (type === 'void') return Buffer.from('V');
  if (type === 'decimal')
    return Buffer.concat([Buffer.from('D'), value instanceof Uint8Array ? value : Buffer.alloc(5)]);
  if (type === 'long' || type === 'timestamp') {
    const bytes = Buffer.alloc(9, type === 'long' ? 'l' : 'T');
    const integer = typeof value === 'bigint' ? value : BigInt(Number(value));
    bytes.writeBigUInt64BE(BigInt.asUintN(64, integer), 1);
    return bytes;
  }
  const tag = Buffer.from(SIZED[type] ?? 'S');
  if (value instanceof Uint8Array) return Buffer.concat([tag, withLength([Buffer.from(value)])]);
  if (Array.isArray(value)) return Buffer.concat([tag, withLength((value as readonly Field[]).map(encodeField))]);
  if (value instanceof Map) return Buffer.concat([tag, encodeTable(value as Table)]);
  return Buffer.concat([tag, withLength([Buffer.from(typeof value === 'string' ? value : '')])]);
}

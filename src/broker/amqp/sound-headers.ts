/**
 * Header tables that amqplib cannot decode: nested so deep that its decoder runs out of stack, or with fields of a type it does not know.
 * Its failure would end the connection, with every delivery on it, each time the message is handed over; so the frame is made sound first:
 * what cannot be decoded is left out and named, everything else stays as it came. Looks at a frame only after the decoder has failed on it.
 */
import { MAX_HEADER_DEPTH } from './headers.ts';

const HEADER_FRAME = 2;
/** Type, channel and size before a payload, and one byte after it. */
const FRAME_START_BYTES = 7;
const FRAME_END = 0xce;
/** Class, weight and size of the body; then the flags of the properties that follow. */
const FLAGS_AT = 12;
const PROPERTIES_AT = 14;
const HAS = { contentType: 0x8000, contentEncoding: 0x4000, headers: 0x2000 } as const;

/** Bytes of the types of fixed size, by their tag. */
const FIXED_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  B: 1,
  t: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  l: 8,
  d: 8,
  T: 8,
  D: 5,
  V: 0,
};
const HAS_LENGTH: ReadonlySet<string> = new Set(['S', 'x', 'F', 'A']);

const UNREADABLE = Symbol('unreadable');

/** Why headers that amqplib decoded are not all that the message carries, where they are not. */
export const unreadableIn = (headers: unknown): string | undefined =>
  typeof headers === 'object' && headers !== null && UNREADABLE in headers ? String(headers[UNREADABLE]) : undefined;

/** What is needed of amqplib's connection. */
interface FrameReader {
  rest: Buffer;
  recvFrame(): unknown;
}

/** From now on no header table ends this connection. Anything else its decoder fails on still does. */
export function soundHeaders(connection: object): void {
  if (!isFrameReader(connection)) return;
  const receive = connection.recvFrame.bind(connection);
  connection.recvFrame = () => {
    const { rest } = connection;
    try {
      return receive();
    } catch (error) {
      const frame = headerFrameIn(rest);
      const sound = frame === undefined ? undefined : soundFrame(frame);
      if (sound === undefined) throw error;
      connection.rest = Buffer.concat([sound.frame, connection.rest]);
      return marked(receive(), `headers that cannot be decoded were left out: ${sound.leftOut.join(', ')}`);
    }
  };
}

const isFrameReader = (connection: object): connection is FrameReader =>
  'rest' in connection && 'recvFrame' in connection && typeof connection.recvFrame === 'function';

function headerFrameIn(rest: Buffer): Buffer | undefined {
  if (rest.length < FRAME_START_BYTES || rest[0] !== HEADER_FRAME) return undefined;
  const bytes = FRAME_START_BYTES + rest.readUInt32BE(3) + 1;
  return rest.length < bytes ? undefined : rest.subarray(0, bytes);
}

function marked(frame: unknown, reason: string): unknown {
  const headers = member(member(frame, 'fields'), 'headers');
  if (typeof headers === 'object' && headers !== null) Object.defineProperty(headers, UNREADABLE, { value: reason });
  return frame;
}

const member = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;

/** The frame with what can be decoded of its table, and the names of what cannot; undefined where it holds no table to blame. */
function soundFrame(frame: Buffer): { readonly frame: Buffer; readonly leftOut: readonly string[] } | undefined {
  const payload = frame.subarray(FRAME_START_BYTES, -1);
  const flags = payload.readUInt16BE(FLAGS_AT);
  if ((flags & HAS.headers) === 0) return undefined;
  let at = PROPERTIES_AT;
  for (const flag of [HAS.contentType, HAS.contentEncoding]) if ((flags & flag) !== 0) at += 1 + (payload[at] ?? 0);
  const end = at + 4 + payload.readUInt32BE(at);
  if (end > payload.length) return undefined;
  const { kept, leftOut } = soundEntries(payload.subarray(at + 4, end));
  if (leftOut.length === 0) return undefined;

  const table = Buffer.concat(kept);
  const written = Buffer.concat([payload.subarray(0, at), uint32(table.length), table, payload.subarray(end)]);
  const start = Buffer.concat([frame.subarray(0, 3), uint32(written.length)]);
  return { frame: Buffer.concat([start, written, Buffer.of(FRAME_END)]), leftOut };
}

function soundEntries(table: Buffer): { readonly kept: readonly Buffer[]; readonly leftOut: readonly string[] } {
  const kept: Buffer[] = [];
  const leftOut: string[] = [];
  let at = 0;
  while (at < table.length) {
    const valueAt = at + 1 + (table[at] ?? 0);
    const name = table.toString('utf8', at + 1, valueAt);
    const end = endOfValue(table, valueAt);
    if (end === undefined || end > table.length) {
      // Where it ends nobody knows, nor where the next begins.
      leftOut.push(`"${name}" and all after it`);
      break;
    }
    if (isDecodable(table.subarray(valueAt, end))) kept.push(table.subarray(at, end));
    else leftOut.push(`"${name}"`);
    at = end;
  }
  return { kept, leftOut };
}

/** Where the value whose tag is at `at` ends; undefined where its type is not known. */
function endOfValue(bytes: Buffer, at: number): number | undefined {
  const tag = String.fromCharCode(bytes[at] ?? 0);
  const fixed = FIXED_BYTES[tag];
  if (fixed !== undefined) return at + 1 + fixed;
  return HAS_LENGTH.has(tag) && at + 5 <= bytes.length ? at + 5 + bytes.readUInt32BE(at + 1) : undefined;
}

/** Whether all types in a value are known, and it is nested no deeper than we read. Keeps a stack of its own, of bounded height. */
function isDecodable(value: Buffer): boolean {
  const open: { readonly end: number; readonly isTable: boolean }[] = [{ end: value.length, isTable: false }];
  let at = 0;
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    if (at === level.end) {
      open.pop();
      continue;
    }
    if (level.isTable) at += 1 + (value[at] ?? 0);
    const tag = value[at];
    const end = endOfValue(value, at);
    if (end === undefined || end > level.end || open.length > MAX_HEADER_DEPTH) return false;
    const isTable = tag === TABLE;
    if (isTable || tag === ARRAY) {
      open.push({ end, isTable });
      at += 5;
    } else {
      at = end;
    }
  }
  return true;
}

const TABLE = 'F'.charCodeAt(0);
const ARRAY = 'A'.charCodeAt(0);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A value as TypeScript source that makes it again, laid out in lines. Strings from outside cannot leave their quotes. Pure. */

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const MAX_LINE = 76;

/** @param indent spaces of the line it begins on. */
export function literal(value: unknown, indent = 0): string {
  if (value instanceof Uint8Array) return bytes(value);
  // A key of that name would set the prototype.
  if (hasProto(value)) return `JSON.parse(${quoted(JSON.stringify(value))})`;
  return write(value, indent);
}

function write(value: unknown, indent: number): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null) return 'null';
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value !== 'object') return String(value as boolean);
  const isList = Array.isArray(value);
  const parts = (inner: number): string[] =>
    isList
      ? value.map((item: unknown) => write(item, inner))
      : Object.entries(value).map(
          ([name, item]) => `${IDENTIFIER.test(name) ? name : quoted(name)}: ${write(item, inner)}`,
        );
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const short = parts(indent);
  if (short.length === 0) return `${open}${close}`;
  const line = isList ? `[${short.join(', ')}]` : `{ ${short.join(', ')} }`;
  if (!line.includes('\n') && line.length + indent <= MAX_LINE) return line;
  const space = ' '.repeat(indent + 2);
  return `${open}\n${parts(indent + 2)
    .map((part) => `${space}${part},\n`)
    .join('')}${' '.repeat(indent)}${close}`;
}

/** In single quotes, as the project's formatter has it. */
export function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner.replace(/[\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`)}'`;
}

function bytes(value: Uint8Array): string {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer)
    ? `Buffer.from(${quoted(text)})`
    : `Buffer.from('${buffer.toString('base64')}', 'base64')`;
}

function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasProto);
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto);
}

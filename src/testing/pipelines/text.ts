/** How the kit tells values that stand for calls, results and settlements: as the code that would make them. */
import { decodeBody, encodeBody } from '../../message/codec.ts';
import type { MessageProperties } from '../../message/delivery.ts';
import { textOf } from '../marble-text.ts';

/** `name('a', { … })`: strings in quotes, options left out when they are empty. */
export function callText(name: string, ...args: readonly unknown[]): string {
  return `${name}(${args
    .filter((arg) => !isEmpty(arg))
    .map(textOf)
    .join(', ')})`;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' && value !== null && isPlain(value) && Object.keys(value).length === 0);

const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/** A body as whoever receives it reads it; bytes where it cannot be read, and nothing where there are none, whatever they are called. */
export function readBody(body: Uint8Array, properties: MessageProperties): unknown {
  if (body.byteLength === 0) return undefined;
  const decoded = decodeBody(body, properties, { maxBytes: Number.POSITIVE_INFINITY });
  return decoded.ok ? decoded.value : body;
}

/** A value as whoever receives it reads it: a Date is a text then, what is undefined is gone. */
export function asReceived(value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    const { body, contentType } = encodeBody(value);
    return readBody(body, { contentType });
  } catch {
    // What cannot be sent equals nothing that was.
    return value;
  }
}

/** The members of a table that a list of tables names, in any case where `ignoreCase`. */
export function namedBy(
  table: Readonly<Record<string, unknown>>,
  tables: readonly (Readonly<Record<string, unknown>> | undefined)[],
): Readonly<Record<string, unknown>> {
  const names = new Set(tables.flatMap((one) => Object.keys(one ?? {})));
  return Object.fromEntries(Object.entries(table).filter(([name]) => names.has(name)));
}

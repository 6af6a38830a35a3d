/** Values on their way out as JSON: what JSON would silently turn into something else is refused. */
import { classNameOf, isClassless, withArticle } from './class-of.ts';
import { ignoreRejection, unbegunIn } from './unbegun.ts';

export type JsonWriting =
  | { readonly ok: true; readonly text: string }
  /** `message` names the path, never the value. */
  | { readonly ok: false; readonly message: string };

const refuse = (message: string): JsonWriting => ({ ok: false, message });

export interface JsonWritingOptions {
  /** What becomes of undefined, or nothing, inside an array, for which JSON has `null`. Default: it is refused. */
  readonly gaps?: 'refused' | 'null';
}

/**
 * The JSON text of a value. `toJSON` counts (a Date becomes its ISO text) and members that are undefined are left out, as everywhere in JSON.
 * Refused: no value at all, NaN and Infinity (JSON has `null` for them), BigInt, functions and symbols, circles, bytes below the top, maps, sets, promises and
 * whatever else has a class and no members that JSON sees (an Error, an amount in private fields), invalid dates, undefined or nothing inside an array, what is nested deeper than the stack is high, some thousand levels, and what fails when it is read. Never throws.
 */
export function writeJson(value: unknown, { gaps = 'refused' }: JsonWritingOptions = {}): JsonWriting {
  try {
    return write(value, gaps === 'null' ? WITH_GAPS : PLAIN);
  } catch (error) {
    return refuse(
      isOverflow(error)
        ? 'value is nested too deeply, or too long, to be written as JSON'
        : `value cannot be written as JSON: ${failureIn(error)}`,
    );
  }
}

function write(value: unknown, look: Look): JsonWriting {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const found = isOverflow(error) ? undefined : findUnwritable(value, { ...look, above: new Set() });
    if (found === undefined) throw error;
    return refuse(`value${found}`);
  }
  if (text === undefined) return refuse(`value is ${typeof value}, which JSON has no text for`);
  const found = findUnwritable(value, look);
  return found === undefined ? { ok: true, text } : refuse(`value${found}`);
}

/** Of the stack, or of the longest text there can be, by V8's words: a toJSON may fail with a RangeError of its own. */
const isOverflow = (error: unknown): boolean =>
  error instanceof RangeError && /^(Maximum call stack size exceeded|Invalid string length)/.test(error.message);

const failureIn = (error: unknown): string =>
  (error instanceof TypeError ? error.message.split('\n')[0] : undefined) ?? 'its toJSON or a getter failed';

/** Those of the platform, which make `null` of an invalid date, and an object of bytes: any other says what is meant. */
const ALTERING: ReadonlySet<unknown> = new Set([Date.prototype.toJSON, Buffer.alloc(0).toJSON]);

interface Look {
  readonly allowsGaps: boolean;
  /** Objects around this one, where there may be circles. */
  readonly above: Set<object> | undefined;
}

const PLAIN: Look = { allowsGaps: false, above: undefined };
const WITH_GAPS: Look = { allowsGaps: true, above: undefined };

/**
 * Path below `value` and kind of the first member JSON cannot carry. Each text is walked: that takes a quarter of looking through the text for
 * what such members leave in it.
 */
function findUnwritable(value: unknown, look: Look): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : ` is ${value}`;
  if (typeof value === 'bigint') return ' is a BigInt';
  if (typeof value === 'function' || typeof value === 'symbol') return ` is a ${typeof value}`;
  if (typeof value !== 'object' || value === null) return undefined;
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function' && !ALTERING.has(toJSON)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) {
    if (ArrayBuffer.isView(value)) return ' holds bytes';
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? ' is an invalid Date' : undefined;
    const unbegun = unbegunIn(value);
    if (unbegun !== undefined) {
      ignoreRejection(value);
      return ` is ${unbegun}`;
    }
    // JSON has the value for each of them.
    if (value instanceof Number || value instanceof String || value instanceof Boolean)
      return findUnwritable(value.valueOf(), look);
    if (isHidden(value)) return ` is ${hiddenIn(value)}`;
  }
  const { above } = look;
  if (above?.has(value) === true) return ' leads back to itself';
  above?.add(value);
  const found = Array.isArray(value) ? findInItems(value, look) : findInMembers(value, look);
  above?.delete(value);
  return found;
}

/** Whether JSON has `{}` for it, whatever it holds. */
export const isHidden = (value: object): boolean =>
  Object.keys(value).length === 0 && !Array.isArray(value) && !isClassless(value);

function hiddenIn(value: object): string {
  if (value instanceof Map || value instanceof Set) return `a ${value instanceof Map ? 'Map' : 'Set'}`;
  const name = classNameOf(value);
  if (name === undefined) return 'of a class, without members of its own';
  return `${withArticle(name)} without members of its own`;
}

function findInItems(items: readonly unknown[], look: Look): string | undefined {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    const found = item === undefined && !look.allowsGaps ? ' is undefined' : findUnwritable(item, look);
    if (found !== undefined) return `[${index}]${found}`;
  }
  return undefined;
}

function findInMembers(value: object, look: Look): string | undefined {
  const members = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(members)) {
    const found = findUnwritable(members[key], look);
    if (found !== undefined) return `.${key}${found}`;
  }
  return undefined;
}

/** Values on their way out as JSON: what JSON would silently turn into something else is refused. */

export type JsonWriting =
  | { readonly ok: true; readonly text: string }
  /** `message` names the path, never the value. */
  | { readonly ok: false; readonly message: string };

const refuse = (message: string): JsonWriting => ({ ok: false, message });

/**
 * The JSON text of a value. `toJSON` counts (a Date becomes its ISO text) and members that are undefined are left out, as everywhere in JSON.
 * Refused: no value at all, NaN and Infinity (JSON has `null` for them), BigInt, circles, bytes below the top, maps, sets, invalid dates, undefined inside an array,
 * and what is nested deeper than the stack is high, some thousand levels.
 */
export function writeJson(value: unknown): JsonWriting {
  try {
    return write(value);
  } catch (error) {
    if (error instanceof RangeError) return refuse('value is nested too deeply, or too long, to be written as JSON');
    throw error;
  }
}

function write(value: unknown): JsonWriting {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const found = findUnwritable(value, new Set());
    const failure = error instanceof TypeError ? error.message.split('\n')[0] : 'its toJSON failed';
    return refuse(found === undefined ? `value cannot be written as JSON: ${failure}` : `value${found}`);
  }
  if (text === undefined) return refuse(`value is ${typeof value}, which JSON has no text for`);
  const found = findUnwritable(value);
  return found === undefined ? { ok: true, text } : refuse(`value${found}`);
}

/**
 * Path below `value` and kind of the first member JSON cannot carry. Each text is walked: that takes a quarter of looking through the text for
 * what such members leave in it.
 * @param above Objects around this one, where there may be circles.
 */
function findUnwritable(value: unknown, above?: Set<object>): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : ` is ${value}`;
  if (typeof value === 'bigint') return ' is a BigInt';
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    if (ArrayBuffer.isView(value)) return ' holds bytes';
    if (value instanceof Map || value instanceof Set) return ` is a ${value instanceof Map ? 'Map' : 'Set'}`;
    if (value instanceof Date && Number.isNaN(value.getTime())) return ' is an invalid Date';
  }
  if (above?.has(value) === true) return ' leads back to itself';
  if ('toJSON' in value && typeof value.toJSON === 'function') return undefined;
  above?.add(value);
  const found = Array.isArray(value) ? findInItems(value, above) : findInMembers(value, above);
  above?.delete(value);
  return found;
}

function findInItems(items: readonly unknown[], above: Set<object> | undefined): string | undefined {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    const found = item === undefined ? ' is undefined' : findUnwritable(item, above);
    if (found !== undefined) return `[${index}]${found}`;
  }
  return undefined;
}

function findInMembers(value: object, above: Set<object> | undefined): string | undefined {
  const members = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(members)) {
    const found = findUnwritable(members[key], above);
    if (found !== undefined) return `.${key}${found}`;
  }
  return undefined;
}

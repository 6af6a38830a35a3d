/** Values on their way out as JSON: what JSON would silently turn into something else is refused. */

export type JsonWriting =
  | { readonly ok: true; readonly text: string }
  /** `message` names the path, never the value. */
  | { readonly ok: false; readonly message: string };

const refuse = (message: string): JsonWriting => ({ ok: false, message });

/**
 * The JSON text of a value. `toJSON` counts (a Date becomes its ISO text) and members that are undefined are left out, as everywhere in JSON.
 * Refused: no value at all, NaN and Infinity (JSON has `null` for them), BigInt, circles, bytes below the top, maps, sets, invalid dates, undefined inside an array.
 */
export function writeJson(value: unknown): JsonWriting {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const path = findUnwritable(value);
    return refuse(
      path ??
        `value cannot be written as JSON: ${error instanceof TypeError ? error.message.split('\n')[0] : 'its toJSON failed'}`,
    );
  }
  if (text === undefined) return refuse(`value is ${typeof value}, which JSON has no text for`);
  // Only these traces betray a value that was changed; most texts hold none and are not walked.
  if (TRACES.test(text)) {
    const unwritable = findUnwritable(value);
    if (unwritable !== undefined) return refuse(unwritable);
  }
  return { ok: true, text };
}

/** `null` of NaN, Infinity, invalid dates; a Buffer's own form; `{}` of maps and sets; `{"0":` of other bytes. */
const TRACES = /null|"type":"Buffer"|\{\}|\{"0":/;

/** Path and kind of the first member JSON cannot carry. */
function findUnwritable(root: unknown): string | undefined {
  const above = new Set<object>();
  const visit = (value: unknown, path: string): string | undefined => {
    if (typeof value === 'number' && !Number.isFinite(value)) return `${path} is ${value}`;
    if (typeof value === 'bigint') return `${path} is a BigInt`;
    if (typeof value !== 'object' || value === null) return undefined;
    if (ArrayBuffer.isView(value)) return `${path} holds bytes`;
    if (value instanceof Map || value instanceof Set) return `${path} is a ${value instanceof Map ? 'Map' : 'Set'}`;
    if (value instanceof Date && Number.isNaN(value.getTime())) return `${path} is an invalid Date`;
    if (above.has(value)) return `${path} leads back to itself`;
    if ('toJSON' in value && typeof value.toJSON === 'function') return undefined;
    above.add(value);
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined && Array.isArray(value)) return `${path}[${key}] is undefined`;
      const found = visit(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    above.delete(value);
    return undefined;
  };
  return visit(root, 'value');
}

/** How much there is of a value, as far as that can be looked into. */

export interface ValueSize {
  /** Of its texts and names, and of what may become a text, all together. Infinite: nobody can tell. */
  readonly characters: number;
  /** Members, and members of members. */
  readonly parts: number;
}

const MAX_PARTS = 1_000_000;

/** An instance of some class may hold anything; so may what has more parts than are counted, or does not let itself be looked at. */
const UNKNOWN: ValueSize = { characters: Number.POSITIVE_INFINITY, parts: MAX_PARTS };

/** Throws nothing, whatever a getter or a proxy does. */
export function sizeOf(value: unknown): ValueSize {
  try {
    return countedSizeOf(value);
  } catch {
    return UNKNOWN;
  }
}

function countedSizeOf(value: unknown): ValueSize {
  const waiting: unknown[] = [value];
  let [characters, parts] = [0, 0];
  while (waiting.length > 0) {
    const part = waiting.pop();
    parts++;
    if (typeof part === 'string') characters += part.length;
    else if (typeof part !== 'object' || part === null) characters += String(part).length;
    else if (Array.isArray(part)) {
      if (parts + waiting.length + part.length > MAX_PARTS) return UNKNOWN;
      characters += part.length;
      for (const inner of part) waiting.push(inner);
    } else if (isPlain(part))
      for (const name in part) {
        if (parts + waiting.length > MAX_PARTS) return UNKNOWN;
        characters += name.length;
        waiting.push(part[name]);
      }
    else if (ArrayBuffer.isView(part)) characters += part.byteLength;
    else if (!(part instanceof Date)) return UNKNOWN;
  }
  return { characters, parts };
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

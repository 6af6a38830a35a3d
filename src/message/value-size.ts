/** How much there is of a value, as far as that can be looked into. */

export interface ValueSize {
  /** Of its texts and names, and of what may become a text, all together. Infinite: nobody can tell. */
  readonly characters: number;
  /** Members, and members of members, as far as they are seen. */
  readonly parts: number;
}

const MAX_PARTS = 1_000_000;

/** So may hold an instance of some class, what has more parts than are counted, and what does not let itself be looked at. */
const UNKNOWN = Number.POSITIVE_INFINITY;

/** Throws nothing, whatever a getter or a proxy does. */
export function sizeOf(value: unknown): ValueSize {
  const waiting: unknown[] = [value];
  let [characters, parts] = [0, 0];
  try {
    while (waiting.length > 0) {
      const part = waiting.pop();
      parts++;
      if (typeof part === 'string') characters += part.length;
      else if (typeof part !== 'object' || part === null) characters += String(part).length;
      else if (Array.isArray(part)) {
        if (parts + waiting.length + part.length > MAX_PARTS) return { characters: UNKNOWN, parts: MAX_PARTS };
        characters += part.length;
        for (const inner of part) waiting.push(inner);
      } else if (isPlain(part))
        for (const name in part) {
          if (parts + waiting.length > MAX_PARTS) return { characters: UNKNOWN, parts: MAX_PARTS };
          characters += name.length;
          waiting.push(part[name]);
        }
      else if (ArrayBuffer.isView(part)) characters += part.byteLength;
      else if (!(part instanceof Date)) characters = UNKNOWN;
    }
  } catch {
    characters = UNKNOWN;
  }
  return { characters, parts };
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

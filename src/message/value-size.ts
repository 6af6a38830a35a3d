/** How much there is of a value, as far as that can be looked into. */

export interface ValueSize {
  /** Of its texts and names. */
  readonly characters: number;
  readonly longestText: number;
  /** Members, and members of members. */
  readonly parts: number;
}

const MAX_PARTS = 100_000;

/** An instance of some class may hold anything; so may what has more parts than are counted. */
export function sizeOf(value: unknown): ValueSize {
  const waiting: unknown[] = [value];
  let [characters, longestText, parts] = [0, 0, 0];
  while (waiting.length > 0) {
    const part = waiting.pop();
    if (++parts > MAX_PARTS) return { characters, longestText: Number.POSITIVE_INFINITY, parts };
    if (typeof part === 'string') {
      characters += part.length;
      if (part.length > longestText) longestText = part.length;
    } else if (typeof part !== 'object' || part === null) continue;
    else if (Array.isArray(part)) for (const inner of part) waiting.push(inner);
    else if (isPlain(part))
      for (const name in part) {
        characters += name.length;
        if (name.length > longestText) longestText = name.length;
        waiting.push(part[name]);
      }
    else if (!ArrayBuffer.isView(part) && !(part instanceof Date)) longestText = Number.POSITIVE_INFINITY;
  }
  return { characters, longestText, parts };
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * JSON from outside, read strictly: well-formed UTF-8, bounded depth, no number that would silently become another one.
 * Message bodies and API answers both come through here. Pure; knows no limits of its own but the depth.
 */

export type JsonFault = 'encoding' | 'parse' | 'depth' | 'number';

/** Why a text is no acceptable JSON. The caller turns it into its own error. */
export interface JsonRefusal {
  readonly fault: JsonFault;
  /** Names a position, never the content. */
  readonly message: string;
}

export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusal: JsonRefusal };

/** Nesting allowed by default. Deeper values overflow the stack of whoever serialises or clones them later. */
export const MAX_JSON_DEPTH = 100;

const refuse = (fault: JsonFault, message: string): JsonReading => ({ ok: false, refusal: { fault, message } });

// `ignoreBOM: true` keeps a byte order mark in the text, where it is refused: RFC 8259 forbids it and JSON.parse does too.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of a JSON text in bytes.
 *
 * Refused: malformed UTF-8 or a byte order mark (`encoding`), what JSON.parse refuses (`parse`), nesting over `maxDepth` (`depth`),
 * integers beyond ±(2^53 − 1) and numbers beyond the double range (`number`: they would come out as another number).
 * Of duplicate keys the last one counts, as in JSON.parse. Keys named `__proto__` are dropped.
 */
export function readJson(bytes: Uint8Array, maxDepth: number = MAX_JSON_DEPTH): JsonReading {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return refuse('encoding', 'body is not valid UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff) return refuse('encoding', 'body begins with a byte order mark');

  const refusal = MAY_HOLD_ANOTHER_NUMBER.test(text) || mayBeDeep(text, maxDepth) ? scan(text, maxDepth) : undefined;
  if (refusal !== undefined) return { ok: false, refusal };
  try {
    const value: unknown = MAY_NAME_PROTO.test(text) ? JSON.parse(text, dropProto) : JSON.parse(text);
    return { ok: true, value };
  } catch (error) {
    return refuse('parse', `body is not JSON${positionIn(error)}`);
  }
}

// Escapes can spell the key without its letters, so a text with any escaped ASCII character is looked at key by key.
const MAY_NAME_PROTO = /__proto__|\\u00/;

/**
 * Fifteen digits are always exact, and without an exponent they are in range. Digits of strings count too: then the text is looked at.
 * Written out, because V8 takes ten times as long for a counted repetition: longer than for parsing the text.
 */
const MAY_HOLD_ANOTHER_NUMBER = new RegExp(`\\d${'[\\d.]'.repeat(15)}|\\d[eE]`);

/** Most texts hold fewer brackets in all than may stand inside each other, and those are found faster than every character is looked at. */
function mayBeDeep(text: string, maxDepth: number): boolean {
  let openings = 0;
  for (const bracket of BRACKETS) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      openings++;
      if (openings > maxDepth) return true;
    }
  }
  return false;
}

const BRACKETS = ['{', '['] as const;

function dropProto(this: unknown, key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}

/** Engines quote a piece of the text in their message: only the position is passed on. */
function positionIn(error: unknown): string {
  const position = error instanceof Error ? /position \d+/.exec(error.message)?.[0] : undefined;
  return position === undefined ? ', it ends too early or is malformed' : ` (at ${position})`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** One pass over the text: depth and numbers, outside of strings. Malformed text passes; JSON.parse finds that. */
function scan(text: string, maxDepth: number): JsonRefusal | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfString(text, at);
    } else if (char === 0x7b || char === 0x5b) {
      depth++;
      if (depth > maxDepth)
        return { fault: 'depth', message: `body is nested deeper than ${maxDepth} (at position ${at})` };
    } else if (char === 0x7d || char === 0x5d) {
      depth--;
    } else if (char >= 0x30 && char <= 0x39) {
      const end = endOfNumber(text, at);
      if (end - at > 15 || hasExponent(text, at, end)) {
        const fault = numberFault(text.slice(at, end));
        if (fault !== undefined)
          return { fault: 'number', message: `body holds a number ${fault} (at position ${at})` };
      }
      at = end - 1;
    }
  }
  return undefined;
}

function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

/** Where digits, a fraction and an exponent end. */
function endOfNumber(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const char = text.charCodeAt(at);
    const isPart =
      (char >= 0x30 && char <= 0x39) || char === 0x2e || char === 0x2b || char === 0x2d || (char | 0x20) === 0x65;
    if (!isPart) break;
  }
  return at;
}

function hasExponent(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((text.charCodeAt(at) | 0x20) === 0x65) return true;
  return false;
}

/**
 * Why reading the number loses it, or may: an integer of more than fifteen significant digits beyond ±(2^53 − 1), however it is written, or
 * one beyond the range of a double. A rounded fraction is what doubles are, and 1e300 is what it says. Of those that are refused a double holds
 * some, 2^53 itself; but what it holds there it also makes of their neighbours.
 */
function numberFault(text: string): string | undefined {
  const value = Number(text);
  if (value === Number.POSITIVE_INFINITY) return 'beyond the range of doubles';
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return undefined;
  const significant = text
    .replace(/e.*$/i, '')
    .replace('.', '')
    .replace(/^0+|0+$/g, '');
  return significant.length > 15 ? 'from 2^53 on with more than 15 digits' : undefined;
}

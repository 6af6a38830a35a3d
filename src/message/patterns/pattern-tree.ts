/**
 * A regular expression as a tree, as far as its cost goes: what takes one character, what repeats, what branches. Groups are only brackets here,
 * a back-reference is any text, and what looks at a place without taking it is nothing at all.
 * @see https://tc39.es/ecma262/#sec-patterns
 */
import { OutOfReach } from './out-of-reach.ts';

export type PatternTree =
  /** Takes one character; the source of what says which. */
  | { readonly kind: 'character'; readonly source: string }
  /** `^`, where only the beginning of the text is meant. */
  | { readonly kind: 'beginning' }
  /** `$`, where only the end of the text is meant. */
  | { readonly kind: 'end' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'look'; readonly isAhead: boolean; readonly body: PatternTree }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternTree[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternTree[] }
  | { readonly kind: 'repeat'; readonly body: PatternTree; readonly min: number; readonly max: number };

export type PatternSource = Pick<RegExp, 'source' | 'flags'>;

/** @throws OutOfReach where it holds what is not known here, like flags of a group alone. */
export const readPattern = ({ source, flags }: PatternSource): PatternTree => new PatternReader(source, flags).read();

/** What one escape is, by what follows the backslash; the longest first. Without `u` some of them mean their letters, which are of one character too. */
const ESCAPE =
  /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u\{[\da-fA-F]+\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|[pP]\{[^}]*\}|c[a-zA-Z]|0[0-7]{0,2}|.)/suy;
const UNITS_ESCAPE = /\\(?:u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[a-zA-Z]|0[0-7]{0,2}|.)/sy;
const BACK_REFERENCE = /\\(?:[1-9]\d*|k<[^>]*>)/y;
const REPEAT = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/y;
const GROUP = /\((?:(\?:)|\?(<?)([=!])|(\?<[^>=!][^>]*>)|(?!\?))/y;
const CLASS = /\[(?:\\.|[^\]\\])*\]/sy;

/** With `v`, what takes more than one character at once. */
const OF_STRINGS = /\\q\{|\\p\{(?:Basic_|Emoji_Keycap|RGI_)/;

const NOTHING: PatternTree = { kind: 'nothing' };
const ANY: PatternTree = { kind: 'character', source: '[^]' };
const ANY_TEXT: PatternTree = { kind: 'repeat', body: ANY, min: 0, max: Number.POSITIVE_INFINITY };

class PatternReader {
  readonly #source: string;
  readonly #isUnicode: boolean;
  readonly #hasSets: boolean;
  readonly #isMultiline: boolean;
  readonly #hasNames: boolean;
  #at = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#hasSets = flags.includes('v');
    this.#isUnicode = this.#hasSets || flags.includes('u');
    this.#isMultiline = flags.includes('m');
    this.#hasNames = /\(\?<[^=!]/.test(source);
  }

  read(): PatternTree {
    if (this.#hasSets && OF_STRINGS.test(this.#source)) throw new OutOfReach();
    const tree = this.#choice();
    if (this.#at < this.#source.length) throw new OutOfReach();
    return tree;
  }

  #choice(): PatternTree {
    const options = [this.#sequence()];
    while (this.#source[this.#at] === '|') {
      this.#at++;
      options.push(this.#sequence());
    }
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
  }

  #sequence(): PatternTree {
    const parts: PatternTree[] = [];
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === '|' || next === ')') return { kind: 'sequence', parts };
      parts.push(this.#repeated(this.#term(next)));
    }
  }

  #term(next: string): PatternTree {
    switch (next) {
      case '^':
        this.#at++;
        return this.#isMultiline ? NOTHING : { kind: 'beginning' };
      case '$':
        this.#at++;
        return this.#isMultiline ? NOTHING : { kind: 'end' };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'character', source: this.#class() };
      case '\\':
        return this.#escape();
      default:
        return { kind: 'character', source: this.#literal() };
    }
  }

  #group(): PatternTree {
    const opening = this.#take(GROUP);
    if (opening === undefined) throw new OutOfReach();
    const body = this.#choice();
    if (this.#source[this.#at] !== ')') throw new OutOfReach();
    this.#at++;
    const [, , behind, look] = opening;
    return look === undefined ? body : { kind: 'look', isAhead: behind === '', body };
  }

  #escape(): PatternTree {
    const next = this.#source[this.#at + 1];
    if (next === 'b' || next === 'B') {
      this.#at += 2;
      return NOTHING;
    }
    // A number that no group has means a character, which any text holds as well.
    if ((next !== 'k' || this.#isUnicode || this.#hasNames) && this.#take(BACK_REFERENCE) !== undefined)
      return ANY_TEXT;
    const [source] = this.#take(this.#isUnicode ? ESCAPE : UNITS_ESCAPE) ?? [];
    if (source === undefined) throw new OutOfReach();
    return { kind: 'character', source };
  }

  /** With `v` classes hold classes. */
  #class(): string {
    if (!this.#hasSets) {
      const [source] = this.#take(CLASS) ?? [];
      if (source === undefined) throw new OutOfReach();
      return source;
    }
    const from = this.#at;
    let depth = 0;
    do {
      const next = this.#source[this.#at];
      if (next === undefined) throw new OutOfReach();
      if (next === '[') depth++;
      if (next === ']') depth--;
      this.#at += next === '\\' ? 2 : 1;
    } while (depth > 0);
    return this.#source.slice(from, this.#at);
  }

  #literal(): string {
    const code = this.#isUnicode ? this.#source.codePointAt(this.#at) : this.#source.charCodeAt(this.#at);
    const character = this.#isUnicode ? String.fromCodePoint(code ?? 0) : (this.#source[this.#at] ?? '');
    this.#at += character.length;
    return /[\]{}]/.test(character) ? `\\${character}` : character;
  }

  #repeated(body: PatternTree): PatternTree {
    const [repeat, sign, least, comma, most] = this.#take(REPEAT) ?? [];
    if (repeat === undefined) return body;
    if (sign !== undefined)
      return { kind: 'repeat', body, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Number.POSITIVE_INFINITY };
    const min = Number(least);
    const max = comma === undefined ? min : most === '' ? Number.POSITIVE_INFINITY : Number(most);
    return { kind: 'repeat', body, min, max };
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}

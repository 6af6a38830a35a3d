/** Characters for the values of a diagram, the first letters first, each value its own. */

const fromTo = (first: string, last: string): string[] => {
  const [from = 0, to = 0] = [first.codePointAt(0), last.codePointAt(0)];
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index));
};

const SMALL = [...fromTo('a', 'z'), ...fromTo('α', 'ω'), ...fromTo('а', 'я'), ...fromTo('ā', 'ŷ')];
const LARGE = [...fromTo('A', 'Z'), ...fromTo('Δ', 'Ω'), ...fromTo('А', 'Я'), ...fromTo('a', 'z'), ...fromTo('ā', 'ŷ')];

/** More values than there are characters for. */
export class TooManyValuesError extends Error {
  override readonly name = 'TooManyValuesError';
  readonly code = 'ERR_TOO_MANY_VALUES';

  constructor(count: number) {
    super(`a diagram can name ${count} values, and these are more`);
  }
}

/** The text of each value by its character. */
export class Symbols {
  readonly #characters: readonly string[];
  readonly #byText = new Map<string, string>();

  constructor(letters: 'small' | 'large') {
    this.#characters = letters === 'small' ? SMALL : LARGE;
  }

  /** @throws TooManyValuesError */
  of(text: string): string {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const symbol = this.#characters[this.#byText.size];
    if (symbol === undefined) throw new TooManyValuesError(this.#characters.length);
    this.#byText.set(text, symbol);
    return symbol;
  }

  get entries(): readonly (readonly [symbol: string, text: string])[] {
    return [...this.#byText].map(([text, symbol]) => [symbol, text] as const);
  }
}

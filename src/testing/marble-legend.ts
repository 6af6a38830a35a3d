/** Which character stands for which value: the ones the author chose, and new ones for values nobody expected. */
import { isSame } from './marble-equal.ts';
import { textOf } from './marble-text.ts';

const SPARE = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];

export class Legend {
  readonly #known: [symbol: string, value: unknown][];
  readonly #used = new Set<string>();

  readonly #describe: (value: unknown) => string;

  /** `values` as given to a diagram; without them each character is its own value. */
  constructor(values: unknown, describe: (value: unknown) => string = textOf) {
    this.#describe = describe;
    this.#known = typeof values === 'object' && values !== null ? Object.entries(values) : [];
  }

  symbolOf(value: unknown): string {
    const found = this.#known.find(([, known]) => isSame(value, known));
    const symbol = found?.[0] ?? this.#name(value);
    this.#used.add(symbol);
    return symbol;
  }

  /** One line for each character that was used and does not say itself what it stands for. */
  lines(): string[] {
    return this.#known
      .filter(([symbol, value]) => this.#used.has(symbol) && symbol !== value)
      .map(([symbol, value]) => `${symbol} = ${this.#describe(value)}`);
  }

  #name(value: unknown): string {
    const isFree = (symbol: string): boolean => this.#known.every(([taken]) => taken !== symbol);
    const ownName = typeof value === 'string' && /^[A-Za-z0-9]$/.test(value) && isFree(value) ? value : undefined;
    const symbol = ownName ?? SPARE.find(isFree) ?? '?';
    this.#known.push([symbol, value]);
    return symbol;
  }
}

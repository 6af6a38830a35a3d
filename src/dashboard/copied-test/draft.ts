/** What the parts of a test that is being written have in common: which names of the kit they need, and what whoever copies it should know. */
import { mask, type Opened, type PayloadsShown } from '../redact.ts';

/** A statement of the test's body. */
export interface Row {
  /** What of the kit it needs. */
  readonly kit: readonly string[];
  readonly line: string;
}

export class Draft {
  readonly payloads: PayloadsShown;
  readonly #used = new Set<string>();
  readonly #notes: string[] = [];
  #hasMasked = false;

  constructor(payloads: PayloadsShown) {
    this.payloads = payloads;
  }

  /** Names to be imported. */
  get used(): readonly string[] {
    return [...this.#used];
  }

  get notes(): readonly string[] {
    return this.#hasMasked
      ? ['Values are masked: fill them in, or set SLUICE_DASHBOARD_PAYLOADS=all before you copy.', ...this.#notes]
      : this.#notes;
  }

  /** The name of something to be imported, for a line that needs it. */
  use(name: string): string {
    this.#used.add(name);
    return name;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  /** A value as far as it may be shown. */
  masked({ value: whole }: Extract<Opened, { kind: 'value' }>): unknown {
    const { value, isMasked } = mask(whole, this.payloads);
    if (isMasked) this.noteMask();
    return value;
  }

  /** Something stands in the place of what may not be shown. */
  noteMask(): void {
    this.#hasMasked = true;
  }
}

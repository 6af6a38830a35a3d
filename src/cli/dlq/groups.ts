/** Dead letters told apart by code, stage and kind of message: counts and ages alone, whatever their number. */
import type { Letter } from './letter.ts';

export interface Group {
  readonly code: string;
  readonly stage: string;
  readonly fingerprint: string;
  readonly letters: number;
  /** Last failure of the letter that failed longest ago, and of the latest one. */
  readonly oldestAt: number | undefined;
  readonly newestAt: number | undefined;
  /** The text of the first one seen. */
  readonly message: string;
  /** A letter of the group. */
  readonly id: string;
}

/** Kinds of failure kept apart in one queue; what comes after them counts together. */
const MAX_GROUPS = 1_000;
const OTHERS = { code: '(others)', stage: '-', fingerprint: '-', message: `more than ${MAX_GROUPS} kinds of failure` };

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

export class Groups {
  readonly #groups = new Map<string, Mutable<Group>>();
  #letters = 0;

  get letters(): number {
    return this.#letters;
  }

  add(letter: Letter): void {
    this.#letters++;
    const isKnown = this.#groups.has(letter.fingerprint);
    const { code, stage, fingerprint, message } = isKnown || this.#groups.size < MAX_GROUPS ? letter : OTHERS;
    const at = letter.lastFailedAt;
    const group = this.#groups.get(fingerprint);
    if (group === undefined) {
      const times = { oldestAt: at, newestAt: at };
      this.#groups.set(fingerprint, { code, stage, fingerprint, letters: 1, ...times, message, id: letter.id });
      return;
    }
    group.letters++;
    if (at === undefined) return;
    group.oldestAt = Math.min(group.oldestAt ?? at, at);
    group.newestAt = Math.max(group.newestAt ?? at, at);
  }

  /** The largest first. */
  all(): Group[] {
    return [...this.#groups.values()].sort((one, other) => other.letters - one.letters);
  }
}

/** What came of many rehearsals: counts of outcomes and of their kinds. */
import { fingerprintOf } from './fingerprint.ts';
import type { Rehearsal } from './rehearse.ts';

/** Kinds of outcome kept apart. */
const MAX_KINDS = 200;
const OTHERS = 'others';

interface Kind {
  readonly text: string;
  letters: number;
}

export interface RehearsalCounts {
  readonly letters: number;
  /** To the end, or up to a first call. */
  readonly accepted: number;
  readonly acceptedToTheEnd: number;
  readonly acceptedUpToACall: number;
  readonly refused: number;
  readonly triedAgainLater: number;
  readonly notKnown: number;
  /** The most frequent first. */
  readonly calls: readonly { readonly call: string; readonly letters: number }[];
  readonly failures: readonly { readonly failure: string; readonly letters: number }[];
}

export class RehearsalTally {
  readonly #calls = new Map<string, Kind>();
  readonly #failures = new Map<string, Kind>();
  #done = 0;
  #called = 0;
  #failed = 0;
  #delayed = 0;
  #open = 0;

  get letters(): number {
    return this.#accepted + this.#failed + this.#delayed + this.#open;
  }

  get #accepted(): number {
    return this.#done + this.#called;
  }

  add(rehearsal: Rehearsal): void {
    switch (rehearsal.kind) {
      case 'done':
        this.#done++;
        return;
      case 'open':
        this.#open++;
        return;
      case 'call':
        this.#called++;
        count(this.#calls, rehearsal.call, rehearsal.call);
        return;
      case 'failed': {
        const { code, stage, message, isTransient } = rehearsal;
        if (isTransient) this.#delayed++;
        else this.#failed++;
        count(this.#failures, fingerprintOf(code, stage, message), `${stage} ${code} ${message}`);
      }
    }
  }

  counts(): RehearsalCounts {
    return {
      letters: this.letters,
      accepted: this.#accepted,
      acceptedToTheEnd: this.#done,
      acceptedUpToACall: this.#called,
      refused: this.#failed,
      triedAgainLater: this.#delayed,
      notKnown: this.#open,
      calls: largestFirst(this.#calls).map(({ text, letters }) => ({ call: text, letters })),
      failures: largestFirst(this.#failures).map(({ text, letters }) => ({ failure: text, letters })),
    };
  }
}

function count(kinds: Map<string, Kind>, key: string, text: string): void {
  const kind = kinds.get(key);
  if (kind !== undefined) kind.letters++;
  else if (kinds.size < MAX_KINDS || key === OTHERS) kinds.set(key, { text, letters: 1 });
  else count(kinds, OTHERS, OTHERS);
}

const largestFirst = (kinds: ReadonlyMap<string, Kind>): Kind[] =>
  [...kinds.values()].sort((one, other) => other.letters - one.letters);

/** One row of what a pipeline did, written down as it happens, and how it is held against a diagram. */
import { asyncScheduler } from 'rxjs';
import { type MarbleMessage, notificationDifference } from '../marble-expectation.ts';
import { parseDiagram } from '../marble-parser.ts';

/** Something seen at a moment of virtual time. */
export interface Seen<T> {
  readonly frame: number;
  readonly value: T;
}

export class Row<T> {
  readonly #seen: Seen<T>[] = [];
  #isClosed = false;

  get seen(): readonly Seen<T>[] {
    return this.#seen;
  }

  /** When something was last seen; 0 before that. */
  get lastFrame(): number {
    return this.#seen.at(-1)?.frame ?? 0;
  }

  add(value: T): void {
    if (!this.#isClosed) this.#seen.push({ frame: asyncScheduler.now(), value });
  }

  /** Takes nothing more: what follows is the kit's own doing. */
  close(): void {
    this.#isClosed = true;
  }
}

/** How the things of a row are compared and told. */
export interface RowRules<T> {
  /** The expectation, as the test calls it. */
  readonly subject: string;
  /** `what was published differs from its diagram`. */
  readonly title: string;
  /** Whether it is what an expected value says of it. */
  readonly isMeant: (expected: unknown, actual: T) => boolean;
  /** An expected value or an actual one, as one line. `expected`: all values of the diagram. */
  readonly describe: (value: unknown, expected: readonly unknown[]) => string;
  /** What an expected value and an actual one have in common in name, and differ in: one line each. Default: nothing is said. */
  readonly differences?: (expected: unknown, actual: T) => readonly string[];
}

/** A diagram of what a row shall hold, read at once and compared later. Gives back the text of the difference. */
export function expectRow<T>(
  row: readonly Seen<T>[],
  diagram: string,
  values: Readonly<Record<string, unknown>>,
  { subject, title, isMeant, describe, differences = () => [] }: RowRules<T>,
): () => string | undefined {
  const expected = parseDiagram(subject, diagram, values, undefined, { marks: '', needsValues: true });
  return () => {
    const known = Object.values(values);
    const actual = row.map(({ frame, value }, index): MarbleMessage => {
      const opposite = expected[index]?.notification;
      // The one in the same place first: several values may say the same of it.
      const candidates = opposite?.kind === 'N' ? [opposite.value, ...known] : known;
      const meant = candidates.find((candidate) => isMeant(candidate, value));
      return { frame, notification: { kind: 'N', value: meant ?? value } };
    });
    const speech = { title, describe: (value: unknown) => describe(value, known) };
    const text = notificationDifference(actual, expected, values, speech);
    if (text === undefined) return undefined;
    const more = row.map(({ value }, index) => {
      const opposite = expected[index]?.notification;
      return opposite?.kind === 'N' && !isMeant(opposite.value, value) ? differences(opposite.value, value) : [];
    });
    const [first = []] = more.filter(({ length }) => length > 0);
    return [text, ...first.map((line) => `  there: ${line}`)].join('\n');
  };
}

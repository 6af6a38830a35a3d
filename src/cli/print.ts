/** Output for people: aligned columns, short ages, and nothing from a message that a terminal would obey. Pure. */

/** Controls of the terminal (C0, C1), invisible marks, those of writing direction, and lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** A value from outside as one line. */
export const oneLine = (text: string): string => text.replace(UNPRINTABLE, escaped);

/** A body from outside, its lines kept. */
export const lines = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => (character === '\n' || character === '\t' ? character : escaped(character)));

export const shortened = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

/** `40 letters`, `1 letter`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** How long ago, in the largest unit that fills: `3d`, `12s`; `-` where it is not known. */
export function age(at: number | undefined, now: number): string {
  if (at === undefined) return '-';
  const ms = Math.max(0, now - at);
  const [unit, length] = UNITS.find(([, unitMs]) => ms >= unitMs) ?? ['s', 1_000];
  return `${Math.floor(ms / length)}${unit}`;
}

/** Rows under their headings, each column as wide as its widest cell; the last is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

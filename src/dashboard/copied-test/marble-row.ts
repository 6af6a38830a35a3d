/** Moments as a marble diagram: `a 88ms (bc)`. Pure. */

export interface Mark {
  /** Milliseconds from the beginning of the diagram. */
  readonly at: number;
  readonly symbol: string;
}

/** Undefined where marks stand so close that the syntax has no room for them. Marks in the order of their moments. */
export function diagramOf(marks: readonly Mark[]): string | undefined {
  let text = '';
  let end = 0;
  for (let index = 0; index < marks.length; ) {
    const at = marks[index]?.at ?? 0;
    let group = '';
    for (; marks[index]?.at === at; index++) group += marks[index]?.symbol ?? '';
    const gap = tidy(at - end);
    if (gap < 0) return undefined;
    if (gap > 0) text += gap <= 3 && Number.isInteger(gap) ? '-'.repeat(gap) : ` ${gap}ms `;
    const isGroup = [...group].length > 1;
    text += isGroup ? `(${group})` : group;
    end = at + (isGroup ? [...group].length + 2 : 1);
  }
  return text.trimStart().length === text.length ? text : ` ${text.trimStart()}`;
}

/** Without what binary fractions add. */
export const tidy = (ms: number): number => Math.round(ms * 1_000) / 1_000;

export const SYMBOLS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

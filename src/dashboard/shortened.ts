/** Texts from outside have any length: what is kept and sent of one has not. */
const MAX_LENGTH = 240;

export const shortened = (text: string, max = MAX_LENGTH): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

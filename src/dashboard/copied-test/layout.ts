/** How the lines of a test are laid out: on one line where that holds them, as a formatter would. */

const MAX_LINE = 112;
const SPACE = '      ';

/** A call as a statement of the test's body; over several lines where one does not hold it. */
export function statement(called: string, args: readonly string[]): string {
  const line = `${called}(${args.join(', ')});`;
  if (!line.includes('\n') && line.length + SPACE.length <= MAX_LINE) return line;
  const last = args.at(-1) ?? '';
  const others = args.slice(0, -1).join(', ');
  const isShort = !others.includes('\n') && called.length + others.length + SPACE.length <= MAX_LINE - 6;
  if (last.startsWith('{\n') && isShort) return `${called}(${others}, ${last});`;
  return `${called}(\n${args.map((arg) => `${SPACE}  ${arg.replaceAll('\n', '\n  ')},\n`).join('')}${SPACE});`;
}

/** Members of an object, on a line each where one does not hold them. */
export function members(entries: readonly string[]): string {
  if (entries.length === 0) return '{}';
  const line = `{ ${entries.join(', ')} }`;
  if (!line.includes('\n') && line.length + SPACE.length <= MAX_LINE) return line;
  return `{\n${entries.map((entry) => `${SPACE}  ${entry.replaceAll('\n', '\n  ')},\n`).join('')}${SPACE}}`;
}

/** A comment ends with its line. */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');

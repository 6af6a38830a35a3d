/**
 * Standard output of a worker: lines, and in a terminal one status below them that stays last. Written at once, so that nothing is lost
 * when the process ends, or in one piece with what else is written soon: with a line for each message the system calls of single lines are
 * most of what lines cost.
 */
import { writeSync } from 'node:fs';
import { destination } from 'pino';
import { type Lines, linesByTurns } from './lines-by-turns.ts';

export interface Terminal extends Lines {
  readonly isInteractive: boolean;
  /** Shows this below all lines, cut to the width of the terminal. Does nothing where there is no terminal. */
  status(text: string): void;
}

const STDOUT = 1;
const ERASE = '\r\u001b[2K';

export function createTerminal(): Terminal {
  const stream = process.stdout;
  // Waits for a slow reader, where writeSync would fail.
  const out = destination({ dest: STDOUT, sync: true });
  let status = '';
  if (!stream.isTTY) return { isInteractive: false, ...linesByTurns((text) => void out.write(text)), status: () => {} };
  return {
    isInteractive: true,
    ...linesByTurns((text) => void out.write(status === '' ? text : `${ERASE}${text}${status}`)),
    status: (text) => {
      status = [...text].slice(0, Math.max(1, stream.columns - 1)).join('');
      writeSync(STDOUT, `${ERASE}${status}`);
    },
  };
}

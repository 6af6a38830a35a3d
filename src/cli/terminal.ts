/**
 * Standard output of a worker: lines, and in a terminal one status below them that stays last. Written at once, so that nothing is lost
 * when the process ends.
 */
import { writeSync } from 'node:fs';
import { destination } from 'pino';

export interface Terminal {
  readonly isInteractive: boolean;
  /** Writes lines, each with its end; the status is below them again afterwards. */
  write(text: string): void;
  /** Shows this below all lines, cut to the width of the terminal. Does nothing where there is no terminal. */
  status(text: string): void;
}

const STDOUT = 1;
const ERASE = '\r\u001b[2K';

export function createTerminal(): Terminal {
  const stream = process.stdout;
  // Waits for a slow reader, where writeSync would fail.
  const lines = destination({ dest: STDOUT, sync: true });
  let status = '';
  if (!stream.isTTY) return { isInteractive: false, write: (text) => void lines.write(text), status: () => {} };
  return {
    isInteractive: true,
    write: (text) => {
      lines.write(status === '' ? text : `${ERASE}${text}${status}`);
    },
    status: (text) => {
      status = [...text].slice(0, Math.max(1, stream.columns - 1)).join('');
      writeSync(STDOUT, `${ERASE}${status}`);
    },
  };
}

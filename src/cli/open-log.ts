/** Where a worker writes its lines: JSON, or text for people where somebody looks. */
import pc from 'picocolors';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../observability/logger.ts';
import { prettyLine } from '../observability/pretty-lines.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface OpenedLog {
  readonly log: Logger;
  readonly terminal: Terminal;
  /** Whether lines are for people. */
  readonly isPretty: boolean;
}

/** pino's number of its level `info`: what is told below it may come with every message. */
const INFO = 30;

/** Asks pino for the level of each line it is about to write. */
const WITH_LEVEL = Symbol.for('pino.metadata');

export function openLog({ logLevel: level, logFormat }: Config): OpenedLog {
  const terminal = createTerminal();
  const isPretty = logFormat === 'pretty' || (logFormat === undefined && terminal.isInteractive);
  const stream = {
    [WITH_LEVEL]: true,
    lastLevel: INFO,
    write(line: string): void {
      const text = isPretty ? prettyLine(line, pc) : line;
      if (this.lastLevel < INFO) terminal.writeSoon(text);
      else terminal.write(text);
    },
  };
  return { log: createLogger({ level, stream }), terminal, isPretty };
}

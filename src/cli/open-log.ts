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

export function openLog({ logLevel: level, logFormat }: Config): OpenedLog {
  const terminal = createTerminal();
  const isPretty = logFormat === 'pretty' || (logFormat === undefined && terminal.isInteractive);
  const write = isPretty ? (line: string) => terminal.write(prettyLine(line, pc)) : terminal.write;
  return { log: createLogger({ level, stream: { write } }), terminal, isPretty };
}

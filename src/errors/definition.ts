/**
 * Definitions and configuration: found before the first message, all mistakes at once.
 * A worker does not start with them; exit code 2, and never in a dead letter.
 */
import { SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

/** One mistake in a definition or in the configuration. */
export interface Problem {
  /** What is wrong where: `pipeline "orders"`, `api "payment"`, `environment`. */
  readonly subject: string;
  /** Path inside the subject, `retry.maxAttempts`; empty for the subject as a whole. */
  readonly path: string;
  /** What was found and what is allowed. */
  readonly message: string;
}

export function describeProblem({ subject, path, message }: Problem): string {
  const named = shown(subject);
  return path === '' ? `${named}: ${message}` : `${named}: ${path}: ${message}`;
}

/** In characters, what kind of thing it is and a name of 255: longer names are wrong for their length. */
const LONGEST_SUBJECT = 280;
const SHOWN = 80;

/** Of one that is longer than any name may be, its beginning, as of values. */
function shown(subject: string): string {
  if (subject.length <= LONGEST_SUBJECT) return subject;
  return `${subject.slice(0, SHOWN)}... ${subject.length - SHOWN} more characters`;
}

/**
 * A pipeline, API, queue or saga is defined wrongly. All its mistakes at once, in `problems`.
 * @remedy `sluice check` prints every mistake with its path and what is allowed. Mend them all, start again.
 */
export class DefinitionError extends SluiceError {
  readonly code = 'ERR_DEFINITION_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: SluiceErrorOptions) {
    super(problems.map(describeProblem).join('\n'), options);
    this.problems = problems;
  }
}

/**
 * The environment lacks a value or holds a wrong one. All mistakes at once, in `problems`.
 * @remedy Set what is named, or `NAME_FILE` to a file that holds it; docs/configuration.md lists every variable.
 */
export class ConfigError extends SluiceError {
  readonly code = 'ERR_CONFIG_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: SluiceErrorOptions) {
    super(problems.map(describeProblem).join('\n'), options);
    this.problems = problems;
  }
}

/** Mistakes of configuration as values, and as people read them: one line each, then how many there are. */
import pc from 'picocolors';
import { ConfigError, describeProblem, type Problem } from '../errors.ts';

export function printProblems(problems: readonly Problem[], consequence = 'Nothing was started.'): void {
  for (const problem of problems) console.error(`${pc.red('✗')} ${describeProblem(problem)}`);
  console.error(`\n${problems.length === 1 ? '1 problem' : `${problems.length} problems`}. ${consequence}`);
}

export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The value, or what a ConfigError says is wrong. Other errors pass. */
export function attempt<T>(make: () => T): Attempt<T> {
  try {
    return { ok: true, value: make() };
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, problems: error.problems };
    throw error;
  }
}

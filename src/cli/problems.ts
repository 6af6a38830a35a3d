/** Mistakes as people read them: one line each, then how many there are. */
import pc from 'picocolors';
import { describeProblem, type Problem } from '../errors.ts';

export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) console.error(`${pc.red('✗')} ${describeProblem(problem)}`);
  console.error(`\n${problems.length === 1 ? '1 problem' : `${problems.length} problems`}. Nothing was started.`);
}

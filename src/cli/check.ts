/** `sluice check`: loads every pipeline, reads every setting, prints every mistake. Connects to nothing. */
import pc from 'picocolors';
import { ConfigError, type Problem } from '../errors.ts';
import { createFacts } from '../events.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { createApiRegistry } from '../worker/api-registry.ts';
import { loadPipelines } from '../worker/load-pipelines.ts';
import { readConfig } from '../config.ts';
import { EXIT } from './exit-code.ts';
import { printProblems } from './problems.ts';

export async function check(folder: string): Promise<number> {
  const { pipelines, problems } = await loadPipelines(folder);
  const all = [...problems, ...problemsFrom(() => readConfig()), ...(problems.length === 0 ? settingProblems(pipelines) : [])];
  if (all.length > 0) {
    printProblems(all);
    return EXIT.misconfigured;
  }
  for (const { name, source, apis } of pipelines) {
    console.log(`${pc.green('✓')} ${name}: queue ${source.name}${Object.keys(apis).length === 0 ? '' : ` → ${Object.keys(apis).join(', ')}`}`);
  }
  return EXIT.ok;
}

/** Settings are read by whoever makes the clients. */
const settingProblems = (pipelines: readonly Pipeline[]): readonly Problem[] =>
  problemsFrom(() => createApiRegistry(pipelines, { facts: createFacts(), random: Math.random }));

function problemsFrom(attempt: () => unknown): readonly Problem[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

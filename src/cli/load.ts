/** Pipelines as a command needs them: loaded, and every setting of their APIs and sources looked at, before anything is started. */

import type { Problem } from '../errors.ts';
import { createFacts } from '../events.ts';
import { createApiRegistry } from '../worker/api-registry.ts';
import { entranceProblems } from '../worker/entrances.ts';
import { feederProblems } from '../worker/feeder-problems.ts';
import { type LoadedPipelines, loadPipelines } from '../worker/load-pipelines.ts';
import { attempt } from './problems.ts';

/** Every mistake at once: of modules, of definitions, of the environment. */
export async function loadChecked(folder: string): Promise<LoadedPipelines> {
  const { pipelines, problems, ...loaded } = await loadPipelines(folder);
  // Settings are read by whoever makes the clients; these are made for that alone and connect to nothing.
  const registry = attempt(() => createApiRegistry(pipelines, { facts: createFacts(), random: Math.random }));
  const settings: readonly Problem[] = registry.ok ? [] : registry.problems;
  const all = [...problems, ...settings, ...feederProblems(pipelines), ...entranceProblems(pipelines)];
  return { ...loaded, pipelines, problems: all };
}

/** Pipelines as a command needs them: loaded, and every setting of their APIs and sources looked at, before anything is started. */
import { readConfig } from '../config.ts';
import { apiProblems } from '../worker/api-registry.ts';
import type { BuiltFolder } from '../worker/build-folder.ts';
import { entranceProblems } from '../worker/entrances.ts';
import { feederProblems } from '../worker/feeder-problems.ts';
import { type LoadedPipelines, loadPipelines, withoutRepeats } from '../worker/load-pipelines.ts';
import { attempt } from './problems.ts';

/** Every mistake at once: of modules, of definitions, of the environment. */
export async function loadChecked(folder: string, building?: Promise<BuiltFolder>): Promise<LoadedPipelines> {
  // What is wrong with the settings is told by whoever needs them.
  const config = attempt(readConfig);
  const topology = config.ok ? config.value.topology : 'assert';
  const { pipelines, problems, ...loaded } = await loadPipelines(folder, building, topology);
  const all = [...problems, ...apiProblems(pipelines), ...feederProblems(pipelines), ...entranceProblems(pipelines)];
  return { ...loaded, pipelines, problems: withoutRepeats(all) };
}

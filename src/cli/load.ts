/** Pipelines as a command needs them: loaded, and every setting of their APIs and sources looked at, before anything is started. */
import type { TopologyMode } from '../broker/topology.ts';
import { type Config, readConfig, readTopology } from '../config.ts';
import type { Problem } from '../errors.ts';
import { apiProblems } from '../worker/api-registry.ts';
import type { BuiltFolder } from '../worker/build-folder.ts';
import { declarationClashes, type FoundPipelines } from '../worker/clashes.ts';
import { entranceProblems } from '../worker/entrances.ts';
import { feederProblems } from '../worker/feeder-problems.ts';
import { type LoadedPipelines, loadPipelines, withoutRepeats } from '../worker/load-pipelines.ts';
import { type Attempt, attempt } from './problems.ts';

export interface CheckedPipelines extends LoadedPipelines {
  /** The worker's own settings, or what is wrong with them: that is told by whoever needs them, and not among `problems`. */
  readonly config: Attempt<Config>;
}

export interface CheckOptions {
  /** The folder, where somebody has begun to build it. */
  readonly building?: Promise<BuiltFolder> | undefined;
  /** The settings of a worker that goes by them already. Default: read when the modules are loaded, which may put something into the environment. */
  readonly config?: Config;
  /** Whether the command declares what its pipelines need, or looks for it. Default: true. */
  readonly needsTopology?: boolean;
}

/** Every mistake at once: of modules, of definitions, of the environment that APIs and sources read. */
export async function loadChecked(folder: string, options: CheckOptions = {}): Promise<CheckedPipelines> {
  const loaded = await loadPipelines(folder, options.building);
  const { pipelines, problems, origins } = loaded;
  const config: Attempt<Config> =
    options.config === undefined ? attempt(readConfig) : { ok: true, value: options.config };
  const { needsTopology = true } = options;
  const all = [
    ...problems,
    ...(needsTopology ? clashesUnder(origins, config.ok ? config.value.topology : readTopology()) : []),
    ...apiProblems(pipelines),
    ...feederProblems(pipelines),
    ...entranceProblems(pipelines),
  ];
  return { ...loaded, config, problems: withoutRepeats(all) };
}

/**
 * For a command that runs none of them: what their worker would find wrong with the modules. Of the settings only that of topology is looked at, or none
 * with `topology`, for a command that declares itself: what runs under a worker that only looks can be looked at by people, too.
 */
export async function loadDefined(folder: string, topology?: TopologyMode): Promise<LoadedPipelines> {
  const loaded = await loadPipelines(folder);
  return { ...loaded, problems: [...loaded.problems, ...clashesUnder(loaded.origins, topology ?? readTopology())] };
}

/** Where nobody can tell what the worker does, those pipelines clash that declare whatever it does. */
const clashesUnder = (found: FoundPipelines, topology: TopologyMode | undefined): readonly Problem[] =>
  declarationClashes(found, topology ?? 'check');

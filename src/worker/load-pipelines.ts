/**
 * Loads the pipeline modules of a folder: bundles them, imports them, and gathers what they export, with every mistake of every module.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { collectProblems } from '../definition.ts';
import { DefinitionError, describeProblem, type Problem } from '../errors.ts';
import { loadAxiosFor } from '../http/axios-on-demand.ts';
import { isPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import { type BuiltFolder, buildFolder } from './build-folder.ts';
import type { Bundle } from './bundle-modules.ts';
import { clashes } from './clashes.ts';
import { placeOfFailure, reasonOfFailure } from './module-failure.ts';

/** Where a pipeline comes from. */
export interface PipelineOrigin {
  /** Absolute. */
  readonly file: string;
  /** The same from the folder, as mistakes name it. */
  readonly module: string;
  /** `default`, or its name. */
  readonly exportedAs: string;
}

export interface LoadedPipelines {
  readonly pipelines: readonly Pipeline[];
  readonly origins: ReadonlyMap<Pipeline, PipelineOrigin>;
  /** Every mistake of every module, but for `declarationClashes`, which are up to a setting; with any, nothing may run. */
  readonly problems: readonly Problem[];
  /** Removes what was built for them; call it when they run no more: until then a handle may `import()` a module. */
  dispose(): Promise<void>;
}

/**
 * Imports every module of `folder` (not of folders in it) and gathers the pipelines they export. Modules that export none are
 * there to be imported by others. Never rejects because of a module: its failure is a problem.
 * `building`: the folder, where somebody has begun to build it.
 */
export async function loadPipelines(
  folder: string,
  building: Promise<BuiltFolder> = buildFolder(folder),
): Promise<LoadedPipelines> {
  const { root, outputs, ...built } = await building;
  const origins = new Map<Pipeline, PipelineOrigin>();
  const failures = new Map<unknown, readonly Problem[]>();
  const reported = await collectProblems(async () => {
    await linkTogether(outputs);
    for (const { entry, output } of outputs) {
      const file = relative(root, entry);
      const module = await importModule(output, (error) => {
        // A shared module that fails, fails every module that imports it, with the same error: it is told once.
        if (!failures.has(error)) failures.set(error, problemsOfModule(root, file, error, dirname(output)));
      });
      for (const [exportedAs, exported] of Object.entries(module)) {
        if (!isPipeline(exported) || origins.has(exported)) continue;
        origins.set(exported, { file: entry, module: file, exportedAs });
      }
    }
  });
  const pipelines = [...origins.keys()];
  // Before clients are made of their APIs.
  await loadAxiosFor(pipelines.flatMap(({ apis }) => Object.values(apis)));
  const problems = [...built.problems, ...[...failures.values()].flat(), ...reported, ...clashes(origins)];
  if (pipelines.length === 0 && problems.length === 0)
    problems.push({
      subject: `folder ${folder}`,
      path: '',
      message: `no module (.ts, .mts, .js, .mjs) exports a pipeline made by definePipeline()${await elsewhere(root, folder)}`,
    });
  return { pipelines, origins, problems: withoutRepeats(problems), dispose: built.dispose };
}

/** Folders beside the modules are not looked into: whoever put his pipelines there is told, with the path to pass. */
async function elsewhere(root: string, folder: string): Promise<string> {
  const entries = await readdir(root, { withFileTypes: true });
  const folders = entries.filter(
    (entry) => entry.isDirectory() && /^[^._]/.test(entry.name) && entry.name !== 'node_modules',
  );
  const names = folders.map(({ name }) => join(folder, name)).sort();
  if (names.length === 0) return '';
  const more = names.length > MAX_NAMED ? ', …' : '';
  return `; folders in it are not looked into, pass one of them: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}

const MAX_NAMED = 5;

/** A module that is run before any other that is imported with it. */
const THROWS = 'data:text/javascript,throw 0';

/**
 * Has them found, read and linked together, which takes half of what it takes one by one, and runs none: the first that would be run throws. So each
 * is run when the one before it has ended, whatever it awaits. What cannot be linked fails again, for whoever imports it by itself, and is told then.
 */
async function linkTogether(outputs: Bundle['outputs']): Promise<void> {
  const modules = [THROWS, ...outputs.map(({ output }) => pathToFileURL(output).href)];
  const source = modules.map((module) => `import ${JSON.stringify(module)};`).join('');
  await import(`data:text/javascript,${encodeURIComponent(source)}`).catch(() => {});
}

async function importModule(output: string, onFailure: (error: unknown) => void): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(output).href)) as Record<string, unknown>;
  } catch (error) {
    onFailure(error);
    return {};
  }
}

const problemsOfModule = (root: string, file: string, error: unknown, builtIn: string): readonly Problem[] => {
  if (error instanceof DefinitionError) return error.problems;
  const place = placeOfFailure(error, builtIn, root);
  return [
    {
      subject: `module ${place === undefined ? file : relative(root, place.file)}`,
      path: place === undefined ? '' : `${place.line}:${place.column}`,
      message: reasonOfFailure(error),
    },
  ];
};

/** A module is built once for all that import it and once for each alone, a setting is read by whoever needs it: a mistake is told once. */
export const withoutRepeats = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [describeProblem(problem), problem])).values(),
];

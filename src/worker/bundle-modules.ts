/**
 * TypeScript modules of a user's project become modules Node can import, the same way on every Node: esbuild bundles the user's files alone.
 * Packages stay where they are, and `sluice` is the copy that runs the worker: definitions of a second copy would be strangers to it.
 */

import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { BuildFailure, BuildOptions, Message, Plugin } from 'esbuild';
import type { Problem } from '../errors.ts';
import { packageEntry } from '../package.ts';
import { openModuleFolder } from './module-folder.ts';

export interface Bundle {
  /** What to import for each entry that could be built. */
  readonly outputs: readonly { readonly entry: string; readonly output: string }[];
  readonly problems: readonly Problem[];
  /** Removes the built files. What is imported stays loaded, but an `import()` that has not run yet finds nothing any more. */
  dispose(): Promise<void>;
}

// Not by `import`, for which Node reads through all of a CommonJS module for what it may export: five times as long as the rest of loading this one.
const load = createRequire(import.meta.url);

interface Entry {
  readonly entry: string;
  /** Of the built file, without its extension. */
  readonly name: string;
}

/**
 * Builds `entries` together, so that a module they share is one module. Where that fails, the entries that build by themselves are
 * built together, and the mistakes of all others are told. Never rejects because of a module.
 */
export async function bundleModules(root: string, entries: readonly string[]): Promise<Bundle> {
  const { path: folder, dispose } = await openModuleFolder(nearestModules(root) ?? join(root, 'node_modules'));
  const all = entries.map((entry, index) => ({ entry, name: `${index}-${basename(entry, extname(entry))}` }));
  const { built, mistakes } = await buildSound(all, folder);
  return {
    outputs: built.map(({ entry, name }) => ({ entry, output: join(folder, `${name}.mjs`) })),
    problems: mistakes.map((mistake) => toProblem(root, mistake)),
    dispose,
  };
}

interface Built {
  readonly built: readonly Entry[];
  readonly mistakes: readonly Message[];
}

async function buildSound(all: readonly Entry[], folder: string): Promise<Built> {
  const together = await mistakesOf(all, folder);
  if (together.length === 0) return { built: all, mistakes: [] };
  const alone = await Promise.all(
    all.map(async (entry) => ({ entry, mistakes: await mistakesOf([entry], folder, { write: false }) })),
  );
  const sound = alone.filter(({ mistakes }) => mistakes.length === 0).map(({ entry }) => entry);
  // Names that do not fit are looked for only where every file parses: alone, an entry may tell more than together.
  const mistakes = [...together, ...alone.flatMap((one) => one.mistakes)];
  const again = sound.length === 0 ? [] : await mistakesOf(sound, folder);
  return { built: again.length === 0 ? sound : [], mistakes: [...mistakes, ...again] };
}

/** Builds entries into `folder`; gives what is wrong with them. */
async function mistakesOf(
  entries: readonly Entry[],
  folder: string,
  options: BuildOptions = {},
): Promise<readonly Message[]> {
  const { build } = load('esbuild') as typeof import('esbuild');
  try {
    await build({
      entryPoints: entries.map(({ entry, name }) => ({ in: entry, out: name })),
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      plugins: [thisSluice],
      sourcemap: 'inline',
      logLevel: 'silent',
      logLimit: 0,
      ...options,
    });
    return [];
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return error.errors;
  }
}

/** Where packages resolve from as they do from the user's files. Its real path: Node names modules by theirs, and maps of sources go from there. */
function nearestModules(folder: string): string | undefined {
  const candidate = join(folder, 'node_modules');
  if (existsSync(candidate)) return realpathSync(candidate);
  const above = dirname(folder);
  return above === folder ? undefined : nearestModules(above);
}

/** Points `sluice` and `sluice/…` at the files of this very copy: `.js` when built, `.ts` when run from source. */
const thisSluice: Plugin = {
  name: 'this-sluice',
  setup(build) {
    build.onResolve({ filter: /^sluice(\/|$)/ }, ({ path }) => {
      const file = packageEntry(join(path.slice('sluice/'.length), 'index'));
      return existsSync(file)
        ? { path: file, external: true }
        : { errors: [{ text: `"${path}" is not an export of sluice` }] };
    });
  },
};

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors);

function toProblem(root: string, { text, location }: Message): Problem {
  if (location === null) return { subject: 'modules', path: '', message: text };
  return {
    subject: `module ${relative(root, location.file)}`,
    path: `${location.line}:${location.column + 1}`,
    message: text,
  };
}

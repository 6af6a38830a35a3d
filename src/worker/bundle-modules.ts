/**
 * TypeScript modules of a user's project become modules Node can import, the same way on every Node: esbuild bundles the user's files alone.
 * Packages stay where they are, and `sluice` is the copy that runs the worker: definitions of a second copy would be strangers to it.
 */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure, Message, Plugin } from 'esbuild';
import type { Problem } from '../errors.ts';

export interface Bundle {
  /** What to import for each entry that could be built. */
  readonly outputs: readonly { readonly entry: string; readonly output: string }[];
  readonly problems: readonly Problem[];
  /** Removes the built files; modules imported before stay loaded. */
  dispose(): Promise<void>;
}

/** Builds `entries` together, so that a module they share is one module. Never rejects because of a module. */
export async function bundleModules(root: string, entries: readonly string[]): Promise<Bundle> {
  const { build } = await import('esbuild');
  const folder = await outputFolder(root);
  const dispose = () => rm(folder, { recursive: true, force: true });
  const named = entries.map((entry, index) => ({ entry, name: `${index}-${basename(entry, extname(entry))}` }));
  try {
    await build({
      entryPoints: named.map(({ entry, name }) => ({ in: entry, out: name })),
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
    });
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return { outputs: [], problems: error.errors.map((message) => toProblem(root, message)), dispose };
  }
  return {
    outputs: named.map(({ entry, name }) => ({ entry, output: join(folder, `${name}.mjs`) })),
    problems: [],
    dispose,
  };
}

/** A fresh folder below the nearest `node_modules`, from where packages resolve as they do from the user's files. */
async function outputFolder(root: string): Promise<string> {
  const parent = join(nearestModules(root) ?? join(root, 'node_modules'), '.cache', 'sluice');
  await mkdir(parent, { recursive: true });
  return mkdtemp(join(parent, 'modules-'));
}

function nearestModules(folder: string): string | undefined {
  const candidate = join(folder, 'node_modules');
  if (existsSync(candidate)) return candidate;
  const above = dirname(folder);
  return above === folder ? undefined : nearestModules(above);
}

const extension = extname(import.meta.url);

/** Points `sluice` and `sluice/…` at the files of this very copy: `.js` when built, `.ts` when run from source. */
const thisSluice: Plugin = {
  name: 'this-sluice',
  setup(build) {
    build.onResolve({ filter: /^sluice(\/|$)/ }, ({ path }) => {
      const inside = path.slice('sluice/'.length);
      const file = join(dirname(dirname(fileURLToPath(import.meta.url))), inside, `index${extension}`);
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

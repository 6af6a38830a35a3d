/**
 * The modules of a folder, built and ready to be imported. It loads little, so that a command can begin with it: esbuild works in a process
 * of its own while the rest of the command is loaded.
 */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Problem } from '../errors.ts';
import { type Bundle, bundleModules } from './bundle-modules.ts';

export interface BuiltFolder extends Bundle {
  /** Absolute. */
  readonly root: string;
}

const MODULE = /^[^._].*\.(ts|mts|js|mjs)$/;
const NOT_A_MODULE = /\.(d|spec|test)\.[mc]?ts$/;

/** Builds every module of `folder`, not of folders in it. Never rejects because of a module: its failure is a problem. */
export async function buildFolder(folder: string): Promise<BuiltFolder> {
  const root = resolve(folder);
  const unusable = await folderProblems(folder);
  if (unusable.length > 0) return { root, outputs: [], problems: unusable, dispose: async () => {} };
  const entries = (await readdir(root))
    .filter((file) => MODULE.test(file) && !NOT_A_MODULE.test(file))
    .sort()
    .map((file) => join(root, file));
  return { root, ...(await bundleModules(root, entries)) };
}

/** Begins to build, for somebody who asks for it later: that it failed is told then. */
export function beginBuilding(folder: string): Promise<BuiltFolder> {
  const building = buildFolder(folder);
  building.catch(() => {});
  return building;
}

/** What keeps a folder from being loaded at all; none where it can be. */
export async function folderProblems(folder: string): Promise<readonly Problem[]> {
  const found = await stat(resolve(folder)).catch(() => undefined);
  if (found?.isDirectory()) return [];
  const message = `${found === undefined ? 'does not exist' : 'is no folder'}; pass the folder that holds your pipelines`;
  return [{ subject: `folder ${folder}`, path: '', message }];
}

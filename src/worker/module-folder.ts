/**
 * The folder of built modules: below `node_modules`, there as long as its worker may still import from it. It goes when it is disposed of
 * or with its process; what a killed process leaves is removed by a later one.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

export interface ModuleFolder {
  readonly path: string;
  /** Removes it; idempotent. */
  dispose(): Promise<void>;
}

const PREFIX = 'modules-';
/** Process ids say nothing across containers that share a volume: a living process shows itself by the time of its folder. */
const TOUCH_EVERY_MS = 60 * 60 * 1_000;
const LEFT_AFTER_MS = 24 * TOUCH_EVERY_MS;

export async function openModuleFolder(modules: string): Promise<ModuleFolder> {
  const parent = join(modules, '.cache', 'sluice');
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const path = await mkdtemp(join(parent, PREFIX));

  const touch = setInterval(() => {
    const now = Date.now() / 1_000;
    // Gone or not ours any more: then there is nothing to keep alive.
    utimes(path, now, now).catch(() => {});
  }, TOUCH_EVERY_MS).unref();
  const onExit = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', onExit);

  return {
    path,
    dispose: async () => {
      clearInterval(touch);
      process.off('exit', onExit);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** What cannot be removed stays: it is in nobody's way. */
async function removeLeftovers(parent: string): Promise<void> {
  const before = Date.now() - LEFT_AFTER_MS;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(parent, name);
    const touched = await stat(path).catch(() => undefined);
    if (touched !== undefined && touched.mtimeMs < before)
      await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** A spec that was written, run as its author would. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What mocha says of it. `modules`: what it imports, by file name. */
export function runSpec(spec: string, modules: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(import.meta.dirname, 'written-'));
  try {
    for (const [name, text] of Object.entries({ ...modules, 'a.spec.ts': spec }))
      writeFileSync(join(folder, name), text);
    const mocha = join(import.meta.dirname, '../../../node_modules/mocha/bin/mocha.js');
    const node = ['--import', 'tsx', '--conditions=sluice-source', mocha, '--no-config', join(folder, 'a.spec.ts')];
    const { stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8', timeout: 100_000 });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Authors have the compiler they have: what the specs beside this one say of types, and all they import, holds for TypeScript 6 as for ours, 7. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../..', import.meta.url));

const tsc6 = (...args: readonly string[]): string =>
  spawnSync(join(root, 'node_modules/.bin/tsc6'), args, { encoding: 'utf8' }).stdout;

describe('types', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-types-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are the same to TypeScript 6', () => {
    const config = join(folder, 'tsconfig.json');
    const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')] };
    const include = [join(root, 'test/types')];
    writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include }));
    expect(tsc6('--version')).to.match(/^Version 6\./);
    expect(tsc6('-p', config, '--pretty', 'false')).to.equal('');
  });
});

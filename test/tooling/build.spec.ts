/** What the build leaves in dist: its own, and nothing of one before it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the build', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-build-'));
    for (const name of ['src', 'scripts', 'node_modules', 'package.json'])
      await symlink(join(ROOT, name), join(folder, name));
  });
  after(() => rm(folder, { recursive: true }));

  it('removes what an earlier one left, and leaves the types and the page, which others make', async function building() {
    this.timeout(120_000);
    const stale = ['gone.js', 'gone.js.map', 'gone.d.ts', 'chunks/gone-AAAAAAAA.js', 'cli/gone.js', 'config.js'];
    const wanted = ['index.d.ts', 'cli/main.d.ts', 'dashboard/page/dashboard.js', '.tsbuildinfo'];
    for (const file of [...stale, ...wanted]) {
      await mkdir(dirname(join(folder, 'dist', file)), { recursive: true });
      await writeFile(join(folder, 'dist', file), '');
    }
    await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: folder });
    const isThere = (file: string): boolean => existsSync(join(folder, 'dist', file));
    expect(stale.filter(isThere)).to.deep.equal([]);
    expect(wanted.filter((file) => !isThere(file))).to.deep.equal([]);
    expect(['index.js', 'operators/index.js', 'cli/main.js'].filter((file) => !isThere(file))).to.deep.equal([]);
  });

  it('builds all types anew where those of a module are missing, and else what has changed alone', async () => {
    const modules = (await readdir(join(ROOT, 'src'), { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !file.startsWith(join('dashboard', 'page')),
    );
    const typesOf = (file: string): string => join(folder, 'dist', file.replace(/\.ts$/, '.d.ts'));
    for (const file of modules) {
      await mkdir(dirname(typesOf(file)), { recursive: true });
      await writeFile(typesOf(file), '');
    }
    const known = join(folder, 'dist/.tsbuildinfo');
    await writeFile(known, '');
    const begin = () => promisify(execFile)(process.execPath, ['scripts/whole-types.mjs'], { cwd: folder });
    await begin();
    expect(existsSync(known)).to.equal(true);
    await rm(typesOf('index.ts'));
    await begin();
    expect(existsSync(known)).to.equal(false);
  });
});

import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { openModuleFolder } from '../../src/worker/module-folder.ts';
import { eventually } from '../support/eventually.ts';

const HOUR_MS = 60 * 60 * 1_000;

describe('openModuleFolder', () => {
  let modules: string;
  let parent: string;
  beforeEach(async () => {
    modules = await mkdtemp(join(tmpdir(), 'sluice-'));
    parent = join(modules, '.cache', 'sluice');
    await mkdir(parent, { recursive: true });
  });
  afterEach(async () => {
    sinon.restore();
    await rm(modules, { recursive: true, force: true });
  });

  /** A folder somebody else has made, last touched so long ago. */
  const another = async (name: string, ageMs: number): Promise<void> => {
    const at = (Date.now() - ageMs) / 1_000;
    await mkdir(join(parent, name));
    await utimes(join(parent, name), at, at);
  };

  it('removes what is older than a day, and nothing that may be in use or is not its own', async () => {
    await another('modules-left', 25 * HOUR_MS);
    await another('modules-used', 23 * HOUR_MS);
    await another('else', 999 * HOUR_MS);
    const folder = await openModuleFolder(modules);
    expect(await readdir(parent)).to.have.members(['modules-used', 'else', folder.path.slice(parent.length + 1)]);
    await folder.dispose();
  });

  it('keeps its folder young while the process lives', async () => {
    const clock = sinon.useFakeTimers({ now: Date.now(), toFake: ['setInterval', 'clearInterval', 'Date'] });
    const folder = await openModuleFolder(modules);
    await utimes(folder.path, 1, 1);
    clock.tick(HOUR_MS);
    await eventually('the folder is young again', async () => (await stat(folder.path)).mtimeMs > 1_000);
    await folder.dispose();
    expect(clock.countTimers()).to.equal(0);
  });

  it('removes its folder and stops listening for the end of the process when it is disposed of, twice as well', async () => {
    const before = process.listenerCount('exit');
    const folder = await openModuleFolder(modules);
    expect(process.listenerCount('exit')).to.equal(before + 1);
    await folder.dispose();
    await folder.dispose();
    expect(await readdir(parent)).to.deep.equal([]);
    expect(process.listenerCount('exit')).to.equal(before);
  });
});

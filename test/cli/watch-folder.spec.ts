/** On real folders: what an operating system tells of them is the question. */
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { Subscription } from 'rxjs';
import { watchFolder } from '../../src/cli/watch-folder.ts';
import { eventually } from '../support/eventually.ts';

describe('watchFolder', () => {
  let root: string;
  let folder: string;
  let watching: Subscription;
  let heard: string[];
  let marks = 0;

  const write = (path: string): Promise<void> => writeFile(path, `${++marks}`);
  /** As git saves a file, and editors that lose none: another one is put in its place. */
  const replace = async (path: string): Promise<void> => {
    const beside = join(root, 'beside');
    await write(beside);
    await rename(beside, path);
  };
  const told = (path: string): Promise<void> => eventually(`${path} is told of`, () => heard.includes(path));
  /** A folder tells its changes in their order: after that of a file of its own all those before have been told. */
  const forgetTold = async (where: string): Promise<void> => {
    const mark = join(where, `mark-${++marks}`);
    await writeFile(mark, '');
    await told(mark);
    heard = [];
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-watched-'));
    folder = join(root, 'pipelines');
    await mkdir(join(folder, 'prices'), { recursive: true });
    heard = [];
    watching = watchFolder(folder).subscribe((changed) => heard.push(changed));
  });
  afterEach(async () => {
    watching.unsubscribe();
    await rm(root, { recursive: true, force: true });
  });

  it('tells of a file each time it is saved, however that is done', async () => {
    for (const file of [join(folder, 'orders.ts'), join(folder, 'prices', 'prices.ts')])
      for (const save of [write, replace, write, replace, replace, write]) {
        await save(file);
        await told(file);
        await forgetTold(dirname(file));
      }
  });

  it('tells of files in folders that are new, that took the place of others and that have another name', async () => {
    await mkdir(join(folder, 'new', 'inner'), { recursive: true });
    await told(join(folder, 'new'));
    await write(join(folder, 'new', 'inner', 'a.ts'));
    await told(join(folder, 'new', 'inner', 'a.ts'));

    await rm(join(folder, 'prices'), { recursive: true });
    await mkdir(join(folder, 'prices'));
    await forgetTold(folder);
    await write(join(folder, 'prices', 'b.ts'));
    await told(join(folder, 'prices', 'b.ts'));

    await rename(join(folder, 'new'), join(folder, 'newer'));
    await told(join(folder, 'newer'));
    await write(join(folder, 'newer', 'inner', 'a.ts'));
    await told(join(folder, 'newer', 'inner', 'a.ts'));
  });

  it('tells of files in the folder that took the place of the one that was watched', async () => {
    await rm(folder, { recursive: true });
    await told(folder);
    heard = [];
    await mkdir(folder);
    await told(folder);
    await write(join(folder, 'orders.ts'));
    await told(join(folder, 'orders.ts'));
  });

  it('goes by a folder that may not be read', async () => {
    await mkdir(join(folder, 'postgres'));
    await chmod(join(folder, 'postgres'), 0);
    await chmod(root, 0o755);
    const failures: unknown[] = [];
    // To root no folder is closed.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.('nobody');
    watchFolder(folder)
      .subscribe({ error: (error: unknown) => failures.push(error) })
      .unsubscribe();
    if (isRoot) process.seteuid?.(0);
    expect(failures).to.deep.equal([]);
  });

  it('tells nothing of packages and of what begins with a dot, nor once it is unsubscribed from', async () => {
    await mkdir(join(folder, 'node_modules'));
    await write(join(folder, 'node_modules', 'a.ts'));
    await write(join(folder, '.orders.ts.swp'));
    await forgetTold(folder);
    await write(join(folder, '.orders.ts.swp'));
    const mark = join(folder, 'mark');
    await write(mark);
    await told(mark);
    expect(new Set(heard)).to.deep.equal(new Set([mark]));
    watching.unsubscribe();
    expect(watching.closed).to.equal(true);
  });

  it('fails where the folder is not there', () => {
    let failure: unknown;
    watchFolder(join(folder, 'nowhere')).subscribe({ error: (error: unknown) => (failure = error) });
    expect(failure).to.be.an('error').with.property('code', 'ENOENT');
  });
});

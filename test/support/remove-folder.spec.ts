import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { removeFolder } from './remove-folder.ts';

const filledFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-remove-'));
  mkdirSync(join(folder, 'within'));
  writeFileSync(join(folder, 'within', 'a file'), '');
  return folder;
};

describe('removeFolder', () => {
  it('removes a folder and what is in it, and is content where there is none', async () => {
    const folder = filledFolder();
    await removeFolder(folder);
    expect(existsSync(folder)).to.equal(false);
    await removeFolder(folder);
  });

  it('looks again where a file came while it was at it', async () => {
    const folder = filledFolder();
    let looks = 0;
    await removeFolder(folder, (...args) => {
      looks++;
      rmSync(...args);
      if (looks > 2) return;
      mkdirSync(folder);
      writeFileSync(join(folder, '.erlang.cookie'), '');
      throw Object.assign(new Error('ENOTEMPTY: directory not empty, rmdir'), { code: 'ENOTEMPTY' });
    });
    expect(looks).to.equal(3);
    expect(existsSync(folder)).to.equal(false);
  });

  it('tells what else is in the way', async () => {
    const refused = removeFolder('anywhere', () => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    });
    const failure = await refused.catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('message', 'EACCES: permission denied');
  });
});

/** `npm run pack` behind its build: where the tarball goes. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { root } from '../support/pages.ts';

describe('npm run pack', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'));
  after(() => rmSync(folder, { recursive: true }));
  const pack = (target: string) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/pack.ts', target], { cwd: root });

  it('makes the folder that is named where it is not there, and refuses what is none', async () => {
    const { stdout } = await pack(join(folder, 'not', 'there'));
    const [tarball = ''] = stdout.split(': ');
    expect(tarball.startsWith(join(folder, 'not', 'there')), stdout).to.equal(true);
    expect(existsSync(tarball)).to.equal(true);
    const { code, stderr } = await pack(tarball).then(
      () => ({ code: 0, stderr: '' }),
      (error: { readonly code: number; readonly stderr: string }) => error,
    );
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: `${tarball}: is no folder; npm run pack [-- the folder the tarball goes to]\n`,
    });
  });
});

/** The budgets of the engine's stations: the check runs, and says so where one is exceeded. Whether they are kept is for a quiet machine. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../..');

const check = (share: string) =>
  spawnSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=sluice-source', 'bench/main.ts', '--check', '--rounds', '1', '--budgets', share],
    { cwd: root, encoding: 'utf8' },
  );

describe('npm run bench -- --check', () => {
  it('measures with the RxJS of the project: Observables of another copy take the long way into a gather', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'bench/package.json'), 'utf8'));
    expect(devDependencies.rxjs).to.equal('file:../node_modules/rxjs');
  });

  it('names each station that is over its budget, and exits with 1', () => {
    const { status, stdout, stderr } = check('0.0001');
    expect(status).to.equal(1);
    expect(stderr).to.match(/^decode: \d+\.\d\d times the yardstick, its budget is 0\.00$/m);
    expect(stderr).to.match(/^message, three POSTs and a result: \d+\.\d\d times the yardstick/m);
    expect(stdout).to.match(/^\| decode \| \d+\.\d\d \| \d+\.\d\d \| 0\.00 \*\*over\*\* \|$/m);
  }).timeout(120_000);

  it('exits with 0 where all are within theirs', () => {
    const { status, stdout, stderr } = check('10000');
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    expect(stdout).to.contain('| operator gather of three |').and.not.contain('over');
  }).timeout(120_000);
});

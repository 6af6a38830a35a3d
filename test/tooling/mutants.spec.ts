/** The faults that `npm run mutants` plants still fit the source, and each is one of its own. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { copyTree } from '../../scripts/mutants/copied-tree.ts';
import { doorFaults } from '../../scripts/mutants/door-faults.ts';
import { faults as engineFaults } from '../../scripts/mutants/faults.ts';
import { planted } from '../../scripts/mutants/plant.ts';
import { removeFolder } from '../support/remove-folder.ts';

const root = join(import.meta.dirname, '../..');
const faults = [...engineFaults, ...doorFaults];

describe('planted faults', () => {
  for (const fault of faults) {
    it(`${fault.name}: what it replaces stands in ${fault.file}, once`, () => {
      const source = readFileSync(join(root, fault.file), 'utf8');
      expect(planted(fault, source)).to.not.equal(source);
    });
  }

  it('name specs that are there', () => {
    const named = new Set(faults.flatMap(({ specs }) => specs ?? []));
    expect([...named].filter((path) => !existsSync(join(root, path)))).to.deep.equal([]);
  });

  it('are told apart by their names', () => {
    expect(new Set(faults.map(({ name }) => name))).to.have.length(faults.length);
  });

  it('are planted in a tree that has all the simulation needs', async function () {
    this.timeout(60_000);
    const tree = copyTree(root);
    try {
      const node = ['--import', 'tsx', '--conditions=sluice-source'];
      const asked = ['--seeds', '1', '--messages', '5', '--faults', '1'];
      const { stdout } = await promisify(execFile)(process.execPath, [...node, 'scripts/simulate.ts', ...asked], {
        cwd: tree,
      });
      expect(stdout).to.match(/^1 seed/);
    } finally {
      await removeFolder(tree);
    }
  });

  it('are refused where the source has moved', () => {
    const fault = { name: 'nothing is right', file: 'src/x.ts', was: 'right', becomes: 'wrong' };
    expect(planted(fault, 'all is right')).to.equal('all is wrong');
    expect(() => planted(fault, 'all is well')).to.throw('holds it 0 times');
    expect(() => planted(fault, 'right is right')).to.throw('holds it 2 times');
  });
});

/** The faults that `npm run mutants` plants still fit the source, and each is one of its own. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { doorFaults } from '../../scripts/mutants/door-faults.ts';
import { faults as engineFaults } from '../../scripts/mutants/faults.ts';
import { planted } from '../../scripts/mutants/plant.ts';

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

  it('are refused where the source has moved', () => {
    const fault = { name: 'nothing is right', file: 'src/x.ts', was: 'right', becomes: 'wrong' };
    expect(planted(fault, 'all is right')).to.equal('all is wrong');
    expect(() => planted(fault, 'all is well')).to.throw('holds it 0 times');
    expect(() => planted(fault, 'right is right')).to.throw('holds it 2 times');
  });
});

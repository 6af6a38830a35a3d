/** docs/reliability.md says which test proves what: every row is there, and every test it names exists and names the row. */
import { expect } from 'chai';
import { numbered, proofFaults, provenRows } from './proof-table.ts';

const rows = provenRows('docs/reliability.md', /^[FB]\d+$/);
const proofs = rows.flatMap((row) => row.proofs);

describe('docs/reliability.md', () => {
  it('has every fault and every bad input, once', () => {
    expect(rows.map(({ row }) => row)).to.deep.equal([...numbered('F', 44), ...numbered('B', 42)]);
  });

  it('gives a test or a reason for each', () => {
    const bare = rows.filter((row) => row.proofs.length === 0 && !row.proof.includes('Reason:'));
    expect(bare.map(({ row }) => row)).to.deep.equal([]);
  });

  it('names tests that exist, by titles that name their row', () => {
    const unnamed = proofs.filter(({ row, title }) => !new RegExp(`\\b${row}\\b`).test(title));
    expect([
      ...proofFaults(proofs),
      ...unnamed.map(({ row, title }) => `${row}: “${title}” does not name it`),
    ]).to.deep.equal([]);
    expect(proofs.length).to.be.above(80);
  });
});

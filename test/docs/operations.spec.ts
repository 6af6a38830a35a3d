/** docs/operations.md has a word for every alert there is, and for every way a saga gets stuck. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPage, root } from '../support/pages.ts';

const rowsOf = (path: string): readonly string[] =>
  readPage(path)
    .text.split('\n')
    .filter((line) => line.startsWith('| '));

describe('the page about operations', () => {
  it('says what to do about every alert', () => {
    const rules = readFileSync(join(root, 'deploy/prometheus/alerts.yml'), 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    const { text } = readPage('docs/operations.md');
    expect(alerts.filter((name) => !text.includes(`\`${name}\``))).to.deep.equal([]);
    expect(alerts.length).to.be.above(5);
  });

  it('says of every error that leaves a saga stuck what to do, up to its resuming', () => {
    const resumed = rowsOf('docs/errors.md').filter((row) => row.includes('`sluice saga resume'));
    const codes = resumed.flatMap((row) => /^\| `(ERR_(?:SAGA|COMPENSATION)_\w+)`/.exec(row)?.[1] ?? []);
    const rows = rowsOf('docs/operations.md');
    const ofCode = (code: string) => rows.filter((row) => row.startsWith(`| ${code} |`) && /\bresume\b/.test(row));
    expect(codes.filter((code) => ofCode(code).length !== 1)).to.deep.equal([]);
    expect(codes).to.include.members(['ERR_SAGA_VERSION', 'ERR_SAGA_CUT_OFF', 'ERR_COMPENSATION_FAILED']);
  });
});

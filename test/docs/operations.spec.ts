/** docs/operations.md has a word for every alert there is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPage, root } from '../support/pages.ts';

describe('the page about operations', () => {
  it('says what to do about every alert', () => {
    const rules = readFileSync(join(root, 'deploy/prometheus/alerts.yml'), 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    const { text } = readPage('docs/operations.md');
    expect(alerts.filter((name) => !text.includes(`\`${name}\``))).to.deep.equal([]);
    expect(alerts.length).to.be.above(5);
  });
});

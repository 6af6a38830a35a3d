/** The log of decisions: landings side by side are merged line by line, and headings went wrong that way. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';

describe('the log of decisions', () => {
  const [, ...entries] = readFileSync('docs/decisions.md', 'utf8').split(/^## /m);

  it('has a number for each, from 1 on, and no gap', () => {
    expect(entries.map((entry) => Number(/^(\d+)\. /.exec(entry)?.[1]))).to.deep.equal(entries.map((_, at) => at + 1));
  });

  it('says of each what was decided, why, and what follows', () => {
    for (const entry of entries)
      expect(entry.match(/^- \*\*(\w+):\*\*/gm), entry.split('\n')[0]).to.deep.equal(
        ['Status', 'Decision', 'Why', 'Consequence'].map((part) => `- **${part}:**`),
      );
  });
});

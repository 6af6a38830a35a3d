/** docs/scaling.md: the command beside figures is the one that makes them. */
import { expect } from 'chai';
import { readPage } from '../support/pages.ts';

describe('the page about growing', () => {
  it('asks for as many rounds as its table is of', () => {
    const { text } = readPage('docs/scaling.md');
    const [, asked] = /npm run bench:broker -- --rounds (\d+)/.exec(text) ?? [];
    const [, measured] = /median of (\d+) rounds in turn/.exec(text) ?? [];
    expect(asked).to.equal(measured).and.match(/^\d+$/);
  });
});

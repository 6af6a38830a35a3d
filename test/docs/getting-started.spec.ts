/** docs/getting-started.md shows what `sluice new receipts` writes. */
import { expect } from 'chai';
import { pipelineText, schemaText, testText } from '../../src/cli/new/templates.ts';
import { readPage } from '../support/pages.ts';

const shown = readPage('docs/getting-started.md').blocks.map(({ text }) => withoutOpening(text));

/** The page names files where they begin with a word about themselves. */
function withoutOpening(text: string): string {
  return text.split('\n').slice(1).join('\n');
}

describe('the page about getting started', () => {
  const written = [
    ['the pipeline', pipelineText('receipts')],
    ['the schema', schemaText('receipts')],
    ['the test', testText('receipts', '../pipelines')],
  ] as const;

  for (const [what, text] of written) {
    it(`shows ${what} as it is written`, () => {
      expect(shown).to.include(withoutOpening(text));
    });
  }
});

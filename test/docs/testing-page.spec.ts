/** docs/testing.md: each of its examples is a part of a spec in `test/docs/testing`, which the suite runs, and each failure it shows is a real one. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ack, httpError, marbles, type VirtualPipelineKit } from 'sluice/testing';
import invoices from './testing/invoices.ts';
import receipts from './testing/receipts.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/testing.md', import.meta.url)), 'utf8');
const folder = new URL('./testing/', import.meta.url);
const examples = readdirSync(folder).map((name) => withoutIndent(readFileSync(new URL(name, folder), 'utf8')));

function withoutIndent(text: string): string {
  return text.replace(/^ +/gm, '').trim();
}

/** The texts of the page's blocks in a language. */
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

const paid = { order: 'o-1', total: 20 };

function failureOf(pipeline: typeof receipts, test: (kit: VirtualPipelineKit<'printer'>) => void): string {
  try {
    marbles(pipeline, test)();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('the marble test passes');
}

describe('the page about testing', () => {
  for (const block of blocks('ts')) {
    const [title = ''] = /(?<=it\(\s*')[^']+/.exec(block) ?? block.split('\n');
    it(`runs the example "${title}"`, () => {
      expect(
        examples.some((example) => example.includes(withoutIndent(block))),
        `no file of test/docs/testing holds it:\n${block}`,
      ).to.equal(true);
    });
  }

  it('shows failures as they are', () => {
    const failures = [
      failureOf(receipts, ({ deliver, api, expectSettled }) => {
        deliver('a', { a: paid });
        api.printer.on('POST /receipts/{order}', '---#', {}, httpError(422));
        expectSettled('-A', { A: ack(paid) });
      }),
      failureOf(receipts, ({ deliver }) => deliver('a', { a: paid })),
      failureOf(invoices, ({ deliver }) => deliver('a', { a: paid })),
    ];
    expect(blocks('text').map((block) => block.trim())).to.deep.equal(failures);
  });

  it('has a place for each of its links', () => {
    const anchors = [...page.matchAll(/^## (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/ /g, '-'),
    );
    for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).to.include(anchor);
  });
});

/** docs/testing.md: each failure it shows is a real one. Its examples are parts of the specs in `test/docs/testing`, as code-blocks.spec.ts sees to. */
import { expect } from 'chai';
import { ack, httpError, marbles, type VirtualPipelineKit } from 'sluice/testing';
import { readPage } from '../support/pages.ts';
import invoices from './testing/invoices.ts';
import receipts from './testing/receipts.ts';

const page = readPage('docs/testing.md');
const shown = page.blocks.filter(({ language }) => language === 'text');

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
    expect(shown.map(({ text }) => text.trim())).to.deep.equal(failures);
  });

  it(
    'shows how each fault is called, of the broker and of the worker',
    marbles(receipts, ({ broker, worker }) => {
      const calls = Object.entries({ broker, worker }).flatMap(([name, controls]) =>
        Object.keys(controls).map((control) => `${name}.${control}(`),
      );
      const missing = calls.filter((call) => !page.inlineCode.some(({ text }) => text.startsWith(call)));
      expect(missing).to.deep.equal([]);
      expect(calls.length).to.be.above(9);
    }),
  );
});

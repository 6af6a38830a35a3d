import { exchange } from 'sluice';
import { ack, advancing, published } from 'sluice/testing';
import invoices from './invoices.ts';

const billed = { order: 'o-1' };

describe('invoices', () => {
  it(
    'renders an invoice for each billed order',
    advancing(invoices, async ({ deliver, advance, expectPublished, expectSettled }) => {
      deliver('        a', { a: billed });
      await advance('1s');

      expectPublished('200ms p', {
        p: published(exchange('invoices', 'invoice.rendered'), { order: 'o-1', pdf: 'o-1.pdf' }),
      });
      expectSettled('  200ms A', { A: ack(billed) });
    }),
  );
});

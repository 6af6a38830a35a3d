import { definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';
import { render } from './render.ts';

export default definePipeline({
  name: 'invoices',
  source: queue('orders.billed'),
  input: z.object({ order: z.string() }),
  handle: async ({ order }) => ({ order, pdf: await render(order) }),
  output: () => exchange('invoices', 'invoice.rendered'),
});

import { map } from 'rxjs';
import { defineApi, definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';

const printer = defineApi('printer', {
  baseUrl: 'https://printer.example/v1',
  timeout: '2s',
  retry: { maxAttempts: 2, backoff: { initial: '100ms' } },
  breaker: { minimumCalls: 6, openFor: '10s' },
});

export default definePipeline({
  name: 'receipts',
  source: queue('orders.paid', { retry: { delays: ['5s', '1m'] } }),
  input: z.object({ order: z.string(), total: z.number() }),
  apis: { printer },
  handle: ({ order, total }, { apis }) =>
    apis.printer
      .post('/receipts/{order}', { total }, { path: { order }, response: z.object({ page: z.string() }) })
      .pipe(map(({ page }) => ({ order, page }))),
  output: () => exchange('receipts', 'receipt.printed'),
});

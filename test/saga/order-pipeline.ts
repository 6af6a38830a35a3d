/** The order pipeline as tests of what lasts run it: pauses made for tests, each order for itself, APIs wherever they are. */
import orderProcessing from '../../pipelines/order-processing.ts';
import type { ApiDefinition } from '../../src/http/define-api.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';

/** The pipeline's own pauses are made for outages. */
const PAUSE_MS = 200;

/** What it declares, to be deleted after the test. */
export const ORDER_QUEUES = ['orders.placed', 'orders.placed.dead', `orders.placed.delay.${PAUSE_MS}ms`];

/** @param baseUrls By the name of the API. Default: what the environment says. */
export function orderPipeline(baseUrls: Readonly<Record<string, string>> = {}): Pipeline {
  const placed = ({ options, ...api }: ApiDefinition): ApiDefinition => ({
    ...api,
    options: {
      ...options,
      baseUrl: baseUrls[api.name] ?? options.baseUrl,
      // An order does not pay for those before it.
      breaker: false,
      retry: { ...options.retry, budget: false },
    },
  });
  return {
    ...orderProcessing,
    source: { ...orderProcessing.source, retryDelaysMs: [PAUSE_MS, PAUSE_MS, PAUSE_MS] },
    apis: Object.fromEntries(
      Object.entries(orderProcessing.apis).map(([name, api]) => [name, api.kind === 'api' ? placed(api) : api]),
    ),
  };
}

/** An order as it lies in the queue. */
export const orderOf = (order_id: string) => ({
  order_id,
  items: [{ product_id: 'p-1', quantity: 1 }],
  amount: 10,
  payment_details: 'card',
  shipping_address: 'street',
});

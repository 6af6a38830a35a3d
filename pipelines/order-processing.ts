/** Places an order over three services, as a saga: what half happened is undone in reverse order. */
import { definePipeline, exchange, queue, saga } from 'sluice';
import { z } from 'zod';
import { inventory, payment, shipping } from './apis.ts';

/** Whatever the payment and the shipping service ask for: passed on, not looked into, and in no recording. */
const Details = z.union([z.string().min(1), z.record(z.string(), z.unknown())]).meta({ secret: true });

const Order = z.object({
  order_id: z.string().min(1),
  items: z.array(z.object({ product_id: z.string(), quantity: z.int().positive() })).min(1),
  amount: z.number().positive(),
  payment_details: Details,
  shipping_address: Details,
});

const Charge = z.object({ transaction_id: z.string() });
const Shipment = z.object({ tracking_number: z.string() });

const placeOrder = saga({
  name: 'place-order',
  input: Order,
  apis: { inventory, payment, shipping },
  id: (order) => order.order_id,
})
  .step(
    'stock',
    ({ input, apis }) => apis.inventory.post('/deduct', { order_id: input.order_id, items: input.items }),
    ({ input, apis }) => apis.inventory.post('/restore', { order_id: input.order_id }),
  )
  .step(
    'charge',
    ({ input, apis }) =>
      apis.payment.post(
        '/charge',
        { order_id: input.order_id, amount: input.amount, details: input.payment_details },
        { response: Charge },
      ),
    ({ input, results, apis }) =>
      apis.payment.post('/refund', { order_id: input.order_id, transaction_id: results.charge.transaction_id }),
  )
  .step('shipment', ({ input, apis }) =>
    apis.shipping.post(
      '/create-shipment',
      { order_id: input.order_id, address: input.shipping_address },
      { response: Shipment },
    ),
  )
  .returns(({ input, results }) => ({
    status: 'success' as const,
    order_id: input.order_id,
    tracking_number: results.shipment.tracking_number,
  }))
  .whenCompensated(({ input, failure }) => ({
    status: 'failed' as const,
    order_id: input.order_id,
    message: failure.message,
    failedStep: failure.step,
    compensated: failure.compensated,
  }));

export default definePipeline({
  name: 'order-processing',
  source: queue('orders.placed', { retry: { delays: ['5s', '1m', '10m'] } }),
  input: Order,
  apis: { inventory, payment, shipping },
  concurrency: 32,
  publishes: ['orders'],
  handle: placeOrder,
  output: (result) => exchange('orders', result.status === 'success' ? 'order.placed' : 'order.failed'),
});

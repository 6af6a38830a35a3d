/** What the pipelines of the choreography tell each other, over the exchange `fulfilment`: each event goes out under its type as routing key. */
import { z } from 'zod';

export const Submitted = z.object({
  type: z.literal('order.submitted'),
  order_id: z.string().min(1),
  items: z.array(z.object({ product_id: z.string(), quantity: z.int().positive() })).min(1),
  amount: z.number().positive(),
});

export const Reserved = z.object({
  type: z.literal('stock.reserved'),
  order_id: z.string().min(1),
  amount: z.number().positive(),
  /** No payment begins after it: the stock is wanted by others. */
  pay_before: z.iso.datetime(),
});

export const PaymentRefused = z.object({
  type: z.literal('payment.refused'),
  order_id: z.string().min(1),
  reason: z.string(),
});

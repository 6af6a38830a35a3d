/**
 * One half of a saga that no pipeline knows as a whole: reserves stock for an order, and gives it back when the payment was refused.
 * The other half is payments.ts. An order's events share its correlation id, which the engine hands on.
 */
import { asyncScheduler, catchError, map, type Observable, of, throwError } from 'rxjs';
import { definePipeline, exchange, HttpStatusError, isTransient, queue } from 'sluice';
import { z } from 'zod';
import { inventory } from '../apis.ts';
import { PaymentRefused, Submitted } from './events.ts';

const PAY_WITHIN_MS = 10 * 60_000;

interface StockEvent {
  readonly type: 'stock.reserved' | 'order.refused' | 'order.cancelled';
  readonly order_id: string;
}

export default definePipeline({
  name: 'choreography-stock',
  source: queue('choreography.stock', {
    bindings: [
      { exchange: 'fulfilment', key: 'order.submitted' },
      { exchange: 'fulfilment', key: 'payment.refused' },
    ],
  }),
  input: z.discriminatedUnion('type', [Submitted, PaymentRefused]),
  apis: { inventory },
  // One order's events one after the other, and each once: whoever hears of it again hears the same answer.
  order: { by: ({ order_id }) => order_id },
  dedupe: { key: ({ type, order_id }) => `${type} ${order_id}`, ttl: '7d', repeatResults: true },
  publishes: ['fulfilment'],
  handle: (event, { apis }): Observable<StockEvent> => {
    const { order_id } = event;
    if (event.type === 'payment.refused')
      return apis.inventory
        .post('/restore', { order_id })
        .pipe(map(() => ({ type: 'order.cancelled', order_id, reason: event.reason })));
    return apis.inventory.post('/deduct', { order_id, items: event.items }).pipe(
      map(() => ({
        type: 'stock.reserved' as const,
        order_id,
        amount: event.amount,
        pay_before: new Date(asyncScheduler.now() + PAY_WITHIN_MS).toISOString(),
      })),
      // A refusal is an answer. Anything else is a failure of this message: tried again, then dead-lettered.
      catchError((error: unknown) =>
        error instanceof HttpStatusError && !isTransient(error)
          ? of({ type: 'order.refused' as const, order_id, reason: error.message })
          : throwError(() => error),
      ),
    );
  },
  output: (event) => exchange('fulfilment', event.type),
});

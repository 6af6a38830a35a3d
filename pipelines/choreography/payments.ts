/**
 * The other half of the saga of stock.ts: charges for what is reserved, in time, or says that it will not. Nobody else decides that, so stock
 * is never given back for an order that was paid.
 */
import { asyncScheduler, catchError, map, type Observable, of, throwError } from 'rxjs';
import { definePipeline, exchange, HttpStatusError, isTransient, queue } from 'sluice';
import { z } from 'zod';
import { payment } from '../apis.ts';
import { Reserved } from './events.ts';

const Charge = z.object({ transaction_id: z.string() });

type PaymentEvent =
  | { readonly type: 'order.paid'; readonly order_id: string; readonly transaction_id: string }
  | { readonly type: 'payment.refused'; readonly order_id: string; readonly reason: string };

export default definePipeline({
  name: 'choreography-payments',
  source: queue('choreography.payments', { bindings: [{ exchange: 'fulfilment', key: 'stock.reserved' }] }),
  input: Reserved,
  apis: { payment },
  dedupe: { key: ({ order_id }) => order_id, ttl: '7d', repeatResults: true },
  publishes: ['fulfilment'],
  handle: ({ order_id, amount, pay_before }, { apis, attempt, redelivered }): Observable<PaymentEvent> => {
    const refused = (reason: string): PaymentEvent => ({ type: 'payment.refused', order_id, reason });
    // An earlier try may have charged without hearing of it: then the only way is on, under the same idempotency key.
    const isUntouched = attempt === 1 && !redelivered;
    if (isUntouched && asyncScheduler.now() >= Date.parse(pay_before)) return of(refused('too late'));
    return apis.payment.post('/charge', { order_id, amount }, { response: Charge }).pipe(
      map(({ transaction_id }): PaymentEvent => ({ type: 'order.paid', order_id, transaction_id })),
      catchError((error: unknown) =>
        error instanceof HttpStatusError && !isTransient(error) ? of(refused(error.message)) : throwError(() => error),
      ),
    );
  },
  output: (event) => exchange('fulfilment', event.type),
});

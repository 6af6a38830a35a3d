/** A saga that no pipeline knows as a whole, as marbles: both halves on one broker, each test one order. A frame is a millisecond. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  httpError,
  marbles as marblesOf,
  message,
  networkError,
  ok,
  published,
  retry,
} from 'sluice/testing';
import payments from '../../pipelines/choreography/payments.ts';
import stock from '../../pipelines/choreography/stock.ts';

const marbles = marblesOf<'inventory' | 'payment'>;
const choreography = [stock, payments];

const order = { order_id: 'o-1', items: [{ product_id: 'p-1', quantity: 2 }], amount: 20 };
const submitted = { type: 'order.submitted', ...order };
/** The limit counts from the reservation, at 1 ms. */
const reserved = { type: 'stock.reserved', order_id: 'o-1', amount: 20, pay_before: '1970-01-01T00:10:00.001Z' };
const paid = { type: 'order.paid', order_id: 'o-1', transaction_id: 't-1' };

const deduct = call('inventory', 'POST /deduct', { body: { order_id: 'o-1', items: order.items } });
const restore = call('inventory', 'POST /restore', { body: { order_id: 'o-1' } });
const charge = call('payment', 'POST /charge', { body: { order_id: 'o-1', amount: 20 } });

const conversation = { correlationId: 'conversation' };
const event = (body: { readonly type: string }) => published(exchange('fulfilment', body.type), body, conversation);

/** Every jitter at half of its ceiling, so that pauses are round. */
const evenly = { random: () => 0.5 };

describe('a saga by choreography', () => {
  it(
    'reserves, charges, and tells that the order is paid, all under the correlation id of the order',
    marbles(choreography, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      const a = message(submitted, conversation);
      deliver('                         a---', { a });
      api.inventory.on('POST /deduct', '-(r|)', { r: ok() });
      api.payment.on('POST /charge', '  -(r|)', { r: ok({ transaction_id: 't-1' }) });

      expectCalls('                     dc--', { d: deduct, c: charge });
      expectPublished('                 -rp-', { r: event(reserved), p: event(paid) });
      expectSettled('                   -AB-', { A: ack(a), B: ack(reserved) });
    }),
  );

  it(
    'tells that an order is refused where there is no stock',
    marbles(choreography, ({ deliver, api, expectPublished, expectSettled }) => {
      const a = message(submitted, conversation);
      deliver('                         a-', { a });
      api.inventory.on('POST /deduct', '-#', {}, httpError(409));

      const reason = 'inventory POST /deduct: answered 409';
      expectPublished('                 -r', { r: event({ type: 'order.refused', order_id: 'o-1', reason } as never) });
      expectSettled('                   -A', { A: ack(a) });
    }),
  );

  it(
    'gives the stock back when the payment is refused, and tells that the order is cancelled',
    marbles(choreography, ({ deliver, api, expectCalls, expectPublished }) => {
      deliver('                          a----', { a: message(submitted, conversation) });
      api.inventory.on('POST /deduct', ' -(r|)', { r: ok() });
      api.payment.on('POST /charge', '   -#', {}, httpError(402));
      api.inventory.on('POST /restore', '-(r|)', { r: ok() });

      const reason = 'payment POST /charge: answered 402';
      expectCalls('                      dcr--', { d: deduct, c: charge, r: restore });
      expectPublished('                  -rfc-', {
        r: event(reserved),
        f: event({ type: 'payment.refused', order_id: 'o-1', reason } as never),
        c: event({ type: 'order.cancelled', order_id: 'o-1', reason } as never),
      });
    }),
  );

  it(
    'begins no payment after the time limit',
    marbles(payments, ({ deliver, expectCalls, expectPublished, expectSettled }) => {
      const late = message({ ...reserved, pay_before: '1970-01-01T00:00:00.002Z' }, conversation);
      deliver('        --a', { a: late });

      expectCalls('    ---');
      expectPublished('--f', { f: event({ type: 'payment.refused', order_id: 'o-1', reason: 'too late' } as never) });
      expectSettled('  --A', { A: ack(late) });
    }),
  );

  it(
    'goes on after the time limit with a payment that was begun before it, for it may have happened',
    marbles(payments, evenly, ({ deliver, api, expectPublished, expectSettled }) => {
      const again = message({ ...reserved, pay_before: '1970-01-01T00:00:00.002Z' }, { ...conversation, attempt: 2 });
      deliver('                       --a-', { a: again });
      api.payment.on('POST /charge', '  -(r|)', { r: ok({ transaction_id: 't-1' }) });

      expectPublished('               ---p', { p: event(paid) });
      expectSettled('                 ---A', { A: ack(again) });
    }),
  );

  it(
    'tries a payment again that is in doubt, instead of giving the stock back',
    marbles(payments, evenly, ({ deliver, api, expectPublished, expectSettled }) => {
      const a = message(reserved, conversation);
      const lost = '-#';
      deliver('                      a', { a });
      api.payment.on(
        'POST /charge',
        [lost, lost, lost, lost, '-(r|)'],
        { r: ok({ transaction_id: 't-1' }) },
        networkError('reset'),
      );

      expectPublished('              354ms - 5000ms p', { p: event(paid) });
      expectSettled('                354ms R 5000ms A', { R: retry(a, '5s'), A: ack(a) });
    }),
  );

  it(
    'says the same again, and does nothing, where an event comes twice',
    marbles(choreography, ({ deliver, api, expectCalls, expectPublished }) => {
      const a = message(submitted, conversation);
      deliver('                         a----b----', {
        a,
        b: message(submitted, { ...conversation, messageId: 'again' }),
      });
      api.inventory.on('POST /deduct', '-(r|)', { r: ok() });
      api.payment.on('POST /charge', '  -(r|)', { r: ok({ transaction_id: 't-1' }) });

      expectCalls('                     dc--------', { d: deduct, c: charge });
      expectPublished('                 -rp--(rp)-', { r: event(reserved), p: event(paid) });
    }),
  );
});

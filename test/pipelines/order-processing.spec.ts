/** What becomes of an order, as marbles: each test is one story, from the delivery to its settlement. A frame is a millisecond. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  message,
  networkError,
  ok,
  published,
  retry,
  status,
} from 'sluice/testing';
import orderProcessing from '../../pipelines/order-processing.ts';

const marbles = marblesOf<'inventory' | 'payment' | 'shipping'>;

const order = {
  order_id: 'o-1',
  items: [{ product_id: 'p-1', quantity: 2 }],
  amount: 20,
  payment_details: 'card 4242',
  shipping_address: 'Elm Street 1',
};

const deduct = call('inventory', 'POST /deduct', { body: { order_id: 'o-1', items: order.items } });
const restore = call('inventory', 'POST /restore', { body: { order_id: 'o-1' } });
const charge = call('payment', 'POST /charge', { body: { order_id: 'o-1', amount: 20, details: 'card 4242' } });
const refund = call('payment', 'POST /refund', { body: { order_id: 'o-1', transaction_id: 't-1' } });
const ship = call('shipping', 'POST /create-shipment', { body: { order_id: 'o-1', address: 'Elm Street 1' } });

const charged = ok({ transaction_id: 't-1' });
const shipped = ok({ tracking_number: 'n-1' });
const placed = { status: 'success', order_id: 'o-1', tracking_number: 'n-1' };
const failed = (failedStep: string, text: string, compensated: string[]) =>
  published(exchange('orders', 'order.failed'), {
    status: 'failed',
    order_id: 'o-1',
    message: text,
    failedStep,
    compensated,
  });

/** Every jitter at half of its ceiling, so that pauses are round. */
const evenly = { random: () => 0.5 };

describe('order-processing', () => {
  it(
    'takes the stock, charges and ships, one after the other, then tells that the order is placed',
    marbles(orderProcessing, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a-----', { a: order });
      api.inventory.on('POST /deduct', '      -(r|) ', { r: ok() });
      api.payment.on('POST /charge', '         --(r|)', { r: charged });
      api.shipping.on('POST /create-shipment', '  -(r|)', { r: shipped });

      expectCalls('                           dc-s--', { d: deduct, c: charge, s: ship });
      expectPublished('                       ----p-', { p: published(exchange('orders', 'order.placed'), placed) });
      expectSettled('                         ----A-', { A: ack(order) });
    }),
  );

  it(
    'charges again after a pause when the payment service is overloaded',
    marbles(orderProcessing, evenly, ({ deliver, api, expectCalls, expectSettled, expectFacts }) => {
      deliver('                               a', { a: order });
      api.inventory.on('POST /deduct', '      -(r|)', { r: ok() });
      api.payment.on('POST /charge', ['        --(o|)', '-(r|)'], { o: status(503), r: charged });
      api.shipping.on('POST /create-shipment', '-(r|)', { r: shipped });

      expectCalls('                           dc- 50ms cs', { d: deduct, c: charge, s: ship });
      expectFacts('callRetried', '            --- r', { r: { attempt: 1, nextDelayMs: 50, code: 'ERR_HTTP_STATUS' } });
      expectSettled('                         --- 50ms --A', { A: ack(order) });
    }),
  );

  it(
    'waits in the broker while the inventory is down, and goes on where it stands',
    marbles(orderProcessing, evenly, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a', { a: order });
      api.inventory.on('POST /deduct', ['#', '#', '#', '-(r|)'], { r: ok() }, networkError('ECONNREFUSED'));
      api.payment.on('POST /charge', '        -(r|)', { r: charged });
      api.shipping.on('POST /create-shipment', '-(r|)', { r: shipped });

      expectCalls('                           d 49ms d 99ms d 4999ms dcs', { d: deduct, c: charge, s: ship });
      expectPublished('                       - 49ms - 99ms - 4999ms ---p', {
        p: published(exchange('orders', 'order.placed'), placed),
      });
      expectSettled('                         - 49ms - 99ms R 4999ms ---A', {
        R: retry(order, '5s', 'ERR_RETRY_EXHAUSTED'),
        A: ack(order),
      });
    }),
  );

  it(
    'fails the order without calling anybody else when there is no stock',
    marbles(orderProcessing, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a-', { a: order });
      api.inventory.on('POST /deduct', '      -#', {}, httpError(409));

      expectCalls('                           d-', { d: deduct });
      expectPublished('                       -f', { f: failed('stock', 'inventory POST /deduct: answered 409', []) });
      expectSettled('                         -A', { A: ack(order) });
    }),
  );

  it(
    'refunds and restores, in reverse order, when shipping is refused',
    marbles(orderProcessing, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a------', { a: order });
      api.inventory.on('POST /deduct', '      -(r|)  ', { r: ok() });
      api.payment.on('POST /charge', '         --(r|)', { r: charged });
      api.shipping.on('POST /create-shipment', '  -#  ', {}, httpError(422));
      api.payment.on('POST /refund', '            -(r|)', { r: ok() });
      api.inventory.on('POST /restore', '         -(r|)', { r: ok() });

      expectCalls('                           dc-suo-', { d: deduct, c: charge, s: ship, u: refund, o: restore });
      expectPublished('                       ------f', {
        f: failed('shipment', 'shipping POST /create-shipment: answered 422', ['charge', 'stock']),
      });
      expectSettled('                         ------A', { A: ack(order) });
    }),
  );

  it(
    'F40: waits in the broker for a refund that fails, though the message had its last try',
    marbles(orderProcessing, evenly, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a', { a: message(order, { attempt: 4 }) });
      api.inventory.on('POST /deduct', '      -(r|)', { r: ok() });
      api.payment.on('POST /charge', '         --(r|)', { r: charged });
      api.shipping.on('POST /create-shipment', '-#', {}, httpError(422));
      api.payment.on('POST /refund', ['#', '#', '#', '#', '-(r|)'], { r: ok() }, networkError('ECONNREFUSED'));
      api.inventory.on('POST /restore', '     -(r|)', { r: ok() });

      const calls = { d: deduct, c: charge, s: ship, u: refund, o: restore };
      expectCalls('                           dc-su 49ms u 99ms u 199ms u 4999ms uo', calls);
      expectPublished('                       ----- 49ms - 99ms - 199ms - 4999ms --f', {
        f: failed('shipment', 'shipping POST /create-shipment: answered 422', ['charge', 'stock']),
      });
      expectSettled('                         ----- 49ms - 99ms - 199ms R 4999ms --A', {
        R: retry(order, '5s', 'ERR_COMPENSATION_DELAYED'),
        A: ack(order),
      });
    }),
  );

  it(
    'gives up each call after 5 s, and compensates when the last try is over',
    marbles(orderProcessing, evenly, ({ deliver, api, expectSettled, expectPublished, expectSubscriptions }) => {
      const lastTry = message(order, { attempt: 4 });
      deliver('                               a', { a: lastTry });
      api.inventory.on('POST /deduct', '      -(r|)', { r: ok() });
      api.payment.on('POST /charge', '        -(r|)', { r: charged });
      const shipment = api.shipping.on('POST /create-shipment', '-----');
      api.payment.on('POST /refund', '        -(r|)', { r: ok() });
      api.inventory.on('POST /restore', '     -(r|)', { r: ok() });

      expectSubscriptions(shipment.subscriptions).toBe([
        '                                     --^ 4999ms !',
        '                                     --- 4999ms - 49ms ^ 4999ms !',
        '                                     --- 4999ms - 49ms - 4999ms - 99ms ^ 4999ms !',
      ]);
      expectPublished('                       --- 4999ms - 49ms - 4999ms - 99ms - 4999ms --f', {
        f: failed(
          'shipment',
          'gave up after 3 attempts: shipping POST /create-shipment: no complete answer within 5000 ms',
          ['charge', 'stock'],
        ),
      });
      expectSettled('                         --- 4999ms - 49ms - 4999ms - 99ms - 4999ms --A', { A: ack(lastTry) });
    }),
  );

  it(
    'neither goes on nor back when nobody knows whether the card was charged',
    marbles(orderProcessing, evenly, ({ deliver, api, expectPublished, expectSettled, expectDeadLetters }) => {
      const lastTry = message(order, { attempt: 4 });
      deliver('                               a', { a: lastTry });
      api.inventory.on('POST /deduct', '      -(r|)', { r: ok() });
      api.payment.on('POST /charge', '        -#', {}, networkError('ECONNRESET'));

      expectPublished('                       -');
      expectSettled('                           - 354ms D', {
        D: deadLetter(lastTry, 'ERR_SAGA_IN_DOUBT'),
      });
      expectDeadLetters('                     - 354ms D', {
        D: { body: order, stage: 'handle', attempts: 4 },
      });
    }),
  );

  it(
    'dead-letters a message that is no order, and calls nobody',
    marbles(orderProcessing, ({ deliver, expectCalls, expectSettled, expectDeadLetters }) => {
      const noOrder = { ...order, items: [] };
      const noJson = message(Buffer.from('{"order_id":'));
      deliver('          ab', { a: noOrder, b: noJson });

      expectCalls('      --');
      expectSettled('    XY', {
        X: deadLetter(noOrder, 'ERR_PAYLOAD_INVALID'),
        Y: deadLetter(noJson, 'ERR_PAYLOAD_INVALID'),
      });
      expectDeadLetters('XY', { X: { stage: 'validate' }, Y: { stage: 'decode', attempts: 1 } });
    }),
  );

  it(
    'takes no more orders while the payment service fails, and tries one order to see whether it is back',
    marbles(orderProcessing, evenly, ({ deliver, api, expectConsuming, expectFacts }) => {
      const orders = Object.fromEntries([...'abcdefg'].map((id) => [id, { ...order, order_id: id }]));
      deliver('                               abcdefg', orders);
      api.inventory.on('POST /deduct', '      -(r|)', { r: ok() });
      api.payment.on(
        'POST /charge',
        [...new Array<string>(20).fill('-#'), ...new Array<string>(7).fill('-(r|)')],
        { r: charged },
        httpError(500),
      );
      api.shipping.on('POST /create-shipment', '-(r|)', { r: shipped });

      // It trips at the twentieth failure of the window; 15 s later one order is the probe.
      expectFacts('breakerChanged', '          - 5058ms o 14999ms hc', {
        o: { api: 'payment', state: 'open' },
        h: { api: 'payment', state: 'half-open' },
        c: { api: 'payment', state: 'closed' },
      });
      expectConsuming('                       t 5058ms f 14999ms t-');
    }),
  );
});

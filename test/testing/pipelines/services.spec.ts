/** Services in tests of pipelines: they answer as APIs do, are steps of sagas, and are as far away as the broker. */
import { expect } from 'chai';
import { defineApi, definePipeline, defineService, exchange, queue, saga } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  ok,
  published,
  retry,
  returned,
  serviceError,
  simulate,
  status,
} from 'sluice/testing';
import { z } from 'zod';

const Order = z.object({ id: z.string(), amount: z.number() });
const Reservation = z.object({ reservation: z.string() });

const bank = defineApi('bank', { baseUrl: 'http://bank.example', retry: false });
const stock = defineService('stock', {
  exchange: 'warehouse',
  operations: {
    reserve: { request: Order, answer: Reservation },
    release: { request: z.object({ reservation: z.string() }), routingKey: 'stock.release' },
  },
  timeout: '1s',
  retry: { maxAttempts: 2 },
});

const place = saga({ name: 'place', input: Order, apis: { bank, stock }, id: ({ id }) => id })
  .step(
    'stock',
    ({ input, apis }) => apis.stock.ask('reserve', input),
    ({ results, apis }) => apis.stock.ask('release', { reservation: results.stock.reservation }),
  )
  .step('charge', ({ input, apis }) => apis.bank.post('/charge', input))
  .returns(({ results }) => ({ reserved: results.stock.reservation }))
  .whenCompensated(({ failure }) => ({ undone: failure.step }));

const orders = definePipeline({
  name: 'orders',
  source: queue('orders'),
  input: Order,
  apis: { bank, stock },
  publishes: ['placed'],
  handle: place,
  output: () => exchange('placed', 'order'),
});

const reserving = definePipeline({
  name: 'reserving',
  source: queue('reserving'),
  input: Order,
  apis: { stock },
  handle: (order, { apis }) => apis.stock.ask('reserve', order),
});

const frail = defineService('frail', {
  queue: 'frail',
  operations: { work: { request: z.object({ id: z.string() }) } },
  retry: false,
  breaker: { consecutiveFailures: 1, openFor: '100ms' },
});

const breaking = definePipeline({
  name: 'breaking',
  source: queue('breaking', { retry: false }),
  input: z.object({ id: z.string() }),
  apis: { frail },
  handle: ({ id }, { apis }) => apis.frail.ask('work', { id }),
});

const marbles = marblesOf<'bank' | 'stock' | 'frail'>;

const order = { id: 'o-1', amount: 20 };
const reserved = ok({ reservation: 'r-1' });

describe('a service in a test of pipelines', () => {
  it(
    'is a step of a saga, and what it did is undone by asking it',
    marbles(orders, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                    o----', { o: order });
      api.stock.on('ASK reserve', '-(r|)', { r: reserved });
      api.bank.on('POST /charge', '-(x|)', { x: serviceError(undefined, 402) });
      api.stock.on('ASK release', '-(r|)', { r: ok(undefined) });

      expectCalls('                sbu', {
        s: call('stock', 'ASK reserve', { body: order }),
        b: call('bank', 'POST /charge'),
        u: call('stock', 'ASK release', { body: { reservation: 'r-1' } }),
      });
      expectPublished('            ---p', { p: published(exchange('placed', 'order'), { undone: 'charge' }) });
      expectSettled('              ---A', { A: ack(order) });
    }),
  );

  it(
    'is a dead letter where an answer was asked for and it is done without one',
    marbles(reserving, ({ deliver, api, expectSettled }) => {
      deliver('                    o', { o: order });
      api.stock.on('ASK reserve', '-(r|)', { r: status(204) });
      expectSettled('              -D', { D: deadLetter(order, 'ERR_RESPONSE_INVALID') });
    }),
  );

  it(
    'sends each request of a call under one message id, and another call under another',
    marbles(reserving, { random: () => 0 }, ({ deliver, api, at, expectFacts, expectSettled }) => {
      const keys: unknown[] = [];
      const note = ({ headers }: { readonly headers: Readonly<Record<string, string>> }): unknown => {
        keys.push(headers['idempotency-key']);
        return { reservation: 'r-1' };
      };
      deliver('                    o---p', { o: order, p: { ...order, id: 'o-2' } });
      api.stock.on('ASK reserve', ['-(t|)', '-(r|)', '-(r|)'], { r: ok(note), t: httpError(503, note) });

      expectFacts('callEnded', '   -fr--r', {
        f: { api: 'stock', operation: 'ASK reserve', attempt: 1, outcome: 'failed', code: 'ERR_SERVICE_FAILED' },
        r: { api: 'stock', operation: 'ASK reserve', outcome: 'ok', status: 200 },
      });
      expectSettled('              --A--B', { A: ack(order), B: ack({ ...order, id: 'o-2' }) });
      at('                         ------k', {
        k: () => {
          expect(keys).to.have.length(3);
          expect(keys[1]).to.equal(keys[0]);
          expect(keys[2]).to.not.equal(keys[0]);
        },
      });
    }),
  );

  it(
    'is not asked while the broker blocks publishers, and the pipeline that needs it takes nothing meanwhile',
    marbles(reserving, ({ deliver, api, at, broker, expectCalls, expectConsuming, expectSettled }) => {
      api.stock.on('ASK reserve', '-(r|)', { r: reserved });
      at('               -b---u', { b: () => broker.block('low on memory'), u: () => broker.unblock() });
      deliver('          o--p--', { o: order, p: { ...order, id: 'o-2' } });

      expectConsuming('  tf---t');
      expectCalls('      r----r', { r: call('stock', 'ASK reserve') });
      expectSettled('    -A----B', { A: ack(order), B: ack({ ...order, id: 'o-2' }) });
    }),
  );

  it(
    'fails at once and unsent while the broker blocks publishers, which its breaker does not count',
    marbles({ ...breaking, needs: [] }, ({ deliver, api, at, broker, expectCalls, expectFacts, expectSettled }) => {
      api.frail.on('ASK work', '-(r|)', { r: ok(undefined) });
      at('                     b--u', { b: () => broker.block('low on memory'), u: () => broker.unblock() });
      deliver('                -a---b', { a: { id: 'a' }, b: { id: 'b' } });

      expectCalls('            -----b', { b: call('frail', 'ASK work', { body: { id: 'b' } }) });
      expectFacts('callEnded', '-x----y', {
        x: { api: 'frail', outcome: 'failed', code: 'ERR_NETWORK' },
        y: { api: 'frail', outcome: 'ok' },
      });
      expectFacts('breakerChanged', '');
      expectSettled('          ---D--B', { D: deadLetter({ id: 'a' }, 'ERR_NETWORK'), B: ack({ id: 'b' }) });
    }),
  );

  it(
    'leaves a message in its queue that comes back while the broker blocks publishers, which is no timer that was left',
    marbles(reserving, { random: () => 0 }, ({ deliver, api, at, broker, expectSettled }) => {
      deliver('      o', { o: order });
      api.stock.on('ASK reserve', '(x|)', { x: serviceError(undefined, 503) });
      at('          -x', { x: () => broker.block() });
      expectSettled('R', { R: retry(order, '5s') });
    }),
  );

  it(
    'is given up with the connection, and asked again with the message',
    marbles(reserving, ({ deliver, api, at, broker, expectFacts, expectSettled }) => {
      deliver('                    o', { o: order });
      api.stock.on('ASK reserve', ['-', '-(r|)'], { r: reserved });
      at('                         --c', { c: () => broker.cutConnections('gone') });

      expectFacts('breakerChanged', '');
      expectSettled('              --R 99ms -A', { R: returned(order), A: ack(order) });
    }),
  );

  it('is asked what it can be asked', () => {
    const wrong = marbles(reserving, ({ api }) => {
      api.stock.on('POST /reserve', '-');
    });
    expect(() => wrong.call({} as never)).to.throw(/the service has only 'ASK reserve', 'ASK release'/);
  });

  it('answers in a simulation, and keeps its laws', async () => {
    await simulate([orders], {
      messages: { orders: ({ id }) => ({ id, amount: 20 }) },
      apis: { stock: { 'ASK reserve': () => reserved } },
      seed: 11,
      hours: 0.2,
    });
  });

  it(
    'has a breaker of its own, which pauses the pipeline that needs it',
    marbles(breaking, ({ deliver, api, expectFacts, expectSettled, expectConsuming }) => {
      deliver('                 a', { a: { id: 'a' } });
      api.frail.on('ASK work', '-(t|)', { t: serviceError(undefined, 503) });

      expectFacts('breakerChanged', '-o 99ms h', {
        o: { api: 'frail', state: 'open' },
        h: { api: 'frail', state: 'half-open' },
      });
      expectConsuming('         tf 99ms t');
      expectSettled('           -D', { D: deadLetter({ id: 'a' }, 'ERR_SERVICE_FAILED') });
    }),
  );
});

/** The pipelines in folders of their own, as a user runs them: a worker process, the embedded broker, the sample APIs. */
import { expect } from 'chai';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { createEmbeddedBroker } from '../../src/testing/index.ts';
import { call } from '../demo/call.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const PERIOD_MS = 5 * 60_000;

describe('the pipelines in folders of their own', () => {
  let apis: SampleApis;
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  let worker: WorkerProcess | undefined;

  before(async () => {
    apis = await startSampleApis({ ports: 'free' });
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  afterEach(async () => {
    await worker?.kill();
    apis.clear();
  });
  after(async () => {
    await client?.close();
    await broker.stop();
    await apis?.stop();
  });

  const start = async (folder: string, pipelines: readonly string[]): Promise<void> => {
    worker = startSluice(['run', folder], { ...apis.environment, AMQP_URL: url });
    await consuming(worker, pipelines);
  };

  it('pipelines/choreography: an order is paid, or cancelled with its stock given back', async () => {
    await start('pipelines/choreography', ['choreography-stock', 'choreography-payments']);
    const events = await client.collect('fulfilment', 'order.*');
    const submit = async (order_id: string): Promise<void> => {
      const order = { type: 'order.submitted', order_id, items: [{ product_id: 'p-1', quantity: 1 }], amount: 10 };
      client.channel.publish('fulfilment', 'order.submitted', Buffer.from(JSON.stringify(order)), {
        messageId: order_id,
      });
      await client.channel.waitForConfirms();
    };
    await submit('o-1');
    expect((await events.next(2))[1]?.body).to.deep.equal({
      type: 'order.paid',
      order_id: 'o-1',
      transaction_id: 'tx-o-1',
    });

    apis.payment.fault({ kind: 'status', operation: 'POST /charge', status: 402 });
    await submit('o-2');
    expect((await events.next(4))[3]?.body).to.deep.equal({
      type: 'order.cancelled',
      order_id: 'o-2',
      reason: 'payment POST /charge: answered 402',
    });
    expect(apis.inventory.journal.map(({ operation }) => operation)).to.deep.equal([
      'POST /deduct',
      'POST /deduct',
      'POST /restore',
    ]);
  });

  it('pipelines/reconciliation: users without a welcome e-mail get it, and a report tells', async () => {
    for (const name of ['ada', 'bob', 'cyd'])
      await call(apis.ums, 'POST /users', { username: name, email: `${name}@example.com`, password: 'x' });
    await call(apis.email, 'POST /send-email', { to: 'bob@example.com', subject: 'Welcome' });
    await start('pipelines/reconciliation', ['welcome-mails']);
    const reports = await client.collect('reconciliation');
    const scheduledAt = new Date(Math.floor(Date.now() / PERIOD_MS) * PERIOD_MS).toISOString();
    await client.send('welcome-mails.firings', { scheduledAt }, { messageId: 'now' });
    expect((await reports.next(1))[0]?.body).to.deep.include({ complete: 1, repaired: 2, failed: 0, strangers: 0 });
    const { body } = await call(apis.email, 'GET /emails?limit=2');
    expect(body.items.map(({ to }: { to: string }) => to)).to.deep.equal(['ada@example.com', 'bob@example.com']);
    expect(body.next).to.equal('bob@example.com');
    const rest = await call(apis.email, `GET /emails?limit=2&after=${body.next}`);
    expect(rest.body.items.map(({ to }: { to: string }) => to)).to.deep.equal(['cyd@example.com']);
    expect(rest.body).to.not.have.property('next');
  });
});

/** The ready pipelines end to end: a stranger's AMQP client, a real broker, a real worker process, sample APIs that fail on command. */
import { expect } from 'chai';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { type BrokerClient, type Collector, collectFrom, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const PIPELINES = ['user-registration', 'order-processing', 'content-syndication', 'product-search'];
const QUEUES = ['users.register', 'orders.placed', 'articles.published', 'search.requested'];

const order = (order_id: string) => ({
  order_id,
  items: [{ product_id: 'p1', quantity: 2 }],
  amount: 49.9,
  payment_details: { card: '4000-canary-0002' },
  shipping_address: { street: 'Main St 1', city: 'Springfield' },
});
const article = { id: 'a1', title: 'Streams', url: 'https://example.com/streams', author: 'ada' };

describeWithRabbitMq('the ready pipelines', (broker) => {
  let apis: SampleApis;
  let client: BrokerClient;
  let worker: WorkerProcess;

  const startWorker = async (): Promise<WorkerProcess> => {
    const started = startSluice(['run'], { ...apis.environment, AMQP_URL: broker().url });
    await consuming(started, PIPELINES);
    return started;
  };

  before(async () => {
    apis = await startSampleApis({ ports: 'free' });
    client = await connectClient(broker().url);
    worker = await startWorker();
  });
  beforeEach(() => apis.clear());
  after(async () => {
    await worker?.kill();
    await client?.deleteQueues(
      QUEUES.flatMap((queue) => [
        queue,
        `${queue}.dead`,
        `${queue}.delay.5s`,
        `${queue}.delay.1m`,
        `${queue}.delay.10m`,
      ]),
    );
    await client?.close();
    await apis?.stop();
  });

  /** The calls an API took, as operations. */
  const operations = (api: keyof SampleApis & ('inventory' | 'payment' | 'shipping')) =>
    apis[api].journal.map(({ operation }) => operation);

  describe('user-registration', () => {
    let results: Collector;
    before(async () => {
      results = await client.collect('users', 'user.registered');
    });
    const registration = { username: 'ada', email: 'ada@example.com', password: 'canary-password' };
    /** Others may come late, from the front door's. */
    const resultOf = async (conversation: string) => {
      const find = () => results.messages.find(({ properties }) => properties.correlationId === conversation);
      await eventually(`the result of ${conversation}`, () => find() !== undefined);
      return find() ?? expect.fail('no result');
    };

    it('is answered over the front door: 201 with what became of the e-mail', async () => {
      const { url } = await worker.line(({ msg }) => msg === 'the front door is open');
      const register = async (): Promise<readonly [number, { userId?: string; emailStatus?: string }]> => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': 'register-ada' };
        const response = await fetch(`${String(url)}/users`, {
          method: 'POST',
          headers,
          body: JSON.stringify(registration),
        });
        return [response.status, (await response.json()) as object];
      };
      const [status, told] = await register();
      expect([status, told]).to.deep.equal([201, { userId: told.userId, emailStatus: 'sent' }]);
      expect(await register()).to.deep.equal([201, told]);
    });

    it('creates the user and sends the welcome e-mail', async () => {
      await client.send('users.register', registration, { messageId: 'r1', correlationId: 'conversation-1' });
      const { body } = await resultOf('conversation-1');
      expect(body).to.deep.equal({ userId: (body as { userId: string }).userId, emailStatus: 'sent' });
      const [created] = apis.ums.journal;
      expect(created?.body).to.deep.equal(registration);
      expect(created?.headers['x-correlation-id']).to.equal('conversation-1');
      expect(created?.headers.traceparent).to.match(/^00-/);
      expect(created?.key).to.match(/^[\w-]{43}$/);
      expect(apis.email.journal[0]?.body).to.deep.include({ to: 'ada@example.com', template: 'welcome-email' });
    });

    it('registers all the same when the e-mail cannot be sent', async () => {
      apis.email.fault({ kind: 'status', status: 503 });
      await client.send('users.register', registration, { messageId: 'r2' });
      expect((await resultOf('r2')).body).to.deep.include({ emailStatus: 'failed-to-send' });
      expect(apis.ums.counts().effects).to.equal(1);
    });

    it('dead-letters a user the API refuses, with the reason', async () => {
      apis.ums.fault({ kind: 'status', status: 409 });
      const dead = await deadLetterOf('users.register', () =>
        client.send('users.register', registration, { messageId: 'r3' }),
      );
      expect(dead.headers).to.deep.include({
        'x-sluice-error-code': 'ERR_HTTP_STATUS',
        'x-sluice-error-message': 'ums POST /users: answered 409',
        'x-sluice-stage': 'handle',
        'x-sluice-pipeline': 'user-registration',
        'x-sluice-attempts': 1,
      });
      expect(dead.body).to.deep.equal(registration);
      expect(apis.email.journal).to.deep.equal([]);
    });

    it('dead-letters a message that is none, with its bytes and the reason', async () => {
      const dead = await deadLetterOf('users.register', () =>
        client.send('users.register', Buffer.from('{"username":'), { messageId: 'r4' }),
      );
      expect(dead.body).to.equal('{"username":');
      expect(dead.headers).to.deep.include({
        'x-sluice-error-code': 'ERR_PAYLOAD_INVALID',
        'x-sluice-stage': 'decode',
      });
      expect(apis.ums.journal).to.deep.equal([]);
    });

    it('writes no password to the log', () => {
      expect(JSON.stringify(worker.lines)).to.not.include('canary');
    });
  });

  describe('order-processing', () => {
    let results: Collector;
    before(async () => {
      results = await client.collect('orders');
    });
    const resultOf = async (id: string) => {
      const result = results.next(results.messages.length + 1);
      await client.send('orders.placed', order(id), { messageId: `m-${id}` });
      const { routingKey, body } = (await result).at(-1) ?? expect.fail('no result');
      return { routingKey, body };
    };

    it('deducts, charges and ships', async () => {
      const { routingKey, body } = await resultOf('o1');
      expect(routingKey).to.equal('order.placed');
      expect(body)
        .to.deep.include({ status: 'success', order_id: 'o1' })
        .and.have.property('tracking_number')
        .that.is.a('string');
      expect(apis.payment.journal[0]?.body).to.deep.equal({
        order_id: 'o1',
        amount: 49.9,
        details: order('').payment_details,
      });
      expect(apis.shipping.journal[0]?.body).to.deep.equal({ order_id: 'o1', address: order('').shipping_address });
    });

    it('does nothing more when the stock is refused', async () => {
      apis.inventory.fault({ kind: 'status', status: 409, operation: 'POST /deduct' });
      expect(await resultOf('o2')).to.deep.equal({
        routingKey: 'order.failed',
        body: {
          status: 'failed',
          order_id: 'o2',
          message: 'inventory POST /deduct: answered 409',
          failedStep: 'stock',
          compensated: [],
        },
      });
      expect([operations('inventory'), operations('payment'), operations('shipping')]).to.deep.equal([
        ['POST /deduct'],
        [],
        [],
      ]);
    });

    it('restores the stock when the payment is refused', async () => {
      apis.payment.fault({ kind: 'status', status: 402 });
      expect((await resultOf('o3')).body).to.deep.include({
        status: 'failed',
        failedStep: 'charge',
        compensated: ['stock'],
      });
      expect(operations('inventory')).to.deep.equal(['POST /deduct', 'POST /restore']);
      expect(operations('shipping')).to.deep.equal([]);
    });

    it('refunds, then restores, when the shipment is refused', async () => {
      apis.shipping.fault({ kind: 'status', status: 422 });
      expect((await resultOf('o4')).body).to.deep.include({
        status: 'failed',
        failedStep: 'shipment',
        compensated: ['charge', 'stock'],
      });
      const refund = apis.payment.journal.find(({ operation }) => operation === 'POST /refund');
      const restore = apis.inventory.journal.find(({ operation }) => operation === 'POST /restore');
      const charge = apis.payment.journal.find(({ operation }) => operation === 'POST /charge');
      expect(refund?.body).to.have.property('transaction_id').that.is.a('string');
      expect(refund?.receivedAtMs).to.be.at.most(restore?.receivedAtMs ?? -1);
      expect(new Set([charge?.key, refund?.key, restore?.key]).size).to.equal(3);
    });

    it('charges once where the first answer is lost, by the same key', async () => {
      apis.payment.fault({ kind: 'lost-answer', operation: 'POST /charge', times: 1 });
      expect((await resultOf('o5')).routingKey).to.equal('order.placed');
      expect(apis.payment.journal.map(({ key }) => key))
        .to.have.length(2)
        .and.satisfy((keys: string[]) => new Set(keys).size === 1);
      expect(apis.payment.counts('POST /charge').effects).to.equal(1);
    });

    it('F27: has each effect once when the worker is killed in the middle and another takes over', async () => {
      apis.shipping.fault({ kind: 'hang', times: 1 });
      const result = results.next(results.messages.length + 1);
      await client.send('orders.placed', order('o6'), { messageId: 'm-o6' });
      await eventually('shipping is asked', () => apis.shipping.journal.length === 1);
      await worker.kill();
      worker = await startWorker();
      expect((await result).at(-1)).to.deep.include({ routingKey: 'order.placed' });
      expect(apis.inventory.counts('POST /deduct')).to.deep.include({ requests: 2, effects: 1 });
      expect(apis.payment.counts('POST /charge')).to.deep.include({ requests: 2, effects: 1 });
      expect(apis.shipping.counts('POST /create-shipment')).to.deep.include({ requests: 2, effects: 1 });
    });
  });

  describe('content-syndication', () => {
    let results: Collector;
    before(async () => {
      results = await client.collect('articles', 'article.syndicated');
    });

    it('tells all three services, and what became of each', async () => {
      apis.linkedin.fault({ kind: 'status', status: 403 });
      const result = results.next(1);
      await client.send('articles.published', article);
      const outcome = { status: 'fulfilled' };
      expect((await result)[0]?.body).to.deep.equal({
        articleId: 'a1',
        outcomes: {
          twitter: outcome,
          linkedin: { status: 'rejected', reason: 'linkedin POST /share: answered 403' },
          analytics: outcome,
        },
      });
    });
  });

  // Within 800 ms, which a busy machine may miss: what must hold always is looked at in each answer, and the whole in one of them.
  describe('product-search', () => {
    interface Found {
      readonly results: readonly { readonly price: number; readonly vendor: string }[];
      readonly missing: readonly string[];
    }

    it('answers reply-to and exchange with what came in time, cheapest first, the missing named', async () => {
      apis.vendorB.fault({ kind: 'hang' });
      const results = await client.collect('search');
      const { queue } = await client.channel.assertQueue('', { exclusive: true });
      const answers = await collectFrom(client.channel, queue);
      let asked = 0;
      await eventually('the other two answer in time', async () => {
        asked++;
        await client.send('search.requested', { query: 'lamp' }, { replyTo: queue, correlationId: `q${asked}` });
        const answer = (await answers.next(asked)).at(-1);
        const published = (await results.next(asked)).at(-1);
        expect(answer?.properties.correlationId).to.equal(`q${asked}`);
        expect(answer?.body).to.deep.equal(published?.body);
        const { results: offers, missing } = (answer ?? expect.fail('no answer')).body as Found;
        const vendors = new Set([...offers.map(({ vendor }) => vendor), ...missing]);
        expect(vendors).to.deep.equal(new Set(['vendorA', 'vendorB', 'vendorC']));
        expect(missing).to.include('vendorB');
        expect(offers.map(({ price }) => price)).to.deep.equal(offers.map(({ price }) => price).sort((a, b) => a - b));
        return missing.length === 1;
      });
    });

    it('answers over direct reply-to', async () => {
      await client.collect('search');
      const answers = await collectFrom(client.channel, 'amq.rabbitmq.reply-to');
      let asked = 0;
      await eventually('all vendors answer in time', async () => {
        asked++;
        client.channel.sendToQueue('search.requested', Buffer.from('{"query":"desk"}'), {
          replyTo: 'amq.rabbitmq.reply-to',
          correlationId: 'q2',
        });
        const body = (await answers.next(asked)).at(-1)?.body as Found & { readonly query: string };
        expect(body.query).to.equal('desk');
        return body.missing.length === 0;
      });
    });

    it('dead-letters a search no vendor answers', async () => {
      for (const vendor of [apis.vendorA, apis.vendorB, apis.vendorC]) vendor.fault({ kind: 'status', status: 500 });
      await eventually('the vendors answer in time', async () => {
        const dead = await deadLetterOf('search.requested', () => client.send('search.requested', { query: 'sofa' }));
        expect(dead.headers['x-sluice-error-code']).to.equal('ERR_GATHER_FAILED');
        expect(dead.headers['x-sluice-error-message']).to.include('0 of at least 1');
        return String(dead.headers['x-sluice-error-message']).includes('vendor-a GET /search: answered 500');
      });
    });
  });

  describe('a backlog', () => {
    it('settles 2000 messages, good and bad: delivered = acked + dead-lettered, and stops with exit code 0', async () => {
      const results = await client.collect('articles');
      for (let n = 0; n < 2_000; n++) {
        const body = n % 10 === 0 ? { ...article, url: 'no url' } : { ...article, id: `a${n}` };
        client.channel.sendToQueue('articles.published', Buffer.from(JSON.stringify(body)), {
          messageId: `a${n}`,
          persistent: true,
        });
      }
      await client.channel.waitForConfirms();
      await results.next(1_800);
      await eventually(
        'all bad ones are dead-lettered',
        async () => (await client.channel.checkQueue('articles.published.dead')).messageCount === 200,
      );
      const ids = new Set(results.messages.map(({ body }) => (body as { articleId: string }).articleId));
      expect(ids.size).to.equal(1_800);

      worker.signal('SIGTERM');
      expect(await worker.exit).to.equal(0);
      expect((await client.channel.checkQueue('articles.published')).messageCount).to.equal(0);
      expect(worker.lines.filter(({ msg }) => msg === 'the books do not balance')).to.deep.equal([]);
      expect(worker.lines.at(-1)).to.deep.include({ msg: 'worker stopped' });
    });
  });

  /** The dead letter that comes after an action. */
  async function deadLetterOf(queue: string, act: () => Promise<void>) {
    await client.drain(`${queue}.dead`);
    await act();
    await eventually(
      `a dead letter of ${queue}`,
      async () => (await client.channel.checkQueue(`${queue}.dead`)).messageCount > 0,
    );
    const [dead] = await client.drain(`${queue}.dead`);
    return dead ?? expect.fail('no dead letter');
  }
});

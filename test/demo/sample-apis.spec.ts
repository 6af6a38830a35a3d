/** The sample APIs answer what the catalogue says, remember what they did, and never do it twice for one key. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { catalogue } from '../../demo/apis/catalogue.ts';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { eventually } from '../support/eventually.ts';
import { call } from './call.ts';

const order = { order_id: 'o-1', items: [{ product_id: 'p-1', quantity: 2 }] };

describe('the sample APIs', () => {
  let apis: SampleApis;
  before(async () => {
    apis = await startSampleApis({ ports: 'free' });
  });
  afterEach(() => apis.clear());
  after(() => apis.stop());

  describe('operations', () => {
    it('create a user', async () => {
      const { status, body } = await call(apis.ums, 'POST /users', {
        username: 'ada',
        email: 'ada@example.com',
        password: 'x',
      });
      expect(status).to.equal(201);
      expect(body).to.deep.equal({ id: 'user-ada', email: 'ada@example.com', username: 'ada' });
    });

    it('answer every effect with an id made of the request', async () => {
      const answers = [
        await call(apis.email, 'POST /send-email', { to: 'ada@example.com', subject: 'Hello', template: 'welcome' }),
        await call(apis.inventory, 'POST /deduct', order),
        await call(apis.inventory, 'POST /restore', { order_id: 'o-1' }),
        await call(apis.payment, 'POST /charge', { order_id: 'o-1', amount: 12.5, details: { card: 'x' } }),
        await call(apis.payment, 'POST /refund', { order_id: 'o-1', transaction_id: 'tx-o-1' }),
        await call(apis.shipping, 'POST /create-shipment', { order_id: 'o-1', address: 'x' }),
        await call(apis.twitter, 'POST /tweet', { text: 'news' }),
        await call(apis.linkedin, 'POST /share', { title: 'News', url: 'news' }),
        await call(apis.analytics, 'POST /track-event', { event: 'published', article_id: 'a-1' }),
      ];
      expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 200));
      expect(
        answers.map(({ body }) => body.refund_id ?? body.transaction_id ?? body.tracking_number ?? body.id),
      ).to.deep.equal([
        'mail-ada@example.com',
        'deduction-o-1',
        'restoration-o-1',
        'tx-o-1',
        'refund-tx-o-1',
        'track-o-1',
        'tweet-news',
        'share-news',
        'event-5d4d18fe6221',
      ]);
    });

    it('answer a search the same each time, each vendor with its own prices', async () => {
      const searches = [apis.vendorA, apis.vendorB, apis.vendorC, apis.vendorA].map((vendor) =>
        call(vendor, 'GET /search?q=lamp'),
      );
      const [a, b, c, again] = (await Promise.all(searches)).map(({ body }) => body);
      expect(a).to.deep.include({ title: 'lamp Basic by Acme', price: 19.99 });
      expect(b).to.deep.include({ title: 'lamp Basic by Globex', price: 18.99 });
      expect(c).to.deep.include({ title: 'lamp Basic by Initech', price: 20.49 });
      expect(again).to.deep.equal(a);
    });

    it('refuse missing and wrong fields, naming them, with no effect', async () => {
      const { status, body } = await call(apis.payment, 'POST /charge', { amount: 'much' });
      expect(status).to.equal(400);
      expect(body.problems.join()).to.include('order_id').and.to.include('amount');
      expect(apis.payment.counts('POST /charge').effects).to.equal(0);
    });

    it('refuse a body that is no JSON object, an unknown path and a wrong method', async () => {
      const raw = await fetch(`${apis.payment.baseUrl}/charge`, { method: 'POST', body: '{"order_id"' });
      const unknown = await call(apis.payment, 'POST /pay', {});
      const wrong = await call(apis.payment, 'GET /charge');
      const outside = await fetch(new URL('/charge', apis.payment.baseUrl), { method: 'POST', body: '{}' });
      expect([raw.status, unknown.status, wrong.status, outside.status]).to.deep.equal([400, 404, 405, 404]);
      expect(wrong.headers.get('allow')).to.equal('POST');
    });

    it('refuse a body over 1 MiB', async () => {
      const { status } = await call(apis.twitter, 'POST /tweet', { text: 'x'.repeat(2 ** 20) });
      expect(status).to.equal(413);
    });
  });

  describe('idempotency keys', () => {
    const charge = { order_id: 'o-1', amount: 10 };

    it('give the first answer again and repeat no effect', async () => {
      const first = await call(apis.payment, 'POST /charge', charge, { 'idempotency-key': 'k' });
      const second = await call(apis.payment, 'POST /charge', charge, { 'idempotency-key': 'k' });
      expect(second.body).to.deep.equal(first.body);
      expect(second.headers.get('idempotent-replayed')).to.equal('true');
      expect(apis.payment.counts('POST /charge')).to.deep.equal({ requests: 2, effects: 1, replays: 1, faults: 0 });
    });

    it('refuse another body under the same key', async () => {
      await call(apis.payment, 'POST /charge', charge, { 'idempotency-key': 'k' });
      const { status } = await call(
        apis.payment,
        'POST /charge',
        { ...charge, amount: 11 },
        { 'idempotency-key': 'k' },
      );
      expect(status).to.equal(422);
      expect(apis.payment.counts().effects).to.equal(1);
    });

    it('name an effect of one operation: the same key at another one is another key', async () => {
      await call(apis.inventory, 'POST /deduct', order, { 'idempotency-key': 'k' });
      const { status } = await call(apis.inventory, 'POST /restore', { order_id: 'o-1' }, { 'idempotency-key': 'k' });
      expect(status).to.equal(200);
      expect(apis.inventory.counts().effects).to.equal(2);
    });

    it('are what keeps an effect from coming twice: without one the second gets its own id', async () => {
      await call(apis.payment, 'POST /charge', charge);
      const { body } = await call(apis.payment, 'POST /charge', charge);
      expect(body.transaction_id).to.equal('tx-o-1-2');
      expect(apis.payment.counts().effects).to.equal(2);
    });

    it('are not spent by a request that was refused', async () => {
      await call(apis.payment, 'POST /charge', {}, { 'idempotency-key': 'k' });
      const { status } = await call(apis.payment, 'POST /charge', charge, { 'idempotency-key': 'k' });
      expect(status).to.equal(200);
    });
  });

  describe('the journal', () => {
    it('tells each request: path, query, body, headers of interest, key, effect, status, times', async () => {
      const headers = {
        'idempotency-key': 'k',
        'x-correlation-id': 'c-1',
        authorization: 'Bearer canary',
        'x-other': 'o',
      };
      await call(apis.shipping, 'POST /create-shipment?from=here', { order_id: 'o-1' }, headers);
      await eventually('it is answered', () => apis.shipping.journal.at(-1)?.end === 'answered');
      const [entry] = apis.shipping.journal;
      expect(entry).to.deep.include({
        method: 'POST',
        path: '/api/v1/create-shipment',
        query: { from: 'here' },
        operation: 'POST /create-shipment',
        key: 'k',
        body: { order_id: 'o-1' },
        hasEffect: true,
        isReplay: false,
        status: 200,
        end: 'answered',
        fault: undefined,
      });
      expect(entry?.headers)
        .to.include({ 'x-correlation-id': 'c-1', authorization: '[present]' })
        .and.not.have.property('x-other');
      expect(entry?.endedAtMs).to.be.at.least(entry?.receivedAtMs ?? Number.NaN);
    });

    it('tells a request the client gave up', async () => {
      apis.payment.fault({ kind: 'hang' });
      const controller = new AbortController();
      const given = call(apis.payment, 'POST /charge', { order_id: 'o-1', amount: 1 }, {}, controller.signal).catch(
        () => 'given up',
      );
      await eventually('it hangs', () => apis.payment.journal.some(({ fault }) => fault === 'hang'));
      controller.abort();
      expect(await given).to.equal('given up');
      await eventually('it is aborted', () => apis.payment.journal[0]?.end === 'aborted');
      expect(apis.payment.journal[0]).to.include({ status: undefined, hasEffect: false });
    });

    it('keeps the newest entries only, and the counts of all', async () => {
      const small = await startSampleApis({ ports: 'free', maxJournalEntries: 3 });
      try {
        for (let n = 1; n <= 8; n += 1) await call(small.payment, 'POST /charge', { order_id: `o-${n}`, amount: n });
        expect(small.payment.journal.map(({ number }) => number)).to.deep.equal([6, 7, 8]);
        expect(small.payment.counts().requests).to.equal(8);
      } finally {
        await small.stop();
      }
    });

    it('starts anew after clear, keys and ids included', async () => {
      const charge = { order_id: 'o-1', amount: 1 };
      await call(apis.payment, 'POST /charge', charge, { 'idempotency-key': 'k' });
      apis.clear();
      expect(apis.payment.journal).to.deep.equal([]);
      const { body } = await call(apis.payment, 'POST /charge', { ...charge, amount: 2 }, { 'idempotency-key': 'k' });
      expect(body.transaction_id).to.equal('tx-o-1');
    });
  });

  describe('as a whole', () => {
    it('name their base URLs for a worker', () => {
      expect(apis.environment).to.have.all.keys(apis.all.map(({ variable }) => variable));
      expect(apis.all).to.have.length(11);
      expect(apis.environment.VENDOR_A_API_BASE_URL).to.equal(apis.vendorA.baseUrl);
      expect(apis.payment.baseUrl).to.match(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/);
    });

    it('say which port is taken, and leave nothing running', async () => {
      const taken = createServer();
      const [port, umsPort] = [await listen(taken), await freePort()];
      try {
        const failure = await startSampleApis({ ports: { ums: umsPort, vendorA: port } }).catch(
          (cause: unknown) => cause,
        );
        expect(failure).to.have.property('name', 'SampleApiListenError');
        expect(failure).to.have.property(
          'message',
          `sample API "vendorA" cannot listen on 127.0.0.1:${port}: the port is taken`,
        );
        expect(await fetch(`http://127.0.0.1:${umsPort}/_health`).catch(() => 'nobody')).to.equal('nobody');
      } finally {
        taken.close();
      }
    });

    it('have the ports and paths the ready pipelines expect', () => {
      const urls = Object.values(catalogue).map(({ variable, port }) => `${variable} ${port}`);
      expect(urls).to.deep.equal([
        'UMS_API_BASE_URL 3001',
        'EMAIL_API_BASE_URL 3002',
        'INVENTORY_API_BASE_URL 4001',
        'PAYMENT_API_BASE_URL 4002',
        'SHIPPING_API_BASE_URL 4003',
        'TWITTER_API_BASE_URL 5001',
        'LINKEDIN_API_BASE_URL 5002',
        'ANALYTICS_API_BASE_URL 5003',
        'VENDOR_A_API_BASE_URL 6001',
        'VENDOR_B_API_BASE_URL 6002',
        'VENDOR_C_API_BASE_URL 6003',
      ]);
    });

    it('cut hung requests when they stop', async () => {
      const started = await startSampleApis({ ports: 'free' });
      started.payment.fault({ kind: 'hang' });
      const hung = call(started.payment, 'POST /charge', { order_id: 'o-1', amount: 1 }).catch(() => 'cut');
      await eventually('it came', () => started.payment.journal.length === 1);
      await started.stop();
      expect(await hung).to.equal('cut');
    });
  });
});

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

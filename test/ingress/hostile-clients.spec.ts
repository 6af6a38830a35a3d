/** What clients do to a front door who mean no good, or come in too great numbers. */

import dns from 'node:dns';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { NEVER, of, Subject, take } from 'rxjs';
import sinon from 'sinon';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { Secret } from '../../src/setting.ts';
import { eventually } from '../support/eventually.ts';
import { ask, type DoorSetup, type DoorUnderTest, openDoor, raw, type Told } from '../support/front-door.ts';

const SHOP = 'shop-key-0123456789';
const BANK = 'bank-key-0123456789';
const answers = new Subject<string>();

const orders = definePipeline({
  name: 'orders',
  source: queue('orders', { retry: false }),
  input: z.object({ id: z.string() }),
  concurrency: 1_000,
  handle: ({ id }) => (id === 'wait' ? answers.pipe(take(1)) : id === 'never' ? NEVER : of(id)),
  ingress: { path: '/orders', maxWait: '60s', maxBodyBytes: 1_000 },
});
const guarded = definePipeline({
  name: 'guarded',
  source: queue('guarded', { retry: false }),
  input: z.object({ id: z.string() }),
  handle: ({ id }, { headers }) => of({ id, client: headers['x-sluice-client'] }),
  ingress: {
    path: '/guarded',
    wait: '20s',
    auth: clientKeys({ shop: new Secret(SHOP), bank: [new Secret(BANK), new Secret('bank-key-9876543210')] }),
    rateLimit: { requests: 5, per: '1m' },
  },
});
const body = { id: 'a' };

describe('the front door and hostile clients', () => {
  let subject: DoorUnderTest;
  afterEach(() => subject.stop());

  it('cuts who sends too slowly: the head, the body, or nothing at all', async () => {
    subject = await openDoor([orders], { requestTimeoutMs: 300 });
    const { url } = subject.door;
    const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const [slowHead, slowBody, silent] = await Promise.all([
      raw(url, head),
      raw(url, `${head}content-length: 10\r\n\r\n{`),
      raw(url),
    ]);
    for (const told of [slowHead, slowBody]) expect(told).to.match(/^HTTP\/1\.1 408 .*urn:sluice:problem:too-slow/s);
    expect(silent).to.match(/^(HTTP\/1\.1 408 .*)?$/s);
    expect(subject.worker.contents).to.deep.equal([]);
  });

  it('stops reading what is larger than it may be, whatever is said of it', async () => {
    subject = await openDoor([orders]);
    const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const chunked = await raw(
      subject.door.url,
      `${head}transfer-encoding: chunked\r\n\r\n`,
      `5000\r\n${'x'.repeat(0x5000)}\r\n`,
    );
    expect(chunked).to.match(/^HTTP\/1\.1 413 .*body-too-large.*more than 1000 bytes/s);
    const announced = await raw(subject.door.url, `${head}content-length: 99999999999\r\n\r\n`);
    expect(announced).to.match(/^HTTP\/1\.1 413 .*connection: close.*body-too-large.*more than 1000 bytes/is);
    const headers = await raw(subject.door.url, `${head}x: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(headers).to.match(/^HTTP\/1\.1 431 .*headers-too-large/s);
  });

  it('reads no body where there is nothing, or nothing of that method', async () => {
    subject = await openDoor([orders]);
    for (const [head, status] of [
      ['POST /nowhere', 404],
      ['PUT /orders', 405],
      ['OPTIONS /orders', 204],
      ['POST /openapi.json', 404],
      ['GET /openapi.json', 200],
    ] as const)
      for (const length of ['content-length: 100000000', 'transfer-encoding: chunked']) {
        const begun = `${head} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${length}\r\n\r\n`;
        const told = await raw(subject.door.url, begun);
        expect(told.split(' ')[1], begun).to.equal(String(status));
        expect(told, begun).to.include('connection: close');
      }
  });

  it('refuses what is no HTTP, and requests that could be read in two ways', async () => {
    subject = await openDoor([orders]);
    const { url } = subject.door;
    const json = 'host: localhost\r\ncontent-type: application/json\r\n';
    for (const bytes of [
      'nonsense\r\n\r\n',
      `POST /orders HTTP/1.1\r\n${json}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
      `POST /orders HTTP/1.1\r\n${json}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
      `POST /orders HTTP/1.1\r\n${json}x-correlation-id: a\u0000b\r\ncontent-length: 2\r\n\r\n{}`,
      `POST /orders HTTP/1.1\r\n${json} folded: yes\r\ncontent-length: 2\r\n\r\n{}`,
    ])
      expect(await raw(url, bytes)).to.match(/^HTTP\/1\.1 400 /);
    expect(subject.worker.contents).to.deep.equal([]);
  });

  it('says what is wrong, as it says everything, with what is no request of its own too, and outlives who is gone', async () => {
    subject = await openDoor([orders], { requestTimeoutMs: 300 });
    const { url } = subject.door;
    const host = 'host: localhost\r\n';
    const cases: readonly (readonly [string, number, string])[] = [
      ['POST /orders HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}', 400, 'host'],
      ['GET /openapi.json HTTP/1.1\r\n\r\n', 400, 'host'],
      [`POST /orders HTTP/1.1\r\n${host}expect: xyz\r\ncontent-length: 2\r\n\r\n{}`, 417, 'expectation'],
      [`CONNECT example.test:443 HTTP/1.1\r\n${host}\r\n`, 501, 'method'],
      [`POST /orders HTTP/1.1\r\n${host}content-length: 9\r\n`, 408, 'too-slow'],
      [`POST /orders HTTP/1.1\r\n${host}x: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
      ['nonsense\r\n\r\n', 400, 'no-http'],
    ];
    for (const [bytes, status, code] of cases) {
      const [head = '', text = ''] = (await raw(url, bytes)).split('\r\n\r\n');
      expect([bytes, head.split(' ')[1]]).to.deep.equal([bytes, String(status)]);
      expect(head.toLowerCase())
        .to.include('content-type: application/problem+json')
        .and.include('cache-control: no-store')
        .and.include("content-security-policy: default-src 'none'");
      expect(JSON.parse(text)).to.include({ type: `urn:sluice:problem:${code}`, status });
    }
    for (let n = 0; n < 20; n++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(`CONNECT example.test:443 HTTP/1.1\r\n${host}\r\n`);
      socket.resetAndDestroy();
    }
    expect((await subject.ask('/orders', { body })).status).to.equal(202);
  });

  it('does not take headers for its own: what comes twice or is made up is dropped or refused', async () => {
    subject = await openDoor([orders]);
    const request = [
      'POST /orders HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'prefer: wait=20',
      'x-correlation-id: one',
      'x-correlation-id: two',
      'x-sluice-client: admin',
      'x-sluice-attempt: 99',
      'x-sluice-answers: another',
      'connection: close',
      'content-length: 10',
      '',
      '{"id":"a"}',
    ].join('\r\n');
    expect(await raw(subject.door.url, request)).to.match(/^HTTP\/1\.1 200 /);
    const [content] = subject.worker.contents;
    expect(content?.headers).to.deep.equal({ 'x-sluice-tell': 'outcome', 'x-sluice-client': '127.0.0.1' });
    expect(content?.properties.correlationId).to.equal(content?.properties.messageId);
  });

  it('lets nobody in without a key that is known, tells nothing of the keys, and lets nobody try for long', async () => {
    subject = await openDoor([guarded], { keepTicketsMs: 60_000 });
    const post = (key?: string) =>
      subject.ask('/guarded', { body, headers: key === undefined ? {} : { 'x-api-key': key } });
    const shop = await post(SHOP);
    expect([shop.status, shop.body.client]).to.deep.equal([200, 'shop']);
    expect((await post('bank-key-9876543210')).body.client).to.equal('bank');

    const none = await post();
    expect([none.status, none.body.type]).to.deep.equal([401, 'urn:sluice:problem:not-authenticated']);
    for (const wrong of ['', 'x', `${SHOP}x`, SHOP.slice(1), `${SHOP},${BANK}`]) {
      const refused = await post(wrong);
      expect([wrong, refused.status]).to.deep.equal([wrong, 401]);
      expect(refused.text).to.not.include(SHOP.slice(0, 8));
    }
    // What another sent is told to nobody else.
    const status = `/guarded/status/${String(shop.headers['x-message-id'])}`;
    const asked = (key: string) => subject.ask(status, { method: 'GET', headers: { 'x-api-key': key } });
    expect([(await asked(BANK)).status, (await asked(SHOP)).status]).to.deep.equal([404, 200]);
    expect((await subject.ask(status, { method: 'GET' })).status).to.equal(401);

    // Thirty, and one more for each two seconds that it takes to make them.
    let shut = await post('guess-number-000000');
    for (let tries = 1; tries < 60 && shut.status === 401; tries++) shut = await post('guess-number-000000');
    expect(shut.status).to.equal(429);
    expect(Number(shut.headers['retry-after'])).to.be.within(1, 60);
  });

  it('lets each client come so often, and others meanwhile', async () => {
    subject = await openDoor([guarded]);
    const post = (key: string) => subject.ask('/guarded', { body, headers: { 'x-api-key': key } });
    const ofShop = await Promise.all(Array.from({ length: 8 }, () => post(SHOP)));
    expect(ofShop.filter(({ status }) => status === 200)).to.have.length(5);
    const refused = ofShop.filter(({ status }) => status === 429);
    expect(refused).to.have.length(3);
    expect(refused[0]?.body.type).to.equal('urn:sluice:problem:too-many-requests');
    expect(Number(refused[0]?.headers['retry-after'])).to.be.within(1, 12);
    expect((await post(BANK)).status).to.equal(200);
  });

  describe('and room', () => {
    const agent = new Agent();
    after(() => agent.destroy());
    /** Of a client behind the proxy that asks. */
    const post = (id: string, client: number, path = '/orders') =>
      ask(`${subject.door.url}${path}`, agent, {
        body: { id },
        headers: { prefer: 'wait=60', 'x-forwarded-for': `203.0.113.${client}` },
      });
    const openBehindProxy = async (options: DoorSetup): Promise<void> => {
      subject = await openDoor([orders, guarded], { trustedProxies: ['127.0.0.1'], ...options });
    };
    const refusals = (told: readonly Told[]) => told.filter(({ status }) => status !== 200);

    it('has so many requests under way at once, those that wait included', async () => {
      await openBehindProxy({ maxRequests: 42 });
      const waiting = Array.from({ length: 45 }, (_, client) => post('wait', client));
      await eventually('all of them wait', () => subject.worker.contents.length >= 42);
      const without = await post('a', 99);
      expect([without.status, without.body.type]).to.deep.equal([503, 'urn:sluice:problem:full']);
      expect(without.headers['retry-after']).to.equal('1');
      expect(without.body.detail).to.equal('there are as many requests under way as there may be');

      answers.next('done');
      expect(refusals(await Promise.all(waiting)).map(({ status }) => status)).to.deep.equal([503, 503, 503]);
      // All of it is free again.
      expect((await post('a', 99)).status).to.equal(200);
    });

    it('has room for so many bytes that the broker has not confirmed, and for none of those who only wait', async () => {
      await openBehindProxy({ maxHeldBytes: 550 });
      subject.embedded.holdConfirms(true);
      const waiting = Array.from({ length: 45 }, (_, client) => post('wait', client));
      await eventually('all of them are with the broker', () => subject.worker.contents.length >= 42);
      // 13 bytes each: 42 fit, and no other.
      expect((await post('a', 99)).body.type).to.equal('urn:sluice:problem:full');
      subject.embedded.holdConfirms(false);
      const more = Array.from({ length: 45 }, (_, client) => post('wait', 100 + client));
      await eventually('more of them wait', () => subject.worker.contents.length >= 42 + 45);

      answers.next('done');
      expect(refusals(await Promise.all(waiting))).to.have.length(3);
      expect(refusals(await Promise.all(more))).to.have.length(0);
    });

    it('leaves of both as much to others as one client has, whatever it announces and does not send', async () => {
      await openBehindProxy({ maxHeldBytes: 20_000, maxRequests: 40 });
      const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
      const announcing = Array.from({ length: 25 }, () => {
        const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
        let told = '';
        socket.on('data', (chunk: Buffer) => {
          told += chunk.toString();
        });
        socket.write(`${head}x-forwarded-for: 203.0.113.1\r\ncontent-length: 1000\r\n\r\n{`);
        return { socket, told: () => told };
      });
      const refused = () => announcing.filter(({ told }) => told() !== '');
      try {
        // Ten of 1000 bytes are half, and the other half is left.
        await eventually('it is refused', () => refused().length === 15);
        for (const { told } of refused()) expect(told()).to.match(/^HTTP\/1\.1 503 .*:full".*this client/s);
        const shop = { body, headers: { 'x-api-key': SHOP, 'x-forwarded-for': '203.0.113.1' } };
        expect((await ask(`${subject.door.url}/guarded`, agent, shop)).status).to.equal(200);
        expect((await post('a', 2)).status).to.equal(200);
        expect((await post('a', 1)).body.type).to.equal('urn:sluice:problem:full');
      } finally {
        for (const { socket } of announcing) socket.destroy();
      }
      await eventually('it has room again', async () => (await post('a', 1)).status === 200);

      const waiting = Array.from({ length: 25 }, () => post('wait', 1));
      await eventually('they wait', () => subject.worker.contents.length >= 20);
      const crowding = await post('a', 1);
      expect([crowding.status, crowding.body.detail]).to.deep.equal([
        503,
        'this client has as much under way, in requests or in bytes of bodies, as is left for others',
      ]);
      expect((await post('a', 2)).status).to.equal(200);
      answers.next('done');
      expect(refusals(await Promise.all(waiting))).to.have.length(5);
    });

    it('takes of what does not say how large it is as much as it may be, until it is read', async () => {
      await openBehindProxy({ maxHeldBytes: 3_000 });
      const chunked = () =>
        raw(
          subject.door.url,
          'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n' +
            'transfer-encoding: chunked\r\n\r\n',
          'd\r\n{"id":"wait"}\r\n0\r\n\r\n',
        );
      subject.embedded.holdConfirms(true);
      const all: Promise<string>[] = [];
      for (let n = 1; n <= 20; n++) {
        all.push(chunked());
        await eventually('it is with the broker', () => subject.worker.contents.length >= n);
      }
      subject.embedded.holdConfirms(false);
      for (const told of await Promise.all(all)) expect(told).to.match(/^HTTP\/1\.1 202 /);
      answers.next('done');
    });
  });

  it('does not count those either who stand behind another request on a connection that is gone', async () => {
    subject = await openDoor([orders, guarded], { maxRequests: 12 });
    const post = (id: string, head: string): string =>
      `POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${head}content-length: ${id.length + 9}\r\n\r\n{"id":"${id}"}`;
    const others =
      'GET /guarded/status/x HTTP/1.1\r\nhost: localhost\r\n\r\nGET /x HTTP/1.1\r\nhost: localhost\r\n\r\n';
    for (let round = 1; round <= 6; round++) {
      const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        post('never', 'prefer: wait=60\r\n') + post('a', '') + post('never', 'prefer: wait=60\r\n') + others,
      );
      await eventually('they are handled', () => subject.worker.contents.length === 3 * round);
      socket.destroy();
      await eventually('they are over', () => subject.answered.length === 5 * round);
    }
    expect(new Set(subject.answered.map(({ status }) => status))).to.deep.equal(new Set([499]));
    const asked = Array.from({ length: 6 }, () => subject.ask('/orders', { body }));
    expect((await Promise.all(asked)).map(({ status }) => status)).to.deep.equal(Array(6).fill(202));
  });

  it('has one address of a name that has two: a second server would know none of these limits', async () => {
    const two = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ];
    const lookup: sinon.SinonStub = sinon.stub(dns, 'lookup');
    lookup.withArgs('localhost', { all: true }, sinon.match.func).yields(null, two);
    lookup.callThrough();
    try {
      subject = await openDoor([orders], { host: 'localhost' });
    } finally {
      lookup.restore();
    }
    const second = connect(Number(new URL(subject.door.url).port), '127.0.0.2');
    const outcome = await once(second, 'connect').then(
      () => 'connected',
      (error: NodeJS.ErrnoException) => error.code,
    );
    second.destroy();
    expect(outcome).to.equal('ECONNREFUSED');
    expect((await subject.ask('/orders', { body })).status).to.equal(202);
  });

  it('does not count who has left: a client that is gone frees its place', async () => {
    subject = await openDoor([orders], { maxRequests: 1 });
    const leaving = new AbortController();
    const left = subject
      .ask('/orders', { body: { id: 'never' }, headers: { prefer: 'wait=60' }, signal: leaving.signal })
      .catch((error: Error) => error.name);
    await eventually('it waits', () => subject.worker.contents.length === 1);
    expect((await subject.ask('/orders', { body })).status).to.equal(503);
    leaving.abort();
    expect(await left).to.equal('AbortError');
    await eventually('it is told', () => subject.answered.some(({ status }) => status === 499));
    await eventually('there is room', async () => (await subject.ask('/orders', { body })).status === 202);
  });
});

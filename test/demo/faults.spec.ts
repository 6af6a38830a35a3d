/** Faults on command: each kind does what it says to the answer and to the effect, and hits the requests it is for. */
import { connect } from 'node:net';
import { expect } from 'chai';
import { isLoopback } from '../../demo/apis/control.ts';
import type { Fault } from '../../demo/apis/fault.ts';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { eventually } from '../support/eventually.ts';
import { call } from './call.ts';

const charge = { order_id: 'o-1', amount: 10 };

describe('faults of the sample APIs', () => {
  let apis: SampleApis;
  before(async () => {
    apis = await startSampleApis({ ports: 'free' });
  });
  afterEach(() => apis.clear());
  after(() => apis.stop());

  const pay = (body: object = charge) =>
    call(apis.payment, 'POST /charge', body, { 'idempotency-key': `key of ${JSON.stringify(body)}` });
  const effects = () => apis.payment.counts('POST /charge').effects;

  describe('kinds', () => {
    it('status: answers so, with Retry-After as given, before any effect', async () => {
      apis.payment.fault({ kind: 'status', status: 429, retryAfter: 2, times: 1 });
      const refused = await pay();
      expect([refused.status, refused.headers.get('retry-after'), effects()]).to.deep.equal([429, '2', 0]);
      expect((await pay()).status).to.equal(200);
    });

    it('latency: has its effect at once and answers later', async () => {
      apis.payment.fault({ kind: 'latency', ms: 40 });
      const paid = pay();
      await eventually('it took effect', () => effects() === 1);
      expect(apis.payment.journal[0]?.end).to.equal('pending');
      expect((await paid).status).to.equal(200);
      await eventually('it is answered', () => apis.payment.journal[0]?.end === 'answered');
      const [entry] = apis.payment.journal;
      expect((entry?.endedAtMs ?? 0) - (entry?.receivedAtMs ?? 0)).to.be.at.least(38);
    });

    it('reset: cuts the connection before the effect', async () => {
      apis.payment.fault({ kind: 'reset', times: 1 });
      const cut = await pay().catch((error: Error) => error.cause);
      expect(cut).to.have.property('code', 'ECONNRESET');
      expect(effects()).to.equal(0);
      expect(apis.payment.journal[0]).to.include({ end: 'reset', status: undefined, fault: 'reset', hasEffect: false });
    });

    it('lost-answer: has its effect, then cuts the connection; the same key finds it done', async () => {
      apis.payment.fault({ kind: 'lost-answer', times: 1 });
      const cut = await pay().catch((error: Error) => error.cause);
      expect(cut).to.have.property('code', 'ECONNRESET');
      expect(effects()).to.equal(1);
      expect((await pay()).body.transaction_id).to.equal('tx-o-1');
      expect(apis.payment.counts('POST /charge')).to.deep.equal({ requests: 2, effects: 1, replays: 1, faults: 1 });
    });

    it('bad-json: answers 200 with JSON that breaks off', async () => {
      apis.payment.fault({ kind: 'bad-json', times: 1 });
      const response = await fetch(`${apis.payment.baseUrl}/charge`, { method: 'POST', body: JSON.stringify(charge) });
      const text = await response.text();
      expect([response.status, effects()]).to.deep.equal([200, 1]);
      expect(text.length).to.be.above(0);
      expect(() => JSON.parse(text)).to.throw(SyntaxError);
    });

    it('drip: answers a byte at a time, whole in the end', async () => {
      apis.payment.fault({ kind: 'drip', everyMs: 1, times: 1 });
      const response = await fetch(`${apis.payment.baseUrl}/charge`, { method: 'POST', body: JSON.stringify(charge) });
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body ?? []) chunks.push(chunk);
      expect(chunks.length).to.be.above(5);
      expect(JSON.parse(Buffer.concat(chunks).toString())).to.include({ transaction_id: 'tx-o-1' });
    });

    it('drip and latency: leave no timer when the client goes', async () => {
      const timersAfter = async (fault: Fault): Promise<number> => {
        apis.clear();
        apis.payment.fault(fault);
        const controller = new AbortController();
        const orders = Array.from({ length: 20 }, (_, n) => ({ order_id: `o-${n}`, amount: 1 }));
        const given = orders.map((order) =>
          call(apis.payment, 'POST /charge', order, {}, controller.signal).catch(() => 'given up'),
        );
        await eventually('all met the fault', () => apis.payment.counts().faults === orders.length);
        controller.abort();
        await Promise.all(given);
        await eventually('all are aborted', () => apis.payment.journal.every(({ end }) => end === 'aborted'));
        return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
      };
      // The client, and other suites, have timers of their own: what hung requests leave is the measure.
      const few = (await timersAfter({ kind: 'hang' })) + 10;
      expect(await timersAfter({ kind: 'drip', everyMs: 3_600_000 })).to.be.below(few);
      expect(await timersAfter({ kind: 'latency', ms: 3_600_000 })).to.be.below(few);
    });
  });

  describe('hit', () => {
    it('as many requests as `times` says', async () => {
      const fault = apis.payment.fault({ kind: 'status', status: 503, times: 2 });
      const statuses = [await pay(), await pay(), await pay()].map(({ status }) => status);
      expect(statuses).to.deep.equal([503, 503, 200]);
      expect(fault.hits).to.equal(2);
      expect(apis.payment.faults).to.deep.equal([]);
    });

    it('the operation they name', async () => {
      apis.payment.fault({ kind: 'status', status: 500, operation: 'POST /refund' });
      const { status } = await call(apis.payment, 'POST /refund', { transaction_id: 'tx-o-1' });
      expect([(await pay()).status, status]).to.deep.equal([200, 500]);
    });

    it('the requests whose fields match, in the body or in the query', async () => {
      apis.payment.fault({ kind: 'status', status: 422, match: { order_id: 'o-2', 'details.card': 'expired' } });
      apis.vendorA.fault({ kind: 'status', status: 503, match: { q: 'lamp' } });
      const paid = [
        await pay({ order_id: 'o-1', amount: 1, details: { card: 'expired' } }),
        await pay({ order_id: 'o-2', amount: 1, details: { card: 'good' } }),
        await pay({ order_id: 'o-2', amount: 1, details: { card: 'expired' } }),
      ];
      const found = [await call(apis.vendorA, 'GET /search?q=lamp'), await call(apis.vendorA, 'GET /search?q=sofa')];
      expect([...paid, ...found].map(({ status }) => status)).to.deep.equal([200, 200, 422, 503, 200]);
    });

    it('a share of the requests, the same ones for the same seed', async () => {
      const run = async (seed: number) => {
        apis.clear();
        const fault = apis.vendorA.fault({ kind: 'status', status: 503, ratio: 0.3, seed });
        const statuses: number[] = [];
        for (let n = 0; n < 200; n += 1) statuses.push((await call(apis.vendorA, 'GET /search?q=lamp')).status);
        expect(fault.hits).to.be.within(40, 80);
        return statuses.join();
      };
      const first = await run(7);
      expect(await run(7)).to.equal(first);
      expect(await run(8)).to.not.equal(first);
    });

    it('in the order they were placed, until removed', async () => {
      const first = apis.payment.fault({ kind: 'status', status: 500 });
      apis.payment.fault({ kind: 'status', status: 503 });
      const before = await pay();
      first.remove();
      const after = await pay();
      expect([before.status, after.status]).to.deep.equal([500, 503]);
    });
  });

  describe('over HTTP', () => {
    const control = async (method: string, path: string, body?: unknown) => {
      const { origin } = new URL(apis.payment.baseUrl);
      return call({ baseUrl: origin }, `${method} ${path}`, body);
    };

    it('are placed, listed with their hits and cleared', async () => {
      const fault = { kind: 'status', status: 503, operation: 'POST /charge', times: 2 };
      expect((await control('POST', '/_faults', fault)).status).to.equal(201);
      expect((await pay()).status).to.equal(503);
      expect((await control('GET', '/_faults')).body).to.deep.equal([{ ...fault, hits: 1 }]);
      await control('DELETE', '/_faults');
      expect((await pay()).status).to.equal(200);
    });

    it('come with the journal, which can be read and cleared', async () => {
      await pay();
      const { body } = await control('GET', '/_journal');
      expect(body.counts).to.deep.equal({ requests: 1, effects: 1, replays: 0, faults: 0 });
      expect(body.entries[0]).to.include({ operation: 'POST /charge', hasEffect: true });
      await control('DELETE', '/_journal');
      expect(apis.payment.journal).to.deep.equal([]);
    });

    it('are refused when they are none, saying what is wrong', async () => {
      const wrong: readonly [unknown, string][] = [
        [{ kind: 'explode' }, 'kind'],
        [{ kind: 'status', status: 200 }, 'status'],
        [{ kind: 'hang', time: 1 }, 'time'],
        [{ kind: 'hang', operation: 'POST /chrage' }, 'POST /charge, POST /refund'],
      ];
      for (const [fault, named] of wrong) {
        const { status, body } = await control('POST', '/_faults', fault);
        expect(status).to.equal(400);
        expect(body.error).to.include(named);
      }
      const { origin } = new URL(apis.payment.baseUrl);
      expect((await fetch(`${origin}/_faults`, { method: 'POST', body: 'hang' })).status).to.equal(400);
      expect((await control('PUT', '/_faults', {})).status).to.equal(404);
    });

    it('are for this machine alone', () => {
      const own = ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'];
      const others = [undefined, '', '203.0.113.9', '::ffff:203.0.113.9', '2001:db8::1', '0.0.0.0', '1127.0.0.1'];
      expect(own.filter(isLoopback)).to.deep.equal(own);
      expect(others.filter(isLoopback)).to.deep.equal([]);
    });
  });

  it('refuse the same wishes in code as over HTTP', () => {
    const misspelt: Fault = { kind: 'hang', operation: 'POST /chrage' };
    expect(() => apis.payment.fault(misspelt)).to.throw('POST /charge, POST /refund');
  });

  it('leave the API alive after garbage on its port', async () => {
    const { port } = new URL(apis.payment.baseUrl);
    const garbage = [
      '\x00\x01\r\n\r\n',
      'GET //:x HTTP/1.1\r\nHost: x\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /api/v1/charge HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ];
    for (const bytes of garbage) {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
      socket.end(bytes);
      await new Promise((resolve) => socket.resume().once('close', resolve));
    }
    expect((await pay()).status).to.equal(200);
  });
});

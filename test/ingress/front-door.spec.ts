import { expect } from 'chai';
import { EMPTY, NEVER, of, throwError } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { PermanentError } from '../../src/errors.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import { type DoorUnderTest, openDoor } from '../support/front-door.ts';

const Order = z.object({ order_id: z.string().min(1), amount: z.number() });
const order = { order_id: 'o-1', amount: 5 };

let isMended = false;

/** What becomes of an order is in its id. */
const orders = definePipeline({
  name: 'orders',
  source: queue('orders', { retry: false }),
  input: Order,
  concurrency: 100,
  handle: ({ order_id, amount }) => {
    if (order_id.startsWith('bad') || (order_id === 'mended-1' && !isMended))
      return throwError(() => new PermanentError('refused for good reasons'));
    if (order_id.startsWith('mute')) return EMPTY;
    if (order_id.startsWith('slow')) return NEVER;
    return of({ tracking: `t-${order_id}`, amount, internal: 'margin' });
  },
  output: (_, { order_id }) => (order_id.startsWith('unheard') ? exchange('orders.heard', 'placed') : undefined),
  ingress: {
    path: '/orders',
    maxWait: '20s',
    maxBodyBytes: 1_000,
    responses: { 201: z.object({ tracking: z.string(), amount: z.number() }) },
    respond: (result) => ({ status: 201, body: result, headers: { location: `/orders/${result.tracking}` } }),
  },
});

const plain = definePipeline({
  name: 'plain',
  source: queue('plain', { retry: false }),
  input: z.object({ n: z.number() }),
  handle: ({ n }, { headers, messageId, correlationId, trace }) =>
    of({ n, client: headers['x-sluice-client'], messageId, correlationId, trace }),
  ingress: { method: 'PUT', path: '/v1/plain', wait: '20s' },
});

describe('the front door', () => {
  let subject: DoorUnderTest;
  before(async () => {
    subject = await openDoor([orders, plain]);
  });
  after(() => subject.stop());
  const post = (body: unknown, headers: Record<string, string> = {}) => subject.ask('/orders', { body, headers });
  const waiting = { prefer: 'wait=20' };

  describe('a request', () => {
    it('is accepted once the broker has confirmed it, and its state can be asked for', async () => {
      const accepted = await post(order);
      expect(accepted.status).to.equal(202);
      const { messageId, status } = accepted.body;
      expect(status).to.equal(`/orders/status/${String(messageId)}`);
      expect(accepted.headers.location).to.equal(status);
      expect(accepted.headers['x-message-id']).to.equal(messageId);
      expect(accepted.headers['cache-control']).to.equal('no-store');

      const state = () => subject.ask(String(status), { method: 'GET' });
      await eventually('it is done', async () => (await state()).body.state === 'done');
      const { acceptedAt, ...told } = (await state()).body;
      expect(told).to.deep.equal({
        messageId,
        correlationId: messageId,
        state: 'done',
        status: 201,
        result: { tracking: 't-o-1', amount: 5 },
      });
      expect(Date.parse(String(acceptedAt))).to.be.closeTo(Date.now(), 60_000);
    });

    it('waits for the result where the client prefers to, and is answered as the author says', async () => {
      const done = await post(order, waiting);
      expect(done.status).to.equal(201);
      // What the schema of the answer does not name does not leave.
      expect(done.body).to.deep.equal({ tracking: 't-o-1', amount: 5 });
      expect(done.headers.location).to.equal('/orders/t-o-1');
      expect(done.headers['preference-applied']).to.equal('wait=20');
      await eventually('it is told', () => subject.answered.some(({ status }) => status === 201));
      const told = subject.answered.find(({ status }) => status === 201);
      expect(told).to.deep.include({ type: 'requestAnswered', pipeline: 'orders', status: 201 });
    });

    it('waits by itself where the pipeline says so, and not where the client wants to go on', async () => {
      const done = await subject.ask('/v1/plain', { method: 'PUT', body: { n: 1 } });
      expect([done.status, done.body.n, done.body.client]).to.deep.equal([200, 1, '127.0.0.1']);
      const accepted = await subject.ask('/v1/plain', {
        method: 'PUT',
        body: { n: 1 },
        headers: { prefer: 'respond-async, wait=5' },
      });
      expect(accepted.status).to.equal(202);
    });

    it('is answered without a body when the message is done without a result, and with 500 when it is dead-lettered', async () => {
      const mute = await post({ ...order, order_id: 'mute-1' }, waiting);
      expect([mute.status, mute.text]).to.deep.equal([204, '']);

      const bad = await post({ ...order, order_id: 'bad-1' }, waiting);
      expect([bad.status, bad.body.type]).to.deep.equal([500, 'urn:sluice:problem:dead-lettered']);
      expect(bad.text).to.include('ERR_PERMANENT').and.not.include('good reasons');
      const { body } = await subject.ask(`/orders/status/${String(bad.headers['x-message-id'])}`, { method: 'GET' });
      expect([body.state, body.code]).to.deep.equal(['dead-lettered', 'ERR_PERMANENT']);
    });

    it('is answered with its result once its dead letter is retried, by its state and under its key', async () => {
      const keyed = { ...waiting, 'idempotency-key': 'mended-1' };
      const bad = await post({ ...order, order_id: 'mended-1' }, keyed);
      expect(bad.status).to.equal(500);
      const state = () => subject.ask(`/orders/status/${String(bad.headers['x-message-id'])}`, { method: 'GET' });

      expect((await state()).body.state).to.equal('dead-lettered');

      isMended = true;
      await subject.retry('orders');
      await eventually('it is done', async () => (await state()).body.state === 'done');
      const again = await post({ ...order, order_id: 'mended-1' }, keyed);
      expect([again.status, again.body]).to.deep.equal([201, { tracking: 't-mended-1', amount: 5 }]);
    });

    it('is not answered with a result that its pipeline could not publish', async () => {
      const unheard = await post({ ...order, order_id: 'unheard-1' }, waiting);
      expect([unheard.status, unheard.body.type]).to.deep.equal([500, 'urn:sluice:problem:dead-lettered']);
      expect(unheard.text).to.include('ERR_UNROUTABLE');
      const { body } = await subject.ask(`/orders/status/${String(unheard.headers['x-message-id'])}`, {
        method: 'GET',
      });
      expect([body.state, body.code]).to.deep.equal(['dead-lettered', 'ERR_UNROUTABLE']);
    });

    it('hands its correlation id and trace on, where they are fit for that, and has its own elsewhere', async () => {
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      const named = await subject.ask('/v1/plain', {
        method: 'PUT',
        body: { n: 1 },
        headers: { 'x-correlation-id': 'c-1', traceparent, tracestate: 'a=b' },
      });
      expect(named.body).to.include({ correlationId: 'c-1' });
      expect(named.body.trace).to.deep.include({ traceparent, tracestate: 'a=b' });
      expect(named.headers['x-correlation-id']).to.equal('c-1');

      const odd = await subject.ask('/v1/plain', {
        method: 'PUT',
        body: { n: 1 },
        headers: { 'x-correlation-id': 'a b{"$ne":1}', traceparent: 'nonsense' },
      });
      expect(odd.body.correlationId).to.equal(odd.body.messageId);
      expect(odd.headers['x-correlation-id']).to.equal(odd.body.messageId);
    });
  });

  describe('an Idempotency-Key', () => {
    it('makes a request that is sent again the same message, handled once, with the same answer', async () => {
      const keyed = { 'idempotency-key': '"k-1"', ...waiting };
      const [first, second] = [await post(order, keyed), await post(order, { ...keyed, 'idempotency-key': 'k-1' })];
      expect([first.status, second.status]).to.deep.equal([201, 201]);
      expect(second.headers['x-message-id']).to.equal(first.headers['x-message-id']);
      expect(second.text).to.equal(first.text);
      const delivered = subject.worker.contents.filter(
        ({ properties }) => properties.messageId === first.headers['x-message-id'],
      );
      expect(delivered).to.have.length(1);
    });

    it('is shared by requests at the same time', async () => {
      const keyed = { 'idempotency-key': 'k-2', ...waiting };
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(order, keyed)));
      expect(new Set(answers.map(({ headers }) => headers['x-message-id'])).size).to.equal(1);
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
      const id = answers[0]?.headers['x-message-id'];
      expect(subject.worker.contents.filter(({ properties }) => properties.messageId === id)).to.have.length(1);
    });

    it('is refused with another body, and where it is malformed', async () => {
      await post(order, { 'idempotency-key': 'k-3' });
      const other = await post({ ...order, amount: 6 }, { 'idempotency-key': 'k-3' });
      expect([other.status, other.body.type]).to.deep.equal([422, 'urn:sluice:problem:idempotency-key-reused']);
      for (const key of ['', 'with space', 'x'.repeat(129), 'a"b', 'ä']) {
        const refused = await post(order, { 'idempotency-key': key });
        expect([key, refused.status]).to.deep.equal([key, 400]);
      }
    });
  });

  describe('a body', () => {
    const refused = async (body: unknown, headers: Record<string, string> = {}) => {
      const { status, body: told, headers: sent } = await post(body, headers);
      expect(sent['content-type']).to.equal('application/problem+json');
      expect(told.status).to.equal(status);
      return [status, String(told.type).replace('urn:sluice:problem:', '')];
    };

    it('has to fit the schema: what does not is told part by part, never with what was sent', async () => {
      const { status, body, text } = await post({ order_id: '', amount: 'secret' });
      expect(status).to.equal(422);
      expect((body.errors as { path: string }[]).map(({ path }) => path)).to.deep.equal(['order_id', 'amount']);
      expect(text).to.not.include('secret');
    });

    it('B4, B5, B8: has to be JSON, small, shallow, and does not pollute', async () => {
      expect(await refused('{')).to.deep.equal([400, 'body-unreadable']);
      expect(await refused('')).to.deep.equal([400, 'body-empty']);
      expect(await refused(`${'['.repeat(400)}${']'.repeat(400)}`)).to.deep.equal([400, 'body-unreadable']);
      expect(await refused('{"order_id":"a","amount":1e999}')).to.deep.equal([400, 'body-unreadable']);
      expect(await refused(Buffer.from([0x22, 0xff, 0x22]))).to.deep.equal([400, 'body-unreadable']);
      expect(await refused({ ...order, pad: 'x'.repeat(1_000) })).to.deep.equal([413, 'body-too-large']);

      const polluting =
        '{"order_id":"a","amount":1,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
      expect((await post(polluting)).status).to.equal(202);
      expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
    });

    it('is refused by its type and its coding before it is read', async () => {
      expect(await refused(order, { 'content-type': 'text/plain' })).to.deep.equal([415, 'content-type']);
      expect(await refused(order, { 'content-type': 'application/json; charset=latin1' })).to.deep.equal([
        415,
        'content-type',
      ]);
      expect(await refused(order, { 'content-encoding': 'gzip' })).to.deep.equal([415, 'content-type']);
      expect((await post(order, { 'content-type': 'application/vnd.shop+json; charset=UTF-8' })).status).to.equal(202);
    });
  });

  it('keeps the connection of who sent all there was, and not of whose body it did not read', async () => {
    for (const path of ['/openapi.json', '/orders/status/x', '/nowhere'])
      expect((await subject.ask(path, { method: 'GET' })).headers.connection, path).to.equal('keep-alive');
    expect((await subject.ask('/orders', { body: order })).headers.connection).to.equal('keep-alive');
    const unread = await subject.ask('/nowhere', { body: 'x'.repeat(500_000) });
    expect([unread.status, unread.headers.connection]).to.deep.equal([404, 'close']);
  });

  it('answers other methods with what there is, and unknown paths with nothing', async () => {
    const get = await subject.ask('/orders', { method: 'GET' });
    expect([get.status, get.headers.allow]).to.deep.equal([405, 'POST, OPTIONS']);
    const head = await subject.ask('/orders', { method: 'HEAD' });
    expect([head.status, head.text]).to.deep.equal([405, '']);
    const options = await subject.ask('/orders', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect([options.status, options.headers.allow]).to.deep.equal([204, 'POST, OPTIONS']);
    expect(Object.keys(options.headers).filter((name) => name.startsWith('access-control'))).to.deep.equal([]);
    for (const path of [
      '/',
      '/orders/',
      '/Orders',

      '/%ff',
      `/${'x'.repeat(5_000)}`,
      '/orders/status/unknown',
    ]) {
      const unknown = await subject.ask(path, { method: 'GET' });
      expect([path, unknown.status, unknown.headers['content-type']]).to.deep.equal([
        path,
        404,
        'application/problem+json',
      ]);
    }
    const typo = JSON.parse((await subject.ask('/odrers')).text) as { detail: string };
    expect(typo.detail).to.equal('there is nothing here; GET /openapi.json names the paths there are');
  });
});

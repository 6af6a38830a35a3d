/** A front door whose broker fails it, and one that ends. */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { firstValueFrom, NEVER, of, Subject, take } from 'rxjs';
import { z } from 'zod';
import { partitioned } from '../../src/broker/partitioned.ts';
import { queue } from '../../src/broker/queue.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { entrancesOf } from '../../src/worker/entrances.ts';
import { eventually } from '../support/eventually.ts';
import { ask, type DoorUnderTest, openDoor, raw, type Told } from '../support/front-door.ts';
import { describeWithOwnRabbitMq, describeWithRabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';

const answers = new Subject<string>();
const pipelineOf = (name: string) =>
  definePipeline({
    name,
    source: queue(name, { retry: false }),
    input: z.object({ id: z.string() }),
    concurrency: 100,
    handle: ({ id }) => (id === 'wait' ? answers.pipe(take(1)) : of(id)),
    ingress: { path: '/orders', maxWait: '60s' },
  });
const orders = pipelineOf('orders');
const body = { id: 'a' };
const codeOf = ({ status, body: { type } }: Told) => `${status} ${String(type).replace('urn:sluice:problem:', '')}`;

describe('the front door when its broker fails it', () => {
  let subject: DoorUnderTest;
  beforeEach(async () => {
    subject = await openDoor([orders], { acceptWithinMs: 500 });
  });
  afterEach(() => subject.stop());
  const post = (id = 'a', headers: Record<string, string> = {}) => subject.ask('/orders', { body: { id }, headers });
  const accepts = () => eventually('it accepts again', async () => (await post()).status === 202);

  it('answers 503 and when to come again while there is no connection, and accepts when there is one', async () => {
    await subject.embedded.stop();
    await eventually('it knows', async () => codeOf(await post()) === '503 broker-away');
    expect((await post()).headers['retry-after']).to.equal('5');
    // Before its body is read: it does not come.
    const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const unread = await raw(subject.door.url, `${head}content-length: 10\r\n\r\n{`);
    expect(unread).to.match(/^HTTP\/1\.1 503 .*:broker-away"/s);
    await subject.embedded.start();
    await accepts();
  });

  it('answers 503 while the broker is blocked, and accepts when it is not', async () => {
    subject.embedded.block('low on memory');
    // The alarm reaches a connection at its next publish, which is not confirmed.
    expect(codeOf(await post())).to.equal('503 not-confirmed');
    await eventually('it knows', async () => codeOf(await post()) === '503 broker-blocked');
    subject.embedded.unblock();
    await accepts();
  });

  it('answers whom an alarm meets on their way soon, and does not wait for a confirm as long as it may', async () => {
    await subject.stop();
    subject = await openDoor([orders]);
    subject.embedded.block('low on memory');
    const begun = Date.now();
    const met = await Promise.all(Array.from({ length: 20 }, () => post()));
    expect(met.map(codeOf)).to.include('503 not-confirmed');
    expect(met.filter(({ status }) => status !== 503)).to.deep.equal([]);
    // 10 s are what a confirm may take.
    expect(Date.now() - begun).to.be.below(5_000);
    expect(codeOf(await post())).to.equal('503 broker-blocked');
    subject.embedded.unblock();
    await accepts();
  });

  it('publishes nothing of whose body came while it was blocked or away, and says so', async () => {
    await subject.stop();
    subject = await openDoor([orders]);
    const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
    const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n';
    let told = '';
    socket.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    await once(socket, 'connect');
    socket.write(`${head}content-length: 10\r\n\r\n{"id"`);
    // Whoever comes after it was let in after it.
    expect((await post()).status).to.equal(202);
    subject.embedded.block('low on memory');
    await post();
    socket.write(':"a"}');
    await once(socket, 'close');
    expect(told).to.match(/^HTTP\/1\.1 503 .*:broker-blocked"/s);
    subject.embedded.unblock();
  });

  it('answers 503 for what the broker refuses or does not confirm, and never 202', async () => {
    subject.embedded.nackNextConfirms(1);
    expect(codeOf(await post())).to.equal('503 queue-full');
    subject.embedded.holdConfirms(true);
    expect(codeOf(await post('wait', { 'idempotency-key': 'k' }))).to.equal('503 not-confirmed');
    subject.embedded.holdConfirms(false);
    expect((await post('wait', { 'idempotency-key': 'k' })).status).to.equal(202);
    const ids = () => subject.worker.contents.map(({ properties }) => properties.messageId);
    await eventually('it came twice, and as one', () => ids().length >= 2);
    expect(new Set(ids()).size).to.equal(1);
    answers.next('done');
  });

  it('tells who waits that his message is accepted when the connection is lost, and what came after it is answered', async () => {
    const waiting = post('wait', { prefer: 'wait=60' });
    await eventually('it is handled', () => subject.worker.contents.length === 1);
    subject.embedded.cutConnections();
    const told = await waiting;
    expect(told.status).to.equal(202);
    const state = await subject.ask(String(told.body.status), { method: 'GET' });
    expect([state.body.state, String(state.body.detail)]).to.deep.equal([
      'accepted',
      'what becomes of it is not told here any more: the connection was lost',
    ]);
    await accepts();
    const done = await post('b', { prefer: 'wait=60' });
    expect([done.status, done.text]).to.deep.equal([200, '"b"']);
  });
});

describe('the front door without a queue behind it', () => {
  it('answers 503: nobody would ever read the message', async () => {
    const subject = await openDoor([orders], { entrances: entrancesOf([pipelineOf('missing')]) });
    try {
      expect(codeOf(await subject.ask('/orders', { body }))).to.equal('503 no-queue');
    } finally {
      await subject.stop();
    }
  });

  it('answers the same where it is the exchange of its partitions, and says in the log what makes it', async () => {
    const partitions = definePipeline({
      name: 'accounts',
      source: partitioned('accounts', { by: 'id', partitions: 2, retry: false }),
      input: z.object({ id: z.string() }),
      handle: ({ id }) => of(id),
      ingress: { path: '/accounts' },
    });
    const told: object[] = [];
    const log: Logger = { ...silentLogger, warn: (fields: object | string) => told.push(Object(fields)) };
    const subject = await openDoor([orders], { entrances: entrancesOf([partitions]), log });
    try {
      expect(codeOf(await subject.ask('/accounts', { body }))).to.equal('503 no-queue');
      expect(told.at(-1)).to.have.property(
        'reason',
        'exchange "accounts" does not exist; "sluice topology --apply" makes those of sources and "publishes", as a worker does that may declare; others are made on the broker',
      );
    } finally {
      await subject.stop();
    }
  });
});

describe('the front door when it ends', () => {
  it('lets nobody in any more, answers who is in, and settles when all have left', async () => {
    const subject = await openDoor([orders]);
    const { door } = subject;
    const waiting = subject.ask('/orders', { body: { id: 'wait' }, headers: { prefer: 'wait=60' } });
    await eventually('it is handled', () => subject.worker.contents.length === 1);
    let isClosed = false;
    void door.closed.then(() => {
      isClosed = true;
    });
    door.drain();
    door.drain();
    const late = await subject.ask('/orders', { body }).catch((error: NodeJS.ErrnoException) => error.code);
    expect(late).to.equal('ECONNREFUSED');
    expect(isClosed).to.equal(false);
    answers.next('done');
    const told = await waiting;
    expect([told.status, told.text]).to.deep.equal([200, '"done"']);
    await door.closed;
    await subject.stop();
  });

  it('tells who still waits when the time is over that his message is accepted', async () => {
    const subject = await openDoor([orders]);
    const waiting = subject.ask('/orders', { body: { id: 'wait' }, headers: { prefer: 'wait=60' } });
    await eventually('it is handled', () => subject.worker.contents.length === 1);
    subject.door.drain();
    subject.door.hasten();
    expect((await waiting).status).to.equal(202);
    await subject.door.closed;
    answers.next('done');
    await subject.stop();
  });

  describe('and connections that have asked nothing', () => {
    const head = 'POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const answered = 'GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n';
    const bodyOf = (id: string) => {
      const text = JSON.stringify({ id });
      return `content-length: ${text.length}\r\nprefer: wait=60\r\n\r\n${text}`;
    };
    let subject: DoorUnderTest;
    let sockets: Socket[] = [];
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      await subject.stop();
    });

    /** Connections on which so much is sent that the door has it. */
    async function openWith(parts: readonly string[], requestTimeoutMs: number) {
      subject = await openDoor([orders], { requestTimeoutMs });
      const told = parts.map(() => '');
      sockets = parts.map((part, n) => {
        const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
        socket.on('data', (chunk) => {
          told[n] += chunk.toString();
        });
        socket.on('error', () => {});
        if (part !== '') socket.write(part);
        return socket;
      });
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      // What a connection after them is told is told after the door has read what they sent.
      expect((await subject.ask('/openapi.json', { method: 'GET' })).status).to.equal(200);
      return { told, ended: sockets.map((socket) => once(socket, 'close')) };
    }

    for (const [name, part, expected] of [
      ['that has sent nothing', '', /^$/],
      ['that has sent half a head', head, /^HTTP\/1\.1 408 .*:too-slow"/s],
      ['that has sent half a body', `${head}content-length: 10\r\n\r\n{`, /^HTTP\/1\.1 408 .*:too-slow"/s],
      [
        'that has sent half a head after a request',
        `${answered}${head}`,
        /^HTTP\/1\.1 200 .*HTTP\/1\.1 408 .*:too-slow"/s,
      ],
    ] as const)
      it(`does not wait for one ${name}`, async () => {
        const { told, ended } = await openWith([part], 600);
        subject.door.drain();
        await Promise.all([...ended, subject.door.closed]);
        expect(told[0]).to.match(expected);
      });

    it('tells those on which a request comes yet, or the rest of one, how it is', async () => {
      const { told, ended } = await openWith(['', head, `${head}content-length: 10\r\n\r\n{`], 20_000);
      subject.door.drain();
      for (const [n, rest] of [`${head}${bodyOf('a')}`, bodyOf('b'), '"id":"c"}'].entries()) sockets[n]?.write(rest);
      await Promise.all(ended);
      for (const late of told.slice(0, 2)) expect(late).to.match(/^HTTP\/1\.1 503 .*connection: close.*:draining"/is);
      expect(told[2]).to.match(/^HTTP\/1\.1 202 .*connection: close/is);
      await subject.door.closed;
    });

    it('answers meanwhile who waits for a result, whatever part of a request stands behind his', async () => {
      const waiting = `${head}${bodyOf('wait')}`;
      const { told, ended } = await openWith([waiting, waiting, head], 300);
      await eventually('they are handled', () => subject.worker.contents.length === 2);
      subject.door.drain();
      sockets[1]?.write(head);
      await eventually('who is late is gone', () => told[2]?.includes(' 408 ') === true);
      expect(told.slice(0, 2)).to.deep.equal(['', '']);
      answers.next('done');
      await Promise.all([...ended, subject.door.closed]);
      for (const answer of told.slice(0, 2)) expect(answer).to.match(/^HTTP\/1\.1 200 .*"done"$/s);
    });

    it('answers all on one connection who are in, one behind another, and closes it then', async () => {
      const waiting = `${head}${bodyOf('wait')}`;
      const { told, ended } = await openWith([waiting + waiting, waiting + answered], 20_000);
      await eventually('they are handled', () => subject.worker.contents.length === 3);
      subject.door.drain();
      answers.next('done');
      await eventually('they are answered', () => told.every((all) => all.split('HTTP/1.1 200 ').length === 3));
      sockets[1]?.write(answered);
      await Promise.all([...ended, subject.door.closed]);
      for (const all of told) expect(all.match(/HTTP\/1\.1 /g), all).to.have.length(2);
    });
  });
});

describeWithOwnRabbitMq('the front door under an alarm of RabbitMQ', () => {
  it('answers whom it meets within a second and some, and whoever comes then at once', async () => {
    const rabbit = await startPrivateRabbitMq();
    const subject = await openDoor([orders], { amqpUrl: rabbit.url });
    try {
      const post = () => subject.ask('/orders', { body });
      await rabbit.control('set_vm_memory_high_watermark', '0.0000001');
      const begun = Date.now();
      const met = await Promise.all(Array.from({ length: 50 }, post));
      expect(met.map(codeOf)).to.include('503 not-confirmed');
      expect(met.filter(({ status }) => status !== 503)).to.deep.equal([]);
      expect(Date.now() - begun).to.be.below(5_000);
      expect(codeOf(await post())).to.equal('503 broker-blocked');
      await rabbit.control('set_vm_memory_high_watermark', '0.4');
      await eventually('it accepts again', async () => (await post()).status === 202);
    } finally {
      await subject.stop();
      await rabbit.stop();
    }
  });
});

describeWithRabbitMq('the front door over RabbitMQ', (broker) => {
  it('accepts, waits, tells of dead letters and of their end when they are retried', async () => {
    const name = `door-${process.pid}`;
    let isMended = false;
    const pipeline = definePipeline({
      name,
      source: queue(name, { retry: false }),
      input: z.object({ id: z.string() }),
      handle: ({ id }) => {
        if (id === 'bad' && !isMended) throw new TypeError('mine');
        return of({ done: id });
      },
      ingress: { path: '/orders', maxWait: '60s' },
    });
    const subject = await openDoor([pipeline], { amqpUrl: broker().url });
    try {
      const post = (id: string, headers: Record<string, string> = {}) =>
        subject.ask('/orders', { body: { id }, headers: { prefer: 'wait=60', ...headers } });
      const done = await Promise.all(Array.from({ length: 50 }, (_, n) => post(`o-${n}`)));
      expect(done.map(({ status, body: told }) => [status, told.done])).to.deep.equal(
        Array.from({ length: 50 }, (_, n) => [200, `o-${n}`]),
      );
      const keyed = { 'idempotency-key': 'bad-1' };
      expect(codeOf(await post('bad', keyed))).to.equal('500 dead-lettered');
      expect((await subject.ask('/orders', { body })).status).to.equal(202);

      isMended = true;
      await subject.retry(name);
      await eventually('it is done', async () => (await post('bad', keyed)).status === 200);
    } finally {
      await subject.stop();
    }
  });

  it('holds no body of those who wait for a result', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const name = `door-held-${process.pid}`;
    const pipeline = definePipeline({
      name,
      // One is in this process for the pipeline, and the others with the broker.
      source: queue(name, { retry: false, prefetch: 1 }),
      input: z.string(),
      concurrency: 1,
      handle: () => NEVER,
      ingress: { path: '/orders', maxWait: '60s', maxBodyBytes: 250_002 },
    });
    const subject = await openDoor([pipeline], { amqpUrl: broker().url });
    const agent = new Agent({ keepAlive: false });
    try {
      collect();
      const before = process.memoryUsage().arrayBuffers;
      const asked = { body: JSON.stringify('x'.repeat(250_000)), headers: { prefer: 'wait=60' } };
      for (let n = 0; n < 40; n++) ask(`${subject.door.url}/orders`, agent, asked).catch(() => {});
      const depth = async () => (await firstValueFrom(subject.amqp.depthOf(name))).messages;
      await eventually('one is handled, and all others wait', async () => (await depth()) === 39);
      // The messages of 10 MB and what came with them.
      await eventually('they are let go of', () => {
        collect();
        return process.memoryUsage().arrayBuffers - before < 2_000_000;
      });
      expect(subject.answered).to.deep.equal([]);
    } finally {
      agent.destroy();
      await subject.stop();
    }
  });
});

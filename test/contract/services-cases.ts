/** What calling a service must be over every broker: one suite, over the embedded broker and over RabbitMQ, with workers as they run. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Message, Options } from 'amqplib';
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { causeOf, codeOf } from '../../src/errors.ts';
import type { Fact } from '../../src/events.ts';
import {
  defineApi,
  definePipeline,
  defineService,
  exchange,
  gather,
  PermanentError,
  type Pipeline,
  queue,
  ServiceFailedError,
  type ServiceOptions,
  TransientError,
} from '../../src/index.ts';
import { throughPort } from '../broker/amqp/rabbitmq-under-test.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { type InProcessWorker, startInProcess } from '../support/in-process-worker.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

export interface ServedBroker {
  readonly url: string;
  stop(): Promise<void>;
}

const Ask = z.object({ sku: z.string() });
const Price = z.object({ price: z.number() });
const WAITS_MS = 60_000;

export function servicesContract(setup: () => Promise<ServedBroker>): void {
  let subject: ServedBroker;
  let client: BrokerClient;
  let proxy: TcpProxy;
  let api: Server;
  let counter = 0;
  let workers: InProcessWorker[] = [];
  let names: string[] = [];

  before(async () => {
    subject = await setup();
    client = await connectClient(subject.url);
    proxy = await startTcpProxy(Number(new URL(subject.url).port || 5672));
    api = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ratio: 0.5 }));
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    api?.close();
    await client?.close();
    await proxy?.stop();
    await subject?.stop();
  });
  afterEach(async function () {
    this.timeout(WAITS_MS);
    for (const { stop } of workers) await stop();
    workers = [];
    await client.deleteQueues(names);
    names = [];
  });

  const nameOf = (what: string): string => {
    const name = `${what}.${process.pid}.${++counter}`;
    names.push(name, `${name}.dead`, `${name}.delay.1000`);
    return name;
  };
  const start = async (...pipelines: readonly Pipeline[]): Promise<InProcessWorker> => {
    const worker = startInProcess(pipelines, {
      urls: [throughPort(subject.url, proxy.port)],
      reconnect: { initialMs: 20, maxMs: 200 },
    });
    workers.push(worker);
    await worker.isReady();
    return worker;
  };
  const pricing = (at: string, more: Partial<Omit<ServiceOptions, 'operations'>> = {}) =>
    defineService('pricing', {
      queue: at,
      operations: { price: { request: Ask, answer: Price } },
      retry: false,
      timeout: '20s',
      ...more,
    });

  /** A pipeline that asks, and what it was answered or failed with. */
  const asking = (service: ReturnType<typeof pricing>) => {
    const source = nameOf('asking');
    const prices: number[] = [];
    const failures: unknown[] = [];
    const pipeline = definePipeline({
      name: source,
      source: queue(source, { retry: { delays: ['1s'] } }),
      input: Ask,
      apis: { service },
      needs: [],
      handle: (message, { apis }) => {
        const answers = apis.service.ask('price', message);
        return new Promise<void>((resolve, reject) => {
          answers.subscribe({
            next: ({ price }) => prices.push(price),
            complete: resolve,
            error: (error: unknown) => {
              failures.push(error);
              reject(error as Error);
            },
          });
        });
      },
    });
    const deliver = (properties: Options.Publish = {}) =>
      client.send(source, { sku: 's-1' }, { messageId: 'm-1', contentType: 'application/json', ...properties });
    return { pipeline, prices, failures, deliver };
  };

  /** A stranger who serves by hand: takes one request after the other. */
  const stranger = async (at: string): Promise<readonly Message[]> => {
    const taken: Message[] = [];
    await client.channel.assertQueue(at, { durable: true });
    await client.channel.consume(at, (message) => message !== null && taken.push(message), { noAck: true });
    return taken;
  };
  const reply = (to: Message | undefined, body: Buffer, properties: Options.Publish = {}): void => {
    client.channel.sendToQueue(String(to?.properties.replyTo), body, {
      correlationId: String(to?.properties.correlationId),
      contentType: 'application/json',
      ...properties,
    });
  };
  const priced = (price: number): Buffer => Buffer.from(JSON.stringify({ price }));
  const ended = ({ facts }: InProcessWorker, name: string): readonly Fact[] =>
    facts.filter((fact) => fact.type === 'settled' && fact.pipeline === name);

  it('is answered by a pipeline, which goes on with its conversation and its trace', async () => {
    const at = nameOf('prices');
    const serving = definePipeline({ name: at, source: queue(at), input: Ask, handle: () => of({ price: 7 }) });
    const asked = asking(pricing(at));
    const worker = await start(serving, asked.pipeline);
    await asked.deliver({ correlationId: 'conversation-1' });
    await eventually('it is answered', () => asked.prices.length === 1);

    const request = worker.contents.find(({ pipeline }) => pipeline === at);
    const caller = worker.contents.find(({ pipeline }) => pipeline === asked.pipeline.name);
    expect(asked.prices).to.deep.equal([7]);
    expect(request?.correlationId).to.equal('conversation-1');
    expect(request?.traceId).to.equal(caller?.traceId);
    expect(request?.properties.type).to.equal('price');
    expect(Number(request?.properties.expiration)).to.be.within(1, 20_000);
    expect(request?.properties.correlationId).to.match(/^[0-9a-f-]{36}$/);
    expect(request?.messageId).to.match(/^[\w-]{43}$/);
  });

  it('stands beside an API in a gather', async () => {
    const at = nameOf('prices');
    const serving = definePipeline({ name: at, source: queue(at), input: Ask, handle: () => of({ price: 8 }) });
    const { port } = api.address() as AddressInfo;
    const taxes = defineApi('taxes', { baseUrl: `http://127.0.0.1:${port}` });
    const source = nameOf('gathering');
    const results = await client.collect(nameOf('gathered'));
    const [exchangeName = ''] = names.slice(-3);
    const gathering = definePipeline({
      name: source,
      source: queue(source),
      input: Ask,
      apis: { taxes, service: pricing(at) },
      publishes: [exchangeName],
      handle: (message, { apis }) =>
        gather({
          tax: apis.taxes.get('/', { response: z.object({ ratio: z.number() }) }),
          base: apis.service.ask('price', message),
        }),
      output: () => exchange(exchangeName, 'gathered'),
    });
    await start(serving, gathering);
    await client.send(source, { sku: 's-1' });
    const [result] = await results.next(1);
    expect(result?.body).to.deep.equal({ tax: { ratio: 0.5 }, base: { price: 8 } });
  });

  it('tells at once of a request that the pipeline dead-lettered, and why', async () => {
    const at = nameOf('prices');
    const serving = definePipeline({
      name: at,
      source: queue(at),
      input: Ask,
      handle: () => {
        throw new PermanentError('no such article');
      },
    });
    const asked = asking(pricing(at));
    const worker = await start(serving, asked.pipeline);
    await asked.deliver();
    await eventually('both are settled', () => ended(worker, asked.pipeline.name).length === 1);

    const [failure] = asked.failures;
    expect(failure).to.be.instanceOf(ServiceFailedError);
    expect(failure).to.include({ errorCode: 'ERR_PERMANENT', status: 422, isTransient: false });
    expect(ended(worker, asked.pipeline.name)[0]).to.include({ settlement: 'deadLetter', code: 'ERR_SERVICE_FAILED' });
  });

  it('is asked again where the pipeline had no try left for what may pass', async () => {
    const at = nameOf('prices');
    let tries = 0;
    const serving = definePipeline({
      name: at,
      source: queue(at, { retry: false }),
      input: Ask,
      handle: () => {
        tries += 1;
        if (tries === 1) throw new TransientError('the price list is being written');
        return of({ price: 7 });
      },
    });
    const asked = asking(pricing(at, { retry: { maxAttempts: 2, backoff: { initial: 1, max: 5 } } }));
    const worker = await start(serving, asked.pipeline);
    await asked.deliver();
    await eventually('it is answered', () => asked.prices.length === 1);

    expect([tries, asked.prices]).to.deep.equal([2, [7]]);
    expect(ended(worker, at).map((fact) => 'settlement' in fact && fact.settlement)).to.deep.equal([
      'deadLetter',
      'ack',
    ]);
  });

  it('is not there at the start: the worker says which queue is missing, and ends', async () => {
    const at = nameOf('prices');
    const { pipeline } = asking(pricing(at));
    const worker = startInProcess([pipeline], { urls: [subject.url] });
    workers.push(worker);
    const { failure } = await worker.worker.stopped;
    expect(codeOf(failure)).to.equal('ERR_TOPOLOGY');
    expect(String(failure))
      .to.contain(`queue "${at}": it does not exist`)
      .and.contain('start what declares it, a service');
  });

  it('fails at once where no queue takes the request, as a network that fails, and the message waits', async () => {
    const at = nameOf('prices');
    await client.channel.assertQueue(at, { durable: true });
    const asked = asking(pricing(at));
    const worker = await start(asked.pipeline);
    await client.deleteQueues([at]);
    await asked.deliver();
    await eventually('it is settled', () => ended(worker, asked.pipeline.name).length === 1);

    expect(codeOf(asked.failures[0])).to.equal('ERR_NETWORK');
    expect(codeOf(causeOf(asked.failures[0]))).to.equal('ERR_UNROUTABLE');
    expect(ended(worker, asked.pipeline.name)[0]).to.include({ settlement: 'retry' });
  });

  it('is asked again, under the same message id, where the connection went with its answer', async function () {
    this.timeout(WAITS_MS);
    const at = nameOf('prices');
    const taken = await stranger(at);
    const asked = asking(pricing(at));
    await start(asked.pipeline);
    await asked.deliver();
    await eventually('it was asked', () => taken.length === 1);

    proxy.cut();
    await eventually('it was asked again', () => taken.length === 2, WAITS_MS);
    reply(taken[0], priced(1));
    reply(taken[1], priced(2));
    await eventually('it is answered', () => asked.prices.length === 1);

    expect(asked.prices).to.deep.equal([2]);
    expect(taken[1]?.properties.messageId).to.equal(taken[0]?.properties.messageId);
    expect(taken[1]?.properties.correlationId).to.not.equal(taken[0]?.properties.correlationId);
  });

  it('believes no answer but the first under its own correlation id', async () => {
    const at = nameOf('prices');
    const taken = await stranger(at);
    const asked = asking(pricing(at));
    await start(asked.pipeline);
    await asked.deliver();
    await eventually('it was asked', () => taken.length === 1);

    const [request] = taken;
    reply(request, priced(1), { correlationId: 'somebody else' });
    reply(request, priced(2), { correlationId: '' });
    reply(request, priced(3), { correlationId: String(request?.properties.messageId) });
    reply(request, priced(4), {
      correlationId: '__proto__',
      headers: { 'x-sluice-answers': request?.properties.messageId },
    });
    reply(request, priced(5));
    reply(request, priced(6));
    await eventually('it is answered', () => asked.prices.length > 0);
    expect(asked.prices).to.deep.equal([5]);
  });

  const hostile: readonly (readonly [what: string, body: Buffer, properties: Options.Publish, code: string])[] = [
    ['is no JSON', Buffer.from('{"price":'), {}, 'ERR_RESPONSE_INVALID'],
    ['does not fit the schema', Buffer.from('{"price":"seven"}'), {}, 'ERR_RESPONSE_INVALID'],
    ['is not what its encoding says', Buffer.from('plain'), { contentEncoding: 'gzip' }, 'ERR_RESPONSE_INVALID'],
    ['has an encoding nobody knows', priced(7), { contentEncoding: 'br' }, 'ERR_RESPONSE_INVALID'],
    ['is larger than allowed', Buffer.alloc(5_000, ' '), {}, 'ERR_RESPONSE_TOO_LARGE'],
    ['inflates to more', gzipSync(Buffer.alloc(1_000_000)), { contentEncoding: 'gzip' }, 'ERR_RESPONSE_TOO_LARGE'],
    ['is a problem', Buffer.from('{"status":409}'), { contentType: 'application/problem+json' }, 'ERR_SERVICE_FAILED'],
  ];
  for (const [what, body, properties, code] of hostile) {
    it(`fails a call for good whose answer ${what}`, async () => {
      const at = nameOf('prices');
      const taken = await stranger(at);
      const asked = asking(pricing(at, { maxResponseBytes: 2_000 }));
      const worker = await start(asked.pipeline);
      await asked.deliver();
      await eventually('it was asked', () => taken.length === 1);
      reply(taken[0], body, properties);
      await eventually('it is settled', () => ended(worker, asked.pipeline.name).length === 1);
      expect(ended(worker, asked.pipeline.name)[0]).to.include({ settlement: 'deadLetter', code });
    });
  }

  it('takes an answer under gzip', async () => {
    const at = nameOf('prices');
    const taken = await stranger(at);
    const asked = asking(pricing(at));
    await start(asked.pipeline);
    await asked.deliver();
    await eventually('it was asked', () => taken.length === 1);
    reply(taken[0], gzipSync(priced(9)), { contentEncoding: 'gzip' });
    await eventually('it is answered', () => asked.prices.length === 1);
    expect(asked.prices).to.deep.equal([9]);
  });

  it('takes its time and its pause from a problem, and tries again', async () => {
    const at = nameOf('prices');
    const taken = await stranger(at);
    const asked = asking(pricing(at, { retry: { maxAttempts: 2, backoff: { initial: 1, max: 5 } } }));
    await start(asked.pipeline);
    await asked.deliver();
    await eventually('it was asked', () => taken.length === 1);
    reply(taken[0], Buffer.from('{"status":503}'), {
      contentType: 'application/problem+json',
      headers: { 'retry-after': '0' },
    });
    await eventually('it was asked again', () => taken.length === 2);
    reply(taken[1], priced(3));
    await eventually('it is answered', () => asked.prices.length === 1);
    expect(asked.prices).to.deep.equal([3]);
  });

  it('leaves no request behind that nobody took in time', async () => {
    const at = nameOf('prices');
    await client.channel.assertQueue(at, { durable: true });
    const asked = asking(pricing(at, { timeout: '200ms' }));
    const worker = await start(asked.pipeline);
    await asked.deliver();
    await eventually('it was given up', () => ended(worker, asked.pipeline.name).length === 1);
    expect(codeOf(asked.failures[0])).to.equal('ERR_CALL_TIMEOUT');
    await eventually('the queue is empty', async () => (await client.channel.checkQueue(at)).messageCount === 0);
  });
}

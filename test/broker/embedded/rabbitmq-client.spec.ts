/** The embedded broker through a client that is not amqplib. */
import { expect } from 'chai';
import { Connection } from 'rabbitmq-client';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../support/eventually.ts';

describe('the embedded broker with rabbitmq-client', () => {
  let broker: EmbeddedBroker;
  let client: Connection;

  beforeEach(async () => {
    broker = createEmbeddedBroker();
    const { url } = await broker.start();
    client = new Connection({ url, retryLow: 20, retryHigh: 50 });
    client.on('error', () => {});
  });
  afterEach(async () => {
    await client.close();
    await broker.stop();
  });

  it('publishes with confirms, consumes, and acks', async () => {
    const seen: unknown[] = [];
    const consumer = client.createConsumer(
      {
        queue: 'work',
        queueOptions: { durable: true },
        qos: { prefetchCount: 2 },
        exchanges: [{ exchange: 'in', type: 'topic' }],
        queueBindings: [{ exchange: 'in', routingKey: 'order.*' }],
      },
      async ({ body, headers }) => void seen.push([body, headers?.mine]),
    );
    await new Promise((resolve) => consumer.once('ready', resolve));
    const publisher = client.createPublisher({ confirm: true, maxAttempts: 2 });
    for (let order = 1; order <= 5; order++)
      await publisher.send({ exchange: 'in', routingKey: 'order.placed', headers: { mine: order } }, { order });
    await eventually('all seen', () => seen.length === 5);
    expect(seen).to.deep.equal([1, 2, 3, 4, 5].map((order) => [{ order }, order]));
    await eventually('all acked', () => broker.stats().ledger.acked === 5);
    await consumer.close();
    await publisher.close();
  });

  it('redelivers what a handler gave back', async () => {
    const redelivered: boolean[] = [];
    const consumer = client.createConsumer({ queue: 'work', queueOptions: { durable: true } }, async (message) => {
      redelivered.push(message.redelivered);
      return message.redelivered ? 0 : 1;
    });
    consumer.on('error', () => {});
    await new Promise((resolve) => consumer.once('ready', resolve));
    const publisher = client.createPublisher({ confirm: true });
    await publisher.send('work', 'a');
    await eventually('twice', () => redelivered.length === 2);
    expect(redelivered).to.deep.equal([false, true]);
    await consumer.close();
    await publisher.close();
  });

  it('asks and answers, by direct reply-to', async () => {
    const server = client.createConsumer(
      { queue: 'double', queueOptions: { durable: false } },
      async (message, reply) => {
        await reply({ result: message.body.value * 2 });
      },
    );
    await new Promise((resolve) => server.once('ready', resolve));
    const rpc = client.createRPCClient({ confirm: true });
    const answers = await Promise.all([1, 2, 3].map((value) => rpc.send('double', { value })));
    expect(answers.map(({ body }) => body)).to.deep.equal([{ result: 2 }, { result: 4 }, { result: 6 }]);
    await rpc.close();
    await server.close();
  });

  it('comes back after a cut, and goes on consuming', async () => {
    const seen: unknown[] = [];
    const consumer = client.createConsumer(
      { queue: 'work', queueOptions: { durable: true } },
      async ({ body }) => void seen.push(body),
    );
    consumer.on('error', () => {});
    await new Promise((resolve) => consumer.once('ready', resolve));
    const back = new Promise((resolve) => consumer.once('ready', resolve));
    broker.cutConnections();
    await back;
    const publisher = client.createPublisher({ confirm: true, maxAttempts: 5 });
    await publisher.send('work', 'after');
    await eventually('seen', () => seen.includes('after'));
    await consumer.close();
    await publisher.close();
  });

  it('hears of a message that reaches no queue, and of errors with their codes', async () => {
    const publisher = client.createPublisher({ confirm: true });
    const returned = new Promise<string>((resolve) =>
      publisher.on('basic.return', ({ replyText }) => resolve(replyText)),
    );
    await publisher.send({ exchange: '', routingKey: 'nowhere', mandatory: true }, 'lost');
    expect(await returned).to.equal('NO_ROUTE');
    const error = await client.queueDeclare({ queue: 'nowhere', passive: true }).then(
      () => undefined,
      (refusal: { readonly code: string; readonly message: string }) => refusal,
    );
    expect(error?.code).to.equal('NOT_FOUND');
    await publisher.close();
  });
});

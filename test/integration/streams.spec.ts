/** A stream end to end: real workers in processes of their own on a real RabbitMQ; the one that reads is killed in the middle. */
import { expect } from 'chai';
import { type BrokerClient, type Collector, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const QUEUES = ['events', 'streaming.stream', 'streaming.stream.dead', 'streaming.stream.place'];

describeWithRabbitMq('a stream and its workers', (broker) => {
  let client: BrokerClient;
  let results: Collector;
  const workers: WorkerProcess[] = [];

  before(async () => {
    client = await connectClient(broker().url);
    await client.channel.assertQueue('events', { arguments: { 'x-queue-type': 'stream' } });
    results = await client.collect('streaming.out');
  });
  after(async () => {
    for (const worker of workers) await worker.kill();
    await client?.deleteQueues(QUEUES);
    await client?.close();
  });

  const startWorker = async (): Promise<WorkerProcess> => {
    const worker = startSluice(['run', 'test/fixtures/streaming'], { AMQP_URL: broker().url });
    workers.push(worker);
    await consuming(worker, ['streaming']);
    return worker;
  };
  const send = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await client.send('events', { n });
  };
  const seen = (): ReadonlyMap<number, unknown> =>
    new Map(results.messages.map(({ body, properties }) => [(body as { n: number }).n, properties.messageId]));

  it('loses nothing when workers are killed, stop and come back, and leaves the stream as it is', async () => {
    await send(0, 20);
    const [first, second] = [await startWorker(), await startWorker()];
    await eventually(
      () => `all but the refused one; there are ${seen().size}`,
      () => seen().size === 19,
      60_000,
    );
    // Which of them reads is the broker's choice: each goes once.
    first.signal('SIGKILL');
    await first.exit;
    await send(20, 40);
    await eventually(
      () => `those as well; there are ${seen().size}`,
      () => seen().size === 39,
      60_000,
    );
    second.signal('SIGTERM');
    expect(await second.exit).to.equal(0);
    await send(40, 50);
    const third = await startWorker();
    await eventually(
      () => `and what came meanwhile; there are ${seen().size}`,
      () => seen().size === 49,
      60_000,
    );
    third.signal('SIGTERM');
    expect(await third.exit).to.equal(0);

    expect(seen().has(7)).to.equal(false);
    const letters = await client.drain('streaming.stream.dead');
    expect(letters.map(({ body }) => (body as { n: number }).n)).to.include(7);
    // The broker counts a stream's messages every few seconds.
    await eventually(
      'the stream has all of them',
      async () => (await client.channel.checkQueue('events')).messageCount === 50,
    );
    expect((await client.channel.checkQueue('streaming.stream')).messageCount).to.equal(0);
    expect((await client.channel.checkQueue('streaming.stream.place')).messageCount).to.equal(1);
  }).timeout(240_000);
});

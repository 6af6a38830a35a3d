/**
 * What RabbitMQ itself bears, without sluice: `npm run bench:broker`. Messages of one queue published with confirms, and taken and acked with
 * several prefetches, by amqplib alone; classic queues and quorum queues in turn, each round on queues of its own. One node: what a majority of
 * several adds, its network and its disks, is not in it.
 */
import amqp, { type ChannelModel } from 'amqplib';
import { argumentsOf } from './support/arguments.ts';
import { findBroker } from './support/bench-broker.ts';
import { median, ratioOf, textOfRatio } from './support/ratios.ts';

const values = argumentsOf(
  `npm run bench:broker [-- options]

  --rounds N      rounds in turn (default: 5)
  --messages N    messages of each (default: 5000)`,
  { rounds: { type: 'string', default: '5' }, messages: { type: 'string', default: '5000' } },
  { rounds: 1, messages: 1 },
);
const ROUNDS = Number(values.rounds);
const MESSAGES = Number(values.messages);

const TYPES = ['classic', 'quorum'] as const;
type QueueType = (typeof TYPES)[number];
const PREFETCHES = [10, 100, 1_000] as const;
/** As many as sluice has under way on a connection, and the bytes of a small order. */
const WINDOW = 1_000;
const BODY = Buffer.alloc(250, 'x');
const PUBLISH = 'published with confirms';
const taken = (prefetch: number): string => `taken and acked, prefetch ${prefetch}`;

async function publish(connection: ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createConfirmChannel();
  for (let sent = 0; sent < MESSAGES; sent += WINDOW) {
    for (let n = sent; n < Math.min(sent + WINDOW, MESSAGES); n++)
      channel.sendToQueue(queue, BODY, { persistent: true, contentType: 'application/json', messageId: `m${n}` });
    await channel.waitForConfirms();
  }
  await channel.close();
}

async function take(connection: ChannelModel, queue: string, prefetch: number): Promise<void> {
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  let left = MESSAGES;
  await new Promise<void>((resolve, reject) => {
    channel
      .consume(queue, (message) => {
        if (message === null) return;
        channel.ack(message);
        if (--left === 0) resolve();
      })
      .catch(reject);
  });
  await channel.close();
}

async function perSecond(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (MESSAGES * 1_000) / (performance.now() - startedAt);
}

/** Messages a second of each kind of work, on a new queue. */
async function round(connection: ChannelModel, type: QueueType): Promise<Readonly<Record<string, number>>> {
  const channel = await connection.createChannel();
  const queue = `sluice.bench.${type}`;
  await channel.deleteQueue(queue);
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
  const rates: Record<string, number> = {};
  for (const prefetch of PREFETCHES) {
    rates[PUBLISH] = await perSecond(() => publish(connection, queue));
    rates[taken(prefetch)] = await perSecond(() => take(connection, queue, prefetch));
  }
  await channel.deleteQueue(queue);
  await channel.close();
  return rates;
}

async function main(): Promise<void> {
  const broker = await findBroker();
  try {
    const connection = await amqp.connect(broker.url);
    const seen: Record<QueueType, Readonly<Record<string, number>>[]> = { classic: [], quorum: [] };
    // The first of each warms the broker up.
    for (let n = 0; n <= ROUNDS; n++)
      for (const type of TYPES) {
        const rates = await round(connection, type);
        if (n > 0) seen[type].push(rates);
      }
    await connection.close();
    const ratesOf = (type: QueueType, work: string): number[] => seen[type].map((rates) => rates[work] ?? Number.NaN);
    console.log(
      `| ${MESSAGES} messages of ${BODY.length} bytes, median of ${ROUNDS} rounds in turn | classic | quorum | quorum / classic |`,
    );
    console.log('| --- | --- | --- | --- |');
    for (const work of [PUBLISH, ...PREFETCHES.map(taken)]) {
      const [classic, quorum] = [ratesOf('classic', work), ratesOf('quorum', work)];
      console.log(
        `| ${work} | ${median(classic).toFixed(0)}/s | ${median(quorum).toFixed(0)}/s | ${textOfRatio(ratioOf(quorum, classic))} |`,
      );
    }
  } finally {
    await broker.stop();
  }
}

await main();

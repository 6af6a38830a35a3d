/** AMQP cases: streams, logs that are read from a place and lose nothing by it. */
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { AmqpCase } from './amqp-cases.ts';
import { bodyOf, type Seen, type Tools } from './amqp-tools.ts';

const stream = (channel: Channel, tools: Tools, args: Record<string, unknown> = {}): Promise<string> =>
  tools.queue(channel, { arguments: { 'x-queue-type': 'stream', ...args } });

/**
 * Sends each when the one before is confirmed, and so written: a chunk of its own. RabbitMQ writes what it has got together as one chunk, and RabbitMQ 3
 * hands over all of a chunk at once, whatever the prefetch leaves room for.
 */
const sendInChunks = async (
  channel: ConfirmChannel,
  tools: Tools,
  queue: string,
  bodies: readonly string[],
): Promise<void> => {
  for (const body of bodies) await tools.send(channel, queue, [body]);
};

/** What one who begins at that place reads of five messages. */
const readFrom =
  (offset: unknown, count: number) =>
  async (connection: ChannelModel, tools: Tools): Promise<unknown> => {
    const channel = await connection.createConfirmChannel();
    const queue = await stream(channel, tools);
    await sendInChunks(channel, tools, queue, ['a', 'b', 'c', 'd', 'e']);
    const seen = await reading(connection, tools, queue, offset);
    await seen.bodies(count);
    return offsets(seen);
  };

const reading = async (connection: ChannelModel, tools: Tools, queue: string, offset: unknown): Promise<Seen> => {
  const channel = await connection.createChannel();
  await channel.prefetch(10);
  return tools.consume(channel, queue, offset === undefined ? {} : { arguments: { 'x-stream-offset': offset } });
};

const offsets = (seen: Seen): unknown =>
  seen.deliveries.map((delivery) => [bodyOf(delivery), delivery.properties.headers?.['x-stream-offset']]);

const givenBack = async (
  tools: Tools,
  giveBack: (reader: Channel, delivery: ConsumeMessage) => void,
): Promise<unknown> => {
  const read: string[] = [];
  const refusal = await tools.refusal(async (channel) => {
    const queue = await stream(channel, tools);
    await sendInChunks(channel, tools, queue, ['a', 'b']);
    await channel.prefetch(1);
    const seen = await tools.consume(channel, queue, { arguments: { 'x-stream-offset': 'first' } });
    read.push(...(await seen.bodies(1)));
    for (const delivery of seen.deliveries.slice(0, 1)) giveBack(channel, delivery);
    read.push(...(await seen.bodies(2)).slice(1));
  });
  return { refusal, read };
};

const MADE_ROOM = { refusal: { scope: 'none', text: '' }, read: ['a', 'b'] };

const ALL = [
  ['a', 0],
  ['b', 1],
  ['c', 2],
  ['d', 3],
  ['e', 4],
];

export const streamCases: readonly AmqpCase[] = [
  { title: 'are read from their first message on', run: readFrom('first', 5), expected: ALL },
  { title: 'are read from an offset on', run: readFrom(3, 2), expected: ALL.slice(3) },
  {
    title: 'are read from a moment on',
    run: readFrom({ '!': 'timestamp', value: 1_000_000 }, 5),
    expected: ALL,
  },
  {
    title: 'are read from what comes next, where nothing or "next" is said',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await stream(channel, tools);
      await tools.send(channel, queue, ['a']);
      const [said, unsaid] = [
        await reading(connection, tools, queue, 'next'),
        await reading(connection, tools, queue, undefined),
      ];
      await tools.send(channel, queue, ['b']);
      await Promise.all([said.bodies(1), unsaid.bodies(1)]);
      return [offsets(said), offsets(unsaid)];
    },
    expected: [[['b', 1]], [['b', 1]]],
  },
  {
    title: 'are read by each consumer for itself, and keep what is acked',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await stream(channel, tools);
      await tools.send(channel, queue, ['a', 'b']);
      const first = await reading(connection, tools, queue, 'first');
      await first.bodies(2);
      const second = await reading(connection, tools, queue, 'first');
      await second.bodies(2);
      return [offsets(first), offsets(second)];
    },
    expected: [ALL.slice(0, 2), ALL.slice(0, 2)],
  },
  {
    title: 'go on with each ack',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await stream(channel, tools);
      await sendInChunks(channel, tools, queue, ['a', 'b', 'c', 'd']);
      const reader = await connection.createChannel();
      await reader.prefetch(1);
      const seen = await tools.consume(reader, queue, { arguments: { 'x-stream-offset': 'first' } });
      for (let count = 1; count <= 4; count++) {
        await seen.bodies(count);
        reader.ack(seen.deliveries[count - 1] as never);
      }
      return seen.deliveries.map((delivery) => [bodyOf(delivery), delivery.fields.redelivered]);
    },
    expected: [
      ['a', false],
      ['b', false],
      ['c', false],
      ['d', false],
    ],
  },
  {
    title: 'take nothing back by reject, and go on',
    run: (_connection, tools) => givenBack(tools, (reader, delivery) => reader.reject(delivery, true)),
    expected: MADE_ROOM,
  },
  {
    title: 'take nothing back by nack, drop nothing, and go on',
    run: (_connection, tools) => givenBack(tools, (reader, delivery) => reader.nack(delivery, false, false)),
    expected: MADE_ROOM,
  },
  {
    title: 'are not read without a prefetch',
    run: (_connection, tools) =>
      tools.refusal(async (channel) => {
        const queue = await stream(channel, tools);
        await channel.consume(queue, () => {});
      }),
    expected: {
      scope: 'channel',
      text: "406 PRECONDITION_FAILED - consumer prefetch count is not set for stream queue '<1>' in vhost '/'",
    },
  },
  {
    title: 'are not read without acks',
    run: (_connection, tools) =>
      tools.refusal(async (channel) => {
        const queue = await stream(channel, tools);
        await channel.prefetch(1);
        await channel.consume(queue, () => {}, { noAck: true });
      }),
    expected: {
      scope: 'connection',
      text: "540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queue '<1>' in vhost '/'",
    },
  },
  {
    title: 'are not read one by one',
    run: (_connection, tools) =>
      tools.refusal(async (channel) => {
        const queue = await stream(channel, tools);
        await channel.get(queue);
      }),
    expected: {
      scope: 'connection',
      text: "540 NOT_IMPLEMENTED - basic.get not supported by stream queues queue '<1>' in vhost '/'",
    },
  },
  {
    title: 'are not purged',
    run: (_connection, tools) =>
      tools.refusal(async (channel) => {
        await channel.purgeQueue(await stream(channel, tools));
      }),
    expected: {
      scope: 'connection',
      text: "540 NOT_IMPLEMENTED - queue.purge not supported by stream queues queue '<1>' in vhost '/'",
    },
  },
  {
    title: 'know no priority among their readers',
    run: (_connection, tools) =>
      tools.refusal(async (channel) => {
        const queue = await stream(channel, tools);
        await channel.prefetch(1);
        await channel.consume(queue, () => {}, { priority: 1 });
      }),
    expected: {
      scope: 'channel',
      text: "406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue '<1>' in vhost '/' of queue type rabbit_stream_queue",
    },
  },
  {
    title: 'are durable',
    run: (_connection, tools) =>
      tools.refusal((channel) => tools.queue(channel, { durable: false, arguments: { 'x-queue-type': 'stream' } })),
    expected: {
      scope: 'channel',
      text: "406 PRECONDITION_FAILED - invalid property 'non-durable' for queue '<1>' in vhost '/'",
    },
  },
  {
    title: 'have no dead letters, limits of length or times to live',
    run: async (_connection, tools) => {
      const outcomes: unknown[] = [];
      for (const args of [{ 'x-message-ttl': 1_000 }, { 'x-max-length': 1 }, { 'x-dead-letter-exchange': '' }])
        outcomes.push(await tools.refusal((channel) => stream(channel, tools, args)));
      return outcomes;
    },
    expected: ['x-message-ttl', 'x-max-length', 'x-dead-letter-exchange'].map((argument, index) => ({
      scope: 'channel',
      text: `406 PRECONDITION_FAILED - invalid arg '${argument}' for queue '<${index + 1}>' in vhost '/' of queue type rabbit_stream_queue`,
    })),
  },
];

/** AMQP cases: publishes, confirms, returns, full queues, properties, direct reply-to. */
import type { Channel, ConfirmChannel, Message } from 'amqplib';
import type { AmqpCase } from './amqp-cases.ts';
import { bodyOf } from './amqp-tools.ts';

/** Publishes and tells what came, in order: returns, acks, nacks. */
async function answers(
  channel: ConfirmChannel,
  publish: (told: (answer: string) => (error: unknown) => void) => void,
): Promise<readonly string[]> {
  const heard: string[] = [];
  channel.on('return', (message: Message) => {
    const fields = message.fields as unknown as { readonly replyCode: number; readonly replyText: string };
    heard.push(`return ${bodyOf(message)} ${fields.replyCode} ${fields.replyText}`);
  });
  publish((name) => (error) => heard.push(`${error ? 'nack' : 'ack'} ${name}`));
  await channel.waitForConfirms().catch(() => {});
  return heard;
}

const overflowing = (overflow: string, extra: Record<string, unknown> = {}) => ({
  arguments: { 'x-max-length': 2, 'x-overflow': overflow, ...extra },
});

export const publishCases: readonly AmqpCase[] = [
  {
    title: 'are confirmed in order',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      return answers(channel, (told) => {
        for (const body of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(body), {}, told(body));
      });
    },
    expected: ['ack a', 'ack b', 'ack c'],
  },
  {
    title: 'that reach no queue are confirmed too',
    run: async (connection) => {
      const channel = await connection.createConfirmChannel();
      return answers(channel, (told) => channel.publish('amq.direct', 'nowhere', Buffer.from('a'), {}, told('a')));
    },
    expected: ['ack a'],
  },
  {
    title: 'that reach no queue are returned before their confirm when mandatory',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const heard = await answers(channel, (told) => {
        channel.publish('', queue, Buffer.from('a'), { mandatory: true }, told('a'));
        channel.publish('', 'nowhere', Buffer.from('b'), { mandatory: true }, told('b'));
      });
      // Confirms of one moment may come together, after the return of the last.
      return [[...heard].sort(), heard.indexOf('return b 312 NO_ROUTE') < heard.indexOf('ack b')];
    },
    expected: [['ack a', 'ack b', 'return b 312 NO_ROUTE'], true],
  },
  {
    title: 'to a full queue that drops its head are confirmed, and the oldest go',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel, overflowing('drop-head'));
      const heard = await answers(channel, (told) => {
        for (const body of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, Buffer.from(body), {}, told(body));
      });
      return [heard, (await tools.drain(channel, queue)).map(bodyOf)];
    },
    expected: [
      ['ack a', 'ack b', 'ack c', 'ack d'],
      ['c', 'd'],
    ],
  },
  {
    title: 'to a full queue that rejects publishes are nacked',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel, overflowing('reject-publish'));
      await tools.send(channel, queue, ['a', 'b']);
      const heard = await answers(channel, (told) => channel.sendToQueue(queue, Buffer.from('c'), {}, told('c')));
      return [heard, (await tools.drain(channel, queue)).map(bodyOf)];
    },
    expected: [['nack c'], ['a', 'b']],
  },
  {
    title: 'to a full queue that dead-letters what it rejects are nacked and dead-lettered',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const dead = await tools.queue(channel);
      const queue = await tools.queue(
        channel,
        overflowing('reject-publish-dlx', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }),
      );
      await tools.send(channel, queue, ['a', 'b']);
      const heard = await answers(channel, (told) => channel.sendToQueue(queue, Buffer.from('c'), {}, told('c')));
      await tools.eventuallyReady(channel, dead, 1);
      return [
        heard,
        (await tools.drain(channel, dead)).map((message) => [bodyOf(message), message.properties.headers]),
      ];
    },
    expected: [
      ['nack c'],
      [
        [
          'c',
          {
            'x-death': [
              { count: 1, exchange: '', queue: '<2>', reason: 'maxlen', 'routing-keys': ['<2>'], time: '<timestamp>' },
            ],
            'x-first-death-exchange': '',
            'x-first-death-queue': '<2>',
            'x-first-death-reason': 'maxlen',
            'x-last-death-exchange': '',
            'x-last-death-queue': '<2>',
            'x-last-death-reason': 'maxlen',
          },
        ],
      ],
    ],
  },
  {
    title: 'are bounded by bytes of bodies too',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel, { arguments: { 'x-max-length-bytes': 10 } });
      await tools.send(channel, queue, ['12345', '67890', 'abc']);
      return (await tools.drain(channel, queue)).map(bodyOf);
    },
    expected: ['67890', 'abc'],
  },
  {
    title: 'keep every property and header type',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const headers = {
        text: 'žluťoučký',
        byte: -1,
        short: 300,
        int: 70_000,
        long: 2 ** 40,
        double: 1.5,
        yes: true,
        nothing: null,
        bytes: Buffer.from([0, 255]),
        list: [1, 'two', { three: 3 }],
        table: { inner: 'x' },
        time: { '!': 'timestamp', value: 1_700_000_000 },
        decimal: { '!': 'decimal', value: { places: 2, digits: 314 } },
        float: { '!': 'float', value: 0.5 },
      };
      await tools.send(channel, queue, ['a'], {
        headers,
        contentType: 'text/plain',
        contentEncoding: 'identity',
        persistent: true,
        priority: 4,
        correlationId: 'c',
        replyTo: 'r',
        expiration: '60000',
        messageId: 'm',
        timestamp: 1_700_000_000,
        type: 't',
        userId: 'guest',
        appId: 'app',
      });
      const [message] = await tools.drain(channel, queue);
      return message?.properties;
    },
    expected: {
      appId: 'app',
      clusterId: undefined,
      contentEncoding: 'identity',
      contentType: 'text/plain',
      correlationId: 'c',
      deliveryMode: 2,
      expiration: '60000',
      headers: {
        byte: -1,
        bytes: 'bytes 00ff',
        decimal: { '!': 'decimal', value: { digits: 314, places: 2 } },
        double: 1.5,
        float: 0.5,
        int: 70000,
        list: [1, 'two', { three: 3 }],
        long: 1099511627776,
        nothing: null,
        short: 300,
        table: { inner: 'x' },
        text: 'žluťoučký',
        time: '<timestamp>',
        yes: true,
      },
      messageId: 'm',
      priority: 4,
      replyTo: 'r',
      timestamp: 1700000000,
      type: 't',
      userId: 'guest',
    },
  },
  {
    title: 'keep bodies of every size, split into frames',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const sizes = [0, 1, 131_063, 131_064, 131_065, 400_000];
      for (const size of sizes) channel.sendToQueue(queue, Buffer.alloc(size, size % 251));
      await channel.waitForConfirms();
      const bodies = (await tools.drain(channel, queue)).map(({ content }) => content);
      return bodies.map((body) => [body.length, body.every((byte) => byte === body.length % 251)]);
    },
    expected: [0, 1, 131_063, 131_064, 131_065, 400_000].map((size) => [size, true]),
  },
  {
    title: 'reach the queues of CC and BCC too, and BCC stays hidden',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const [one, two, three] = [await tools.queue(channel), await tools.queue(channel), await tools.queue(channel)];
      await tools.send(channel, one, ['a'], { CC: [two], BCC: [three] });
      const seen = [];
      for (const queue of [one, two, three]) {
        for (const { fields, properties } of await tools.drain(channel, queue))
          seen.push([fields.routingKey, properties.headers]);
      }
      return seen;
    },
    expected: [
      ['<1>', { CC: ['<2>'] }],
      ['<1>', { CC: ['<2>'] }],
      ['<1>', { CC: ['<2>'] }],
    ],
  },
  {
    title: 'to amq.rabbitmq.reply-to are answered on the channel that asked',
    run: async (connection, tools) => {
      const asking = await connection.createConfirmChannel();
      const queue = await tools.queue(asking);
      const answer = await tools.consume(asking, 'amq.rabbitmq.reply-to', { noAck: true });
      const answering: Channel = await connection.createChannel();
      const asked = await tools.consume(answering, queue, { noAck: true });
      asking.sendToQueue(queue, Buffer.from('ping'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: '7' });
      await asked.bodies(1);
      const replyTo = String(asked.deliveries[0]?.properties.replyTo);
      answering.sendToQueue(replyTo, Buffer.from('pong'), { correlationId: '7' });
      await answer.bodies(1);
      const [reply] = answer.deliveries;
      return [
        replyTo,
        reply?.content.toString(),
        reply?.properties.correlationId,
        reply?.fields.exchange,
        reply?.fields.redelivered,
      ];
    },
    expected: ['<reply address>', 'pong', '7', '', false],
  },
  {
    title: 'to a reply address of a channel that closed reach nobody',
    run: async (connection, tools) => {
      const asking = await connection.createChannel();
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.consume(asking, 'amq.rabbitmq.reply-to', { noAck: true });
      asking.sendToQueue(queue, Buffer.from('ping'), { replyTo: 'amq.rabbitmq.reply-to' });
      await tools.eventuallyReady(channel, queue, 1);
      const [question] = await tools.drain(channel, queue);
      await asking.close();
      return answers(channel, (told) =>
        channel.sendToQueue(
          String(question?.properties.replyTo),
          Buffer.from('pong'),
          { mandatory: true },
          told('pong'),
        ),
      );
    },
    expected: ['return pong 312 NO_ROUTE', 'ack pong'],
  },
];

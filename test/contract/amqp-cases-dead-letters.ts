/** AMQP cases: dead letters with their headers, times to live, delivery limits. */
import type { Channel, ChannelModel, ConfirmChannel, GetMessage } from 'amqplib';
import { eventually } from '../support/eventually.ts';
import type { AmqpCase } from './amqp-cases.ts';
import { bodyOf, type Tools } from './amqp-tools.ts';

/** A queue that dead-letters to another, by the default exchange. */
async function pair(
  channel: Channel,
  tools: Tools,
  args: Record<string, unknown> = {},
): Promise<{ work: string; dead: string }> {
  const dead = await tools.queue(channel);
  const work = await tools.queue(channel, {
    arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, ...args },
  });
  return { work, dead };
}

const letter = (message: GetMessage): unknown => [
  bodyOf(message),
  message.fields.exchange,
  message.fields.routingKey,
  message.properties.headers,
  message.properties.expiration,
];

async function letters(channel: Channel, tools: Tools, dead: string, count: number): Promise<readonly unknown[]> {
  await tools.eventuallyReady(channel, dead, count);
  return (await tools.drain(channel, dead)).map(letter);
}

const rejectFirst = async (channel: Channel, queue: string): Promise<void> => {
  const got = await channel.get(queue);
  if (got !== false) channel.reject(got, false);
};

const death = (reason: string, over: Record<string, unknown> = {}): Record<string, unknown> => ({
  count: 1,
  exchange: '',
  queue: '<2>',
  reason,
  'routing-keys': ['<2>'],
  time: '<timestamp>',
  ...over,
});

/** The first is the last, where nothing else is said. */
const named = (which: 'first' | 'last', reason: string, exchange: string, queue: string): Record<string, unknown> => ({
  [`x-${which}-death-exchange`]: exchange,
  [`x-${which}-death-queue`]: queue,
  [`x-${which}-death-reason`]: reason,
});

const onlyDeath = (reason: string, { exchange = '', queue = '<2>' } = {}): Record<string, unknown> => ({
  ...named('first', reason, exchange, queue),
  ...named('last', reason, exchange, queue),
});

/** How often a quorum queue with a limit delivers a message that always comes back, and what becomes of it. */
const limited =
  (giveBack: (channel: ConfirmChannel, message: GetMessage) => void) =>
  async (connection: ChannelModel, tools: Tools): Promise<unknown> => {
    const channel = await connection.createConfirmChannel();
    const { work, dead } = await pair(channel, tools, { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 });
    await tools.send(channel, work, ['a']);
    const counts: unknown[] = [];
    const seen = await tools.consume(channel, work);
    for (let count = 1; count <= 3; count++) {
      await seen.bodies(count);
      for (const delivery of seen.deliveries.slice(-1)) {
        counts.push(delivery.properties.headers?.['x-delivery-count']);
        giveBack(channel, delivery as unknown as GetMessage);
      }
    }
    const isBack = (): boolean => seen.deliveries.length > 3;
    await eventually('dead, or here again', async () => (await tools.ready(channel, dead)) > 0 || isBack());
    return [counts, isBack() ? 'handed over again' : await letters(channel, tools, dead, 1)];
  };

const LIMIT_REACHED = [
  [undefined, 1, 2],
  [['a', '', '<1>', { ...onlyDeath('delivery_limit'), 'x-death': [death('delivery_limit')] }, undefined]],
];

export const deadLetterCases: readonly AmqpCase[] = [
  {
    title: 'tell where and why a message was rejected',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['a'], { headers: { mine: 1 }, messageId: 'm' });
      await rejectFirst(channel, work);
      return letters(channel, tools, dead, 1);
    },
    expected: [['a', '', '<1>', { mine: 1, ...onlyDeath('rejected'), 'x-death': [death('rejected')] }, undefined]],
  },
  {
    title: 'of an expired message lose its expiration and keep it in x-death',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['a'], { expiration: '20' });
      return letters(channel, tools, dead, 1);
    },
    expected: [
      [
        'a',
        '',
        '<1>',
        { ...onlyDeath('expired'), 'x-death': [death('expired', { 'original-expiration': '20' })] },
        undefined,
      ],
    ],
  },
  {
    title: 'come after the time to live of the queue, in order',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools, { 'x-message-ttl': 30 });
      await tools.send(channel, work, ['a', 'b']);
      await tools.eventuallyReady(channel, dead, 2);
      return (await tools.drain(channel, dead)).map(bodyOf);
    },
    expected: ['a', 'b'],
  },
  {
    title: 'come at once with a time to live of zero, unless a consumer waits',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['a'], { expiration: '0' });
      await tools.eventuallyReady(channel, dead, 1);
      const seen = await tools.consume(channel, work, { noAck: true });
      await tools.send(channel, work, ['b'], { expiration: '0' });
      return [(await tools.drain(channel, dead)).map(bodyOf), await seen.bodies(1)];
    },
    expected: [['a'], ['b']],
  },
  {
    title: 'come only from the head: what expires behind a message that does not waits for it',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['long'], { expiration: '60000' });
      await tools.send(channel, work, ['short'], { expiration: '10' });
      await new Promise((resolve) => setTimeout(resolve, 150));
      const before = [await tools.ready(channel, work), await tools.ready(channel, dead)];
      await channel.get(work, { noAck: true });
      await tools.eventuallyReady(channel, dead, 1);
      return [before, await tools.ready(channel, work)];
    },
    expected: [[2, 0], 0],
  },
  {
    title: 'come from the head of a full queue',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools, { 'x-max-length': 1 });
      await tools.send(channel, work, ['a', 'b']);
      return letters(channel, tools, dead, 1);
    },
    expected: [['a', '', '<1>', { ...onlyDeath('maxlen'), 'x-death': [death('maxlen')] }, undefined]],
  },
  {
    title: 'go to an exchange with their own routing key when none is given',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const dead = await tools.queue(channel);
      const work = await tools.queue(channel, { arguments: { 'x-dead-letter-exchange': 'amq.topic' } });
      await channel.bindQueue(work, 'amq.direct', `${work}.in`);
      await channel.bindQueue(dead, 'amq.topic', `${work}.#`);
      channel.publish('amq.direct', `${work}.in`, Buffer.from('a'));
      await channel.waitForConfirms();
      await rejectFirst(channel, work);
      return letters(channel, tools, dead, 1);
    },
    expected: [
      [
        'a',
        'amq.topic',
        '<2>.in',
        {
          ...onlyDeath('rejected', { exchange: 'amq.direct' }),
          'x-death': [death('rejected', { exchange: 'amq.direct', 'routing-keys': ['<2>.in'] })],
        },
        undefined,
      ],
    ],
  },
  {
    title: 'count each queue and reason, the newest first',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const work = tools.name();
      const delay = await tools.queue(channel, {
        arguments: { 'x-message-ttl': 20, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work },
      });
      await channel.assertQueue(work, {
        autoDelete: false,
        expires: 60_000,
        arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': delay },
      });
      await tools.send(channel, work, ['a']);
      for (let round = 0; round < 2; round++) {
        await tools.eventuallyReady(channel, work, 1);
        await rejectFirst(channel, work);
      }
      await tools.eventuallyReady(channel, work, 1);
      const [message] = await tools.drain(channel, work);
      await channel.deleteQueue(work);
      return message?.properties.headers;
    },
    expected: {
      ...named('first', 'rejected', '', '<1>'),
      ...named('last', 'expired', '', '<2>'),
      'x-death': [
        death('expired', { count: 2, 'routing-keys': ['<2>'] }),
        death('rejected', { count: 2, queue: '<1>', 'routing-keys': ['<1>'] }),
      ],
    },
  },
  {
    title: 'that would go round by themselves are dropped',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const name = tools.name();
      await channel.assertQueue(name, {
        durable: false,
        expires: 60_000,
        messageTtl: 20,
        deadLetterExchange: '',
        deadLetterRoutingKey: name,
      });
      await tools.send(channel, name, ['a']);
      await tools.eventuallyReady(channel, name, 0);
      // Nor is it back after some more of its time.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const left = await tools.ready(channel, name);
      await channel.deleteQueue(name);
      return left;
    },
    expected: 0,
  },
  {
    title: 'without an exchange to go to are gone',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const work = await tools.queue(channel, { arguments: { 'x-dead-letter-exchange': 'no-such-exchange-here' } });
      await tools.send(channel, work, ['a', 'b']);
      await rejectFirst(channel, work);
      return (await tools.drain(channel, work)).map(bodyOf);
    },
    expected: ['b'],
  },
  {
    title: 'with CC name all keys, and keep CC when a routing key is given',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['a'], { CC: ['other'] });
      await rejectFirst(channel, work);
      return letters(channel, tools, dead, 1);
    },
    expected: [
      [
        'a',
        '',
        '<1>',
        {
          CC: ['other'],
          ...onlyDeath('rejected'),
          'x-death': [death('rejected', { 'routing-keys': ['<2>', 'other'] })],
        },
        undefined,
      ],
    ],
  },
  {
    title: 'with CC go to the routing key that is given, and to CC no more, wherever they die next',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const [dead, other] = [await tools.queue(channel), await tools.queue(channel)];
      const second = await tools.queue(channel, { arguments: { 'x-dead-letter-exchange': 'amq.direct' } });
      const first = await tools.queue(channel, {
        arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': second },
      });
      await channel.bindQueue(dead, 'amq.direct', second);
      await channel.bindQueue(other, 'amq.direct', `${first}.cc`);
      await tools.send(channel, first, ['a'], { CC: [`${first}.cc`] });
      await rejectFirst(channel, first);
      await tools.eventuallyReady(channel, second, 1);
      await rejectFirst(channel, second);
      await tools.eventuallyReady(channel, dead, 1);
      return [(await tools.drain(channel, dead)).map(bodyOf), await tools.ready(channel, other)];
    },
    expected: [['a'], 0],
  },
  {
    title: 'that are published again have not died: what a client says of deaths is not read',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools);
      await tools.send(channel, work, ['a']);
      await rejectFirst(channel, work);
      await tools.eventuallyReady(channel, dead, 1);
      const [first] = await tools.drain(channel, dead);
      await tools.send(channel, work, ['again'], { headers: first?.properties.headers ?? {} });
      await rejectFirst(channel, work);
      return letters(channel, tools, dead, 1);
    },
    expected: [['again', '', '<1>', { ...onlyDeath('rejected'), 'x-death': [death('rejected')] }, undefined]],
  },
  {
    title: 'are told from messages that have not died by nothing a client cannot write: its x-death is handed on',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const work = await tools.queue(channel);
      const forged = [{ queue: 'work.delay.5s', reason: 'expired', count: 1, exchange: '' }];
      await tools.send(channel, work, ['a'], { headers: { 'x-death': forged } });
      return (await tools.drain(channel, work)).map(({ properties }) => properties.headers);
    },
    expected: [{ 'x-death': [{ queue: 'work.delay.5s', reason: 'expired', count: 1, exchange: '' }] }],
  },
  {
    title:
      'come from a quorum queue that says nothing of a delivery limit when it is handed over for the 21st time in vain',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools, { 'x-queue-type': 'quorum' });
      await tools.send(channel, work, ['a']);
      let deliveries = 0;
      for (let got = await channel.get(work); got !== false && deliveries < 30; got = await channel.get(work)) {
        deliveries++;
        channel.reject(got, true);
      }
      await channel.close();
      const next = await connection.createChannel();
      await tools.settled(next, dead);
      return [deliveries, (await tools.drain(next, dead)).map(({ properties }) => properties.headers)];
    },
    expected: [21, [{ ...onlyDeath('delivery_limit'), 'x-death': [death('delivery_limit')] }]],
  },
  {
    title: 'come from a quorum queue after its delivery limit, by reject',
    run: limited((channel, message) => channel.reject(message, true)),
    expected: LIMIT_REACHED,
  },
  {
    title: 'come from a quorum queue after its delivery limit, by nack',
    run: limited((channel, message) => channel.nack(message, false, true)),
    expected: LIMIT_REACHED,
  },
  {
    title: 'of a queue with a time to live shorter than the message take the shorter',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const { work, dead } = await pair(channel, tools, { 'x-message-ttl': 60_000 });
      await tools.send(channel, work, ['short'], { expiration: '20' });
      await tools.eventuallyReady(channel, dead, 1);
      return (await tools.drain(channel, dead)).map(bodyOf);
    },
    expected: ['short'],
  },
];

/** AMQP cases: the four exchange types, bindings, alternates, and the life of exchanges and queues. */
import type { ChannelModel, Options } from 'amqplib';
import type { AmqpCase } from './amqp-cases.ts';
import { bodyOf, type Tools } from './amqp-tools.ts';

/** Which keys reach a queue bound with a pattern. */
const matched =
  (pattern: string, keys: readonly string[]) =>
  async (connection: ChannelModel, tools: Tools): Promise<unknown> => {
    const channel = await connection.createConfirmChannel();
    const queue = await tools.queue(channel);
    const exchange = await tools.exchange(channel, 'topic');
    await channel.bindQueue(queue, exchange, pattern);
    for (const key of keys) channel.publish(exchange, key, Buffer.from(key));
    await channel.waitForConfirms();
    return (await tools.drain(channel, queue)).map(bodyOf);
  };

const KEYS = ['', 'a', 'a.b', 'a.b.c', 'x.b', 'x.b.c', 'b', 'a..b', 'a.x.y.b'];

/** Which of some headers reach a queue bound with arguments. */
const byHeaders =
  (args: Record<string, unknown>, candidates: Record<string, Record<string, unknown>>) =>
  async (connection: ChannelModel, tools: Tools): Promise<unknown> => {
    const channel = await connection.createConfirmChannel();
    const queue = await tools.queue(channel);
    const exchange = await tools.exchange(channel, 'headers');
    await channel.bindQueue(queue, exchange, '', args);
    for (const [name, headers] of Object.entries(candidates))
      channel.publish(exchange, '', Buffer.from(name), { headers });
    await channel.waitForConfirms();
    return (await tools.drain(channel, queue)).map(bodyOf);
  };

const CANDIDATES = {
  both: { a: 1, b: 'x' },
  one: { a: 1 },
  other: { a: 2, b: 'x' },
  none: {},
  text: { a: '1', b: 'x' },
};

/** How many consumers and messages a queue has once something happened to it, or that it is gone. */
const exists = async (connection: ChannelModel, queue: string): Promise<boolean> => {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return channel.checkQueue(queue).then(
    () => true,
    () => false,
  );
};

const declared =
  (options: Options.AssertQueue) =>
  async (connection: ChannelModel): Promise<unknown> => {
    const channel = await connection.createChannel();
    const { queue, messageCount, consumerCount } = await channel.assertQueue('', options);
    return [queue, messageCount, consumerCount];
  };

export const routingCases: readonly AmqpCase[] = [
  { title: 'by topic: a star is exactly one word', run: matched('*.b', KEYS), expected: ['a.b', 'x.b'] },
  {
    title: 'by topic: a hash is any number of words',
    run: matched('a.#', KEYS),
    expected: ['a', 'a.b', 'a.b.c', 'a..b', 'a.x.y.b'],
  },
  { title: 'by topic: a hash in the middle', run: matched('a.#.b', KEYS), expected: ['a.b', 'a..b', 'a.x.y.b'] },
  { title: 'by topic: a hash alone is everything', run: matched('#', KEYS), expected: KEYS },
  { title: 'by topic: an empty word is a word', run: matched('a.*.b', KEYS), expected: ['a..b'] },
  { title: 'by topic: a star does not match the empty key', run: matched('*', KEYS), expected: ['a', 'b'] },
  { title: 'by headers: all must match by default', run: byHeaders({ a: 1, b: 'x' }, CANDIDATES), expected: ['both'] },
  {
    title: 'by headers: any may match',
    run: byHeaders({ 'x-match': 'any', a: 1, b: 'x' }, CANDIDATES),
    expected: ['both', 'one', 'other', 'text'],
  },
  {
    title: 'by headers: a header without a value needs only be there',
    run: byHeaders({ a: null }, CANDIDATES),
    expected: ['both', 'one', 'other', 'text'],
  },
  {
    title: 'by headers: no wanted header is everything',
    run: byHeaders({}, CANDIDATES),
    expected: ['both', 'one', 'other', 'none', 'text'],
  },
  {
    title: 'by headers: any of no wanted header is nothing',
    run: byHeaders({ 'x-match': 'any' }, CANDIDATES),
    expected: [],
  },
  {
    title: 'by headers: names with x- count only when asked for',
    run: byHeaders({ 'x-match': 'all-with-x', 'x-a': 1 }, { with: { 'x-a': 1 }, without: {} }),
    expected: ['with'],
  },
  {
    title: 'by key and by fanout, each queue once however many bindings lead to it',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const direct = await tools.exchange(channel, 'direct');
      const fanout = await tools.exchange(channel, 'fanout');
      for (const key of ['a', 'b']) {
        await channel.bindQueue(queue, direct, key);
        await channel.bindQueue(queue, fanout, key);
      }
      await channel.bindQueue(queue, direct, 'a');
      for (const key of ['a', 'b', 'c']) {
        channel.publish(direct, key, Buffer.from(`direct ${key}`));
        channel.publish(fanout, key, Buffer.from(`fanout ${key}`));
      }
      await channel.waitForConfirms();
      return (await tools.drain(channel, queue)).map(bodyOf);
    },
    expected: ['direct a', 'fanout a', 'direct b', 'fanout b', 'fanout c'],
  },
  {
    title: 'from exchange to exchange, in a ring too',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const [one, two] = [await tools.exchange(channel, 'topic'), await tools.exchange(channel, 'fanout')];
      await channel.bindExchange(two, one, 'a.*');
      await channel.bindExchange(one, two, '#');
      await channel.bindQueue(queue, two, '');
      for (const key of ['a.b', 'b.a']) channel.publish(one, key, Buffer.from(key));
      await channel.waitForConfirms();
      return (await tools.drain(channel, queue)).map((message) => [bodyOf(message), message.fields.exchange]);
    },
    expected: [['a.b', '<2>']],
  },
  {
    title: 'to the alternate exchange when nothing is bound, and that is no return',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const [bound, rest] = [await tools.queue(channel), await tools.queue(channel)];
      const alternate = await tools.exchange(channel, 'fanout');
      const exchange = await tools.exchange(channel, 'direct', { alternateExchange: alternate });
      await channel.bindQueue(bound, exchange, 'known');
      await channel.bindQueue(rest, alternate, '');
      let returned = 0;
      channel.on('return', () => returned++);
      for (const key of ['known', 'unknown']) channel.publish(exchange, key, Buffer.from(key), { mandatory: true });
      await channel.waitForConfirms();
      const bodies = async (queue: string) => (await tools.drain(channel, queue)).map(bodyOf);
      return [await bodies(bound), await bodies(rest), returned];
    },
    expected: [['known'], ['unknown'], 0],
  },
  {
    title: 'ends with unbind',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await channel.bindQueue(queue, 'amq.direct', queue, { tag: 1 });
      await channel.unbindQueue(queue, 'amq.direct', queue, { tag: 2 });
      channel.publish('amq.direct', queue, Buffer.from('still bound'));
      await channel.waitForConfirms();
      await channel.unbindQueue(queue, 'amq.direct', queue, { tag: 1 });
      channel.publish('amq.direct', queue, Buffer.from('unbound'));
      await channel.waitForConfirms();
      return (await tools.drain(channel, queue)).map(bodyOf);
    },
    expected: ['still bound'],
  },
  {
    title: 'to a queue with a name of the broker',
    run: declared({ exclusive: true }),
    expected: ['<generated queue>', 0, 0],
  },
  {
    title: 'to a queue by no name means the one declared last',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a']);
      await channel.bindQueue('', 'amq.direct', `${queue}.key`);
      channel.publish('amq.direct', `${queue}.key`, Buffer.from('b'));
      await channel.waitForConfirms();
      return (await tools.drain(channel, '')).map(bodyOf);
    },
    expected: ['a', 'b'],
  },
  {
    title: 'to an auto-delete queue ends with its last consumer',
    run: async (connection, tools) => {
      const channel = await connection.createChannel();
      const queue = await tools.queue(channel, { autoDelete: true });
      const before = await exists(connection, queue);
      const one = await tools.consume(channel, queue);
      const two = await tools.consume(channel, queue);
      await channel.cancel(one.consumerTag);
      const between = await exists(connection, queue);
      await channel.cancel(two.consumerTag);
      return [before, between, await exists(connection, queue)];
    },
    expected: [true, true, false],
  },
  {
    title: 'from an auto-delete exchange ends with its last binding',
    run: async (connection, tools) => {
      const channel = await connection.createChannel();
      const queue = await tools.queue(channel);
      const exchange = await tools.exchange(channel, 'direct', { autoDelete: true });
      await channel.bindQueue(queue, exchange, 'k');
      await channel.unbindQueue(queue, exchange, 'k');
      return tools.refusal((other) => other.checkExchange(exchange));
    },
    expected: { scope: 'channel', text: `404 NOT_FOUND - no exchange '<2>' in vhost '/'` },
  },
  {
    title: 'to an exclusive queue ends with its connection',
    run: async (connection, tools) => {
      const other = await tools.connect();
      const queue = await tools.queue(await other.createChannel(), { exclusive: true });
      await other.close();
      return exists(connection, queue);
    },
    expected: false,
  },
  {
    title: 'to a queue with x-expires ends when nobody uses it',
    run: async (connection, tools) => {
      const channel = await connection.createChannel();
      // Long enough that it is consumed in time where the machine stands still for a second.
      const queue = await tools.queue(channel, { expires: 1_500 });
      const seen = await tools.consume(channel, queue);
      await new Promise((resolve) => setTimeout(resolve, 1_800));
      const whileConsumed = await exists(connection, queue);
      await channel.cancel(seen.consumerTag);
      // Looking is a use of it, so this waits in between, each time longer: the broker may be late.
      let isThere = true;
      for (let waitMs = 1_800; isThere && waitMs <= 16_000; waitMs *= 2) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        isThere = await exists(connection, queue);
      }
      return [whileConsumed, isThere];
    },
    expected: [true, false],
  },
  {
    title: 'to a purged queue starts anew, and delete tells how many went',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b']);
      const { messageCount: purged } = await channel.purgeQueue(queue);
      await tools.send(channel, queue, ['c']);
      const { messageCount: deleted } = await channel.deleteQueue(queue);
      const { messageCount: absent } = await channel.deleteQueue(queue);
      return [purged, deleted, absent];
    },
    expected: [2, 1, 0],
  },
];

/** AMQP cases: consuming, settling, prefetch, the life of consumers. */
import type { Channel, ChannelModel } from 'amqplib';
import { eventually } from '../support/eventually.ts';
import type { AmqpCase } from './amqp-cases.ts';
import { bodyOf, type Seen, type Tools } from './amqp-tools.ts';

const flags = (
  deliveries: readonly { readonly fields: { readonly redelivered: boolean }; readonly content: Buffer }[],
): readonly string[] => deliveries.map((delivery) => `${bodyOf(delivery)}${delivery.fields.redelivered ? '!' : ''}`);

/** Order after a requeue: three out, two of them given back in reverse. */
const requeued =
  (args?: Record<string, unknown>) =>
  async (connection: ChannelModel, tools: Tools): Promise<unknown> => {
    const channel = await connection.createConfirmChannel();
    const queue = args === undefined ? await tools.queue(channel) : await tools.quorum(channel, args);
    await tools.send(channel, queue, ['a', 'b', 'c', 'd']);
    const [a, b, c] = [await channel.get(queue), await channel.get(queue), await channel.get(queue)];
    if (a === false || b === false || c === false) return 'nothing to get';
    channel.reject(c, true);
    channel.reject(a, true);
    // A get waits its turn behind them.
    return flags(await tools.drain(channel, queue));
  };

export const deliveryCases: readonly AmqpCase[] = [
  {
    title: 'come in order, with tags from one',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(3);
      return seen.deliveries.map(({ fields, content }) => [
        content.toString(),
        fields.deliveryTag,
        fields.redelivered,
        fields.exchange,
        fields.routingKey,
      ]);
    },
    expected: [
      ['a', 1, false, '', '<1>'],
      ['b', 2, false, '', '<1>'],
      ['c', 3, false, '', '<1>'],
    ],
  },
  {
    title: 'are bounded by the prefetch of their consumer, and go on with each ack',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c', 'd', 'e']);
      await channel.prefetch(2);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      await tools.settled(channel, queue);
      const before = seen.deliveries.length;
      for (const delivery of seen.deliveries.slice(0, 1)) channel.ack(delivery);
      await seen.bodies(3);
      await tools.settled(channel, queue);
      return [before, seen.deliveries.length, await tools.ready(channel, queue)];
    },
    expected: [2, 3, 2],
  },
  {
    title: 'are bounded for each consumer by itself when the prefetch is not global',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c', 'd', 'e', 'f']);
      await channel.prefetch(2);
      const one = await tools.consume(channel, queue);
      const two = await tools.consume(channel, queue);
      await one.bodies(2);
      await two.bodies(2);
      await tools.settled(channel, queue);
      return [one.deliveries.length, two.deliveries.length, await tools.ready(channel, queue)];
    },
    expected: [2, 2, 2],
  },
  {
    title: 'are bounded for all consumers together when the prefetch is global',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c', 'd', 'e', 'f']);
      await channel.prefetch(3, true);
      const one = await tools.consume(channel, queue);
      const two = await tools.consume(channel, queue);
      await tools.settled(channel, queue);
      return [one.deliveries.length + two.deliveries.length, await tools.ready(channel, queue)];
    },
    expected: [3, 3],
  },
  {
    title: 'have no bound without acks, whatever the prefetch',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c']);
      await channel.prefetch(1);
      const seen = await tools.consume(channel, queue, { noAck: true });
      const bodies = await seen.bodies(3);
      await tools.eventuallyReady(channel, queue, 0);
      return bodies;
    },
    expected: ['a', 'b', 'c'],
  },
  {
    title: 'are acked up to a tag with multiple',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c', 'd']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(4);
      for (const delivery of seen.deliveries.slice(2, 3)) channel.ack(delivery, true);
      await channel.close();
      const next = await connection.createChannel();
      await tools.eventuallyReady(next, queue, 1);
      return flags(await tools.drain(next, queue));
    },
    expected: ['d!'],
  },
  {
    title: 'are nacked up to a tag with multiple, and come back in their order',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c']);
      const got = [await channel.get(queue), await channel.get(queue), await channel.get(queue)];
      const last = got.at(-1);
      if (!last) return 'nothing to get';
      channel.nack(last, true, true);
      await tools.eventuallyReady(channel, queue, 3);
      return flags(await tools.drain(channel, queue));
    },
    expected: ['a!', 'b!', 'c!'],
  },
  {
    title: 'all at once are acked with tag zero and multiple',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      channel.ackAll();
      await channel.close();
      const next = await connection.createChannel();
      return await tools.ready(next, queue);
    },
    expected: 0,
  },
  {
    title: 'that are given back go to their old place in a classic queue',
    run: requeued(),
    expected: ['a!', 'c!', 'd'],
  },
  {
    title:
      'that are given back go to the front of a quorum queue that says nothing of a delivery limit, first back first',
    run: requeued({}),
    expected: ['c!', 'a!', 'd'],
  },
  {
    title: 'that are given back go to the end of a quorum queue whose delivery limit is lifted',
    run: requeued({ 'x-delivery-limit': -1 }),
    expected: ['d', 'c!', 'a!'],
  },
  {
    title: 'that are given back go to the front of a quorum queue with a delivery limit, first back first',
    run: requeued({ 'x-delivery-limit': 5 }),
    expected: ['c!', 'a!', 'd'],
  },
  {
    title: 'of a quorum queue that are out when the channel closes come back to its front',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.quorum(channel);
      await tools.send(channel, queue, ['a', 'b', 'c']);
      await channel.prefetch(2);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      await channel.close();
      const next = await connection.createChannel();
      await tools.eventuallyReady(next, queue, 3);
      return flags(await tools.drain(next, queue));
    },
    expected: ['a!', 'b!', 'c'],
  },
  {
    title: 'that are out when the channel closes come back in order, marked as redelivered',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b', 'c']);
      await channel.prefetch(2);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      await channel.close();
      const next = await connection.createChannel();
      await tools.eventuallyReady(next, queue, 3);
      return flags(await tools.drain(next, queue));
    },
    expected: ['a!', 'b!', 'c'],
  },
  {
    title: 'all come again after basic.recover',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      await channel.recover();
      await seen.bodies(4);
      return [flags(seen.deliveries), seen.deliveries.map(({ fields }) => fields.deliveryTag)];
    },
    expected: [
      ['a', 'b', 'a!', 'b!'],
      [1, 2, 3, 4],
    ],
  },
  {
    title: 'stay out after their consumer is cancelled, and can still be acked',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b']);
      await channel.prefetch(1);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(1);
      await channel.cancel(seen.consumerTag);
      const ready = await tools.ready(channel, queue);
      for (const delivery of seen.deliveries) channel.ack(delivery);
      await channel.close();
      const next = await connection.createChannel();
      return [ready, flags(await tools.drain(next, queue))];
    },
    expected: [1, ['b']],
  },
  {
    title: 'are shared in turns among consumers',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const one = await tools.consume(channel, queue);
      const two = await tools.consume(channel, queue);
      await tools.send(channel, queue, ['a', 'b', 'c', 'd']);
      return [await one.bodies(2), await two.bodies(2)];
    },
    expected: [
      ['a', 'c'],
      ['b', 'd'],
    ],
  },
  {
    title: 'go to the consumer of the highest priority until it is full',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await channel.prefetch(2);
      const low = await tools.consume(channel, queue, { priority: 1 });
      const high = await tools.consume(channel, queue, { priority: 5 });
      await tools.send(channel, queue, ['a', 'b', 'c']);
      return [await high.bodies(2), await low.bodies(1)];
    },
    expected: [['a', 'b'], ['c']],
  },
  {
    title: 'go to one consumer at a time under single active consumer, and on to the next when it goes',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel, { arguments: { 'x-single-active-consumer': true } });
      const one = await tools.consume(channel, queue, { noAck: true });
      const two = await tools.consume(channel, queue, { noAck: true });
      await tools.send(channel, queue, ['a', 'b']);
      await one.bodies(2);
      await channel.cancel(one.consumerTag);
      await tools.send(channel, queue, ['c']);
      return [await one.bodies(2), await two.bodies(1)];
    },
    expected: [['a', 'b'], ['c']],
  },
  {
    title: 'end with a cancel when the queue is deleted',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      const seen = await tools.consume(channel, queue);
      await channel.deleteQueue(queue);
      await tools.settled(channel, await tools.queue(channel));
      return seen.cancelled;
    },
    expected: true,
  },
  {
    title: 'of a deleted queue can be acked without harm',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(1);
      await channel.deleteQueue(queue);
      for (const delivery of seen.deliveries) channel.ack(delivery);
      await tools.settled(channel, await tools.queue(channel));
      return 'the channel is open';
    },
    expected: 'the channel is open',
  },
  {
    title: 'of a priority queue come by priority, then by age; what is above the maximum counts as the maximum',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel, { maxPriority: 5 });
      await tools.send(channel, queue, ['none']);
      for (const priority of [1, 9, 5, 3, 1]) await tools.send(channel, queue, [`p${priority}`], { priority });
      return (await tools.drain(channel, queue)).map(bodyOf);
    },
    expected: ['p9', 'p5', 'p3', 'p1', 'p1', 'none'],
  },
  {
    title: 'by get say how many are left, and an empty queue says so',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a', 'b']);
      const got = await channel.get(queue);
      const left = got === false ? undefined : got.fields.messageCount;
      await tools.drain(channel, queue);
      return [left, await channel.get(queue)];
    },
    expected: [1, false],
  },
  {
    title: 'of a quorum queue come in turns, two above priority 4 and one of the others',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.quorum(channel);
      for (const body of ['a', 'b', 'c']) await tools.send(channel, queue, [`${body}4`], { priority: 4 });
      for (const body of ['d', 'e', 'f', 'g']) await tools.send(channel, queue, [`${body}5`], { priority: 5 });
      return (await tools.drain(channel, queue)).map(bodyOf);
    },
    expected: ['d5', 'e5', 'a4', 'f5', 'g5', 'b4', 'c4'],
  },
  {
    title: 'of a quorum queue that came back come before all others, whatever their priority',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.quorum(channel, { 'x-delivery-limit': 5 });
      await tools.send(channel, queue, ['low']);
      const got = await channel.get(queue);
      await tools.send(channel, queue, ['high'], { priority: 9 });
      if (got !== false) channel.reject(got, true);
      return flags(await tools.drain(channel, queue));
    },
    expected: ['low!', 'high'],
  },
  {
    title:
      'of a quorum queue with a single active consumer go to the waiting one with most room next, and of those to the oldest',
    run: async (connection, tools) => {
      const admin = await connection.createConfirmChannel();
      const queue = await tools.quorum(admin, { 'x-single-active-consumer': true });
      const consumers: { readonly prefetch: number; readonly channel: Channel; readonly seen: Seen }[] = [];
      for (const prefetch of [1, 10, 500, 0, 500]) {
        const channel = await connection.createChannel();
        await channel.prefetch(prefetch);
        consumers.push({ prefetch, channel, seen: await tools.consume(channel, queue) });
      }
      const order: unknown[] = [];
      while (consumers.length > 0) {
        await tools.send(admin, queue, ['a']);
        const active = (): number => consumers.findIndex(({ seen }) => seen.deliveries.length > 0);
        await eventually('one has it', () => active() >= 0);
        const [taken] = consumers.splice(active(), 1);
        for (const delivery of taken?.seen.deliveries ?? []) taken?.channel.ack(delivery);
        await taken?.channel.cancel(taken.seen.consumerTag);
        order.push([taken?.prefetch, taken?.seen.deliveries.length]);
      }
      return order;
    },
    expected: [
      [1, 1],
      [0, 1],
      [500, 1],
      [500, 1],
      [10, 1],
    ],
  },
  {
    title: 'that come back to a quorum queue carry x-delivery-count',
    run: async (connection, tools) => {
      const channel = await connection.createConfirmChannel();
      const queue = await tools.quorum(channel);
      await tools.send(channel, queue, ['a'], { headers: { mine: 'kept' } });
      const seen = await tools.consume(channel, queue);
      for (let count = 1; count <= 3; count++) {
        await seen.bodies(count);
        for (const delivery of seen.deliveries.slice(-1)) if (count < 3) channel.reject(delivery, true);
      }
      return seen.deliveries.map(({ properties, fields }) => [properties.headers, fields.redelivered]);
    },
    expected: [
      [{ mine: 'kept' }, false],
      [{ mine: 'kept', 'x-delivery-count': 1 }, true],
      [{ mine: 'kept', 'x-delivery-count': 2 }, true],
    ],
  },
  {
    title: 'on the channel that closed for an unknown tag come back',
    run: async (connection, tools) => {
      const queue = await tools.queue(await connection.createChannel());
      const channel = await connection.createConfirmChannel();
      await tools.send(channel, queue, ['a', 'b']);
      const seen = await tools.consume(channel, queue);
      await seen.bodies(2);
      const closed = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)));
      for (const delivery of seen.deliveries.slice(0, 1)) {
        channel.ack(delivery);
        channel.ack(delivery);
      }
      const message = await closed;
      const next = await connection.createChannel();
      await tools.eventuallyReady(next, queue, 1);
      return [message, flags(await tools.drain(next, queue))];
    },
    expected: [
      'Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - unknown delivery tag 1"',
      ['b!'],
    ],
  },
];

import { expect } from 'chai';
import { partitioned } from '../../src/broker/partitioned.ts';
import { type QueueSource, queue } from '../../src/broker/queue.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { stream } from '../../src/sources/stream.ts';

describe('the topology of a source', () => {
  const sources: Readonly<Record<string, QueueSource>> = {
    queue: queue('orders'),
    partitioned: partitioned('orders', { by: 'id', partitions: 2 }),
    stream: stream('orders').resolve('copies'),
  };

  for (const [kind, source] of Object.entries(sources))
    it(`of ${kind} has a delivery limit wherever messages are given back: RabbitMQ 4 drops them after 20 times otherwise`, () => {
      const isQuorum = (args: Readonly<Record<string, unknown>>): boolean => args['x-queue-type'] === 'quorum';
      // Of one that messages leave by their time alone, or in which there never are any, nobody takes them.
      const isTakenFrom = (args: Readonly<Record<string, unknown>>): boolean =>
        !('x-message-ttl' in args || 'x-max-length' in args);
      const taken = sourceTopology(source).queues.filter(
        (spec) => isQuorum(spec.arguments) && isTakenFrom(spec.arguments),
      );
      expect(taken.map(({ name }) => name)).to.include.oneOf(['orders.dead', 'copies.stream.dead']);
      for (const { name, arguments: args } of taken) expect(args['x-delivery-limit'], name).to.be.at.least(100);
    });
});

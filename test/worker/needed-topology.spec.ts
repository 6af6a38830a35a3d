import { expect } from 'chai';
import { z } from 'zod';
import { toDefinitions } from '../../src/broker/definitions.ts';
import { partitioned } from '../../src/broker/partitioned.ts';
import { queue } from '../../src/broker/queue.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { neededTopology } from '../../src/worker/needed-topology.ts';

const input = z.object({ id: z.string() });

describe('neededTopology', () => {
  const posting = definePipeline({
    name: 'posting',
    source: partitioned('accounts', { by: 'id', header: 'account', retry: false }),
    input,
    handle: () => [],
  });
  const telling = definePipeline({
    name: 'telling',
    source: queue('told', { retry: false }),
    input,
    publishes: ['plain', { exchange: 'accounts', type: 'x-consistent-hash' }],
    handle: () => [],
  });
  // RabbitMQ does not compare it: by another header, or none, keys would lie in other partitions, and nobody is told.
  const hashed = { 'hash-header': 'account' };

  it('has the header that spreads keys over partitions, also where another pipeline publishes there', () => {
    for (const pipelines of [
      [posting, telling],
      [telling, posting],
    ])
      expect(neededTopology(pipelines).exchanges.find(({ name }) => name === 'accounts')).to.deep.include({
        type: 'x-consistent-hash',
        arguments: hashed,
      });
  });

  it("is the same in RabbitMQ's own format", () => {
    const definitions = toDefinitions(neededTopology([posting, telling]), { vhost: '/' });
    const lasting = { vhost: '/', durable: true, auto_delete: false, internal: false };
    expect(definitions).to.have.deep.property('exchanges', [
      { name: 'plain', type: 'topic', ...lasting, arguments: {} },
      { name: 'accounts', type: 'x-consistent-hash', ...lasting, arguments: hashed },
    ]);
  });
});

/** What broker users are given, by what they are there for. That it suffices, and nothing less does, is tried on RabbitMQ in test/cli/doctor.spec.ts. */
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { z } from 'zod';
import { definePipeline, defineService, exchange, queue } from '../../src/index.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';

const request = z.object({ id: z.string() });
const stock = defineService('stock', { queue: 'stock', operations: { count: { request } } });
const pipelines = [
  definePipeline({
    name: 'orders',
    source: queue('orders', { retry: { delays: ['5s'] }, bindings: [{ exchange: 'shop', key: 'order' }] }),
    input: request,
    apis: { stock },
    publishes: ['done'],
    handle: () => NEVER,
    output: () => exchange('done', 'done'),
  }),
];

describe('the permissions of a broker user', () => {
  it('let a worker that only looks see all it looks for, which since RabbitMQ 4.2.6 takes one on each name, and change nothing', () => {
    expect(neededPermissions(pipelines, 'worker')).to.deep.equal({
      configure: '^$',
      write: '^(amq\\.default|done|orders\\.dead|orders\\.delay\\.5s|shop|stock)$',
      read: '^(orders)$',
    });
  });

  it('let a worker that declares write to no more than it has to: what it may configure it may look at', () => {
    expect(neededPermissions(pipelines, 'both')).to.deep.equal({
      configure: '^(done|orders|orders\\.dead|orders\\.delay\\.5s|shop)$',
      write: '^(amq\\.default|done|orders|stock)$',
      read: '^(orders|orders\\.delay\\.5s|shop)$',
    });
  });
});

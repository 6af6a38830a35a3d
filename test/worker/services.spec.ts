/** What services are to a worker beside their calls: names on the broker, edges of a graph, permissions, limits that are shared. */
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { z } from 'zod';
import { mermaidOf } from '../../src/cli/graph/mermaid.ts';
import { svgOf } from '../../src/cli/graph/svg.ts';
import { createFacts } from '../../src/events.ts';
import { defineApi, definePipeline, defineService, exchange, queue } from '../../src/index.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { foreignTopology, neededOfServices, neededTopology } from '../../src/worker/needed-topology.ts';
import { graphOf } from '../../src/worker/pipeline-graph.ts';
import { pipelineShapes } from '../../src/worker/pipeline-shapes.ts';
import { startWorker } from '../../src/worker/worker.ts';

const request = z.object({ id: z.string() });
const own = defineService('own', { queue: 'rates', operations: { rate: { request } }, timeout: '3s' });
const foreign = defineService('foreign', {
  exchange: 'services',
  operations: { stock: { request }, price: { request, routingKey: 'price.now' } },
});
const shop = defineApi('shop', { baseUrl: 'http://shop.example' });
const pipelines = [
  definePipeline({ name: 'rates', source: queue('rates'), input: request, handle: () => NEVER }),
  definePipeline({
    name: 'orders',
    source: queue('orders'),
    input: request,
    apis: { shop, own, foreign },
    publishes: ['done'],
    handle: () => NEVER,
    output: () => exchange('done', 'done'),
  }),
  definePipeline({ name: 'others', source: queue('others'), input: request, apis: { foreign }, handle: () => NEVER }),
];

describe('services of a worker', () => {
  it('are looked for and never declared', () => {
    expect(neededOfServices(pipelines)).to.deep.equal({
      exchanges: [{ name: 'services', type: 'topic' }],
      queues: [{ name: 'rates', arguments: {} }],
      bindings: [],
    });
    expect(neededTopology(pipelines).exchanges.map(({ name }) => name)).to.deep.equal(['done']);
    expect(foreignTopology(pipelines)).to.deep.equal({
      exchanges: [{ name: 'services', type: 'topic' }],
      queues: [],
      bindings: [],
    });
  });

  it('are written to by a worker, and by nobody else', () => {
    expect(neededPermissions(pipelines, 'both').write).to.equal('^(amq\\.default|done|services)$');
    expect(neededPermissions(pipelines, 'declarer').write).to.not.include('services');
    expect(neededPermissions(pipelines, 'worker').configure).to.equal('^$');
  });

  it('stand in the graph, once, with the queue or exchange that takes their requests', () => {
    const graph = graphOf(pipelines);
    const edges = graph.edges.map(
      ({ from, to, label }) => `${from} → ${to}${label === undefined ? '' : ` (${label})`}`,
    );
    expect(edges).to.include.members([
      'pipeline:orders → api:shop',
      'pipeline:orders → service:own',
      'service:own → queue:rates',
      'pipeline:others → service:foreign',
      'service:foreign → exchange:services (stock)',
      'service:foreign → exchange:services (price.now)',
    ]);
    expect(edges.filter((edge) => edge.startsWith('service:foreign'))).to.have.length(2);
    expect(mermaidOf(graph)).to.match(/\(\["own"\]\):::service/);
    expect(svgOf(graph)).to.include('service own');
  });

  it('have lanes on the dashboard', () => {
    const [, orders] = pipelineShapes(pipelines);
    expect(orders?.apis.map(({ name, timeoutMs, isNeeded }) => [name, timeoutMs, isNeeded])).to.deep.equal([
      ['shop', 10_000, true],
      ['own', 3_000, true],
      ['foreign', 10_000, true],
    ]);
  });

  it('need somebody to be asked over: without it the worker does not start', () => {
    const broker = { address: 'none', status: NEVER, establish: () => NEVER, consume: () => NEVER };
    const rest = { depthOf: () => NEVER, publish: () => NEVER, close: () => NEVER };
    const start = () =>
      startWorker({
        pipelines,
        broker: { ...broker, ...rest },
        journal: createMemoryJournal(),
        facts: createFacts(),
        log: silentLogger,
        random: () => 0.5,
        topology: 'assert',
        gracePeriodMs: 1_000,
      });
    expect(start).to.throw(TypeError, 'nothing is given that service "own" is asked over');
  });
});

import { expect } from 'chai';
import { map, of } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../../src/broker/exchange.ts';
import { partitioned } from '../../../src/broker/partitioned.ts';
import { queue } from '../../../src/broker/queue.ts';
import { EXCHANGE_TYPES } from '../../../src/broker/topology.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import { ack, published } from '../../../src/testing/index.ts';
import { marbles } from '../../../src/testing/marbles.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import type { SimulationEnd } from '../../../src/testing/simulation/simulation-end.ts';
import type { WorldEvent } from '../../../src/testing/simulation/world-event.ts';

/** Tells every order to an exchange of some type, under a routing key of its own. */
const telling = (type: (typeof EXCHANGE_TYPES)[number]) =>
  definePipeline({
    name: 'telling',
    source: queue('orders', { retry: { delays: ['1s'] } }),
    input: z.object({ id: z.string() }),
    publishes: [{ exchange: 'told', type }],
    handle: ({ id }) => of(id).pipe(map((told) => ({ told }))),
    output: ({ told }) => exchange('told', `order.${told}`),
  });

for (const type of EXCHANGE_TYPES)
  describe(`an exchange of type ${type} that results go to`, () => {
    const pipeline = telling(type);

    it('leads to a queue in every simulation', async () => {
      let results = 0;
      const law = {
        name: 'looks on',
        watch: () => ({
          end: (end: SimulationEnd) => {
            results = end.results.length;
            return undefined;
          },
        }),
      };
      const messages = { telling: ({ id }: { readonly id: string }) => ({ id }) };
      await simulate([pipeline], { messages, hours: 0.05, maxMessages: 20, workers: 1, seed: 7, laws: [law] });
      expect(results).to.be.greaterThan(0);
    });

    it(
      'leads to a queue in a marble test',
      marbles(pipeline, ({ deliver, expectPublished, expectSettled }) => {
        deliver('        a', { a: { id: 'o-1' } });
        expectPublished('p', { p: published(exchange('told', 'order.o-1'), { told: 'o-1' }) });
        expectSettled('  A', { A: ack({ id: 'o-1' }) });
      }),
    );
  });

describe('an exchange of partitions that results go to', () => {
  it('spreads them over the partitions and no queue beside', async () => {
    const posting = definePipeline({
      name: 'posting',
      source: partitioned('told', { by: 'told', partitions: 2, retry: false }),
      input: z.object({ told: z.string() }),
      handle: () => [],
    });
    const taken: string[] = [];
    const law = {
      name: 'looks on',
      watch: () => ({
        see: (event: WorldEvent) => {
          if (event.kind === 'delivered' && event.pipeline === 'posting') taken.push(event.messageId);
          return undefined;
        },
        // What is published to partitions is looked for there alone.
        end: ({ results }: SimulationEnd) => (results.length > 0 ? 'results lie beside the partitions' : undefined),
      }),
    };
    const messages = {
      telling: ({ id }: { readonly id: string }) => ({ id }),
      posting: ({ id }: { readonly id: string }) => ({ told: id }),
    };
    const pipelines = [telling('x-consistent-hash'), posting];
    await simulate(pipelines, { messages, hours: 0.05, maxMessages: 60, workers: 1, seed: 7, faults: [], laws: [law] });
    // Those of the publisher, too.
    expect(taken.some((messageId) => !/^m\d+-\d+$/.test(messageId))).to.equal(true);
  });
});

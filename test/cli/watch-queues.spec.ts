import { expect } from 'chai';
import { from, map, NEVER } from 'rxjs';
import { z } from 'zod';
import type { BrokerStatus, QueueDepth } from '../../src/broker/broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { watchQueues } from '../../src/cli/watch-queues.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { marbles } from '../../src/testing/marbles.ts';

const CONNECTED: BrokerStatus = { state: 'connected' };
const depth = (name: string): QueueDepth => ({ queue: name, messages: 0, consumers: 1 });

describe('watchQueues', () => {
  const pipelines = [definePipeline({ name: 'orders', source: queue('orders'), input: z.unknown(), handle: () => [] })];

  it(
    'looks again soon after a connection was made, and then now and then: queues are declared, and consumed from, a moment later',
    marbles(({ hot, expectObservable, flush }) => {
      const facts = createFacts();
      const seen: Fact[] = [];
      facts.stream.subscribe((fact) => seen.push(fact));
      let looks = 0;
      // The dead-letter queue is declared first; the other is there at the third look.
      const measure = (names: readonly string[]) =>
        from(++looks < 3 ? names.filter((name) => name.endsWith('.dead')) : names).pipe(map(depth));
      const found = watchQueues({ broker: { measure, status: hot('c', { c: CONNECTED }) }, pipelines, facts }).pipe(
        map(({ length }) => length),
      );

      expectObservable(found, '^ 31s !').toBe('a 999ms a 1999ms b 3999ms b 7999ms b 14999ms b', { a: 1, b: 2 });
      flush();
      expect(seen.map(({ type, at }) => [type, at])).to.deep.equal(
        [0, 1_000, 3_000, 7_000, 15_000, 30_000].map((at) => ['queuesMeasured', at]),
      );
    }),
  );

  it(
    'tells nothing from the moment a connection is lost, and looks again once there is one',
    marbles(({ hot, expectObservable, flush }) => {
      const facts = createFacts();
      const told: number[] = [];
      facts.stream.subscribe((fact) => fact.type === 'queuesMeasured' && told.push(fact.queues.length));
      let isThere = true;
      // As the broker does it: without a connection a look waits for one.
      const measure = (names: readonly string[]) => (isThere ? from(names).pipe(map(depth)) : NEVER);
      const status = hot('n c 4999ms b 4999ms l-n 19997ms c', {
        n: { state: 'connecting' },
        c: CONNECTED,
        b: { state: 'blocked', reason: 'memory' },
        l: { state: 'lost', reason: 'read ECONNRESET' },
      } satisfies Record<string, BrokerStatus>);
      status.subscribe(({ state }) => {
        isThere = state !== 'lost' && state !== 'connecting';
      });
      const found = watchQueues({ broker: { measure, status }, pipelines, facts }).pipe(map(({ length }) => length));

      expectObservable(found, '^ 40s !').toBe(
        '- a 999ms a 1999ms a 3999ms a 2999ms 0 19999ms a 999ms a 1999ms a 3999ms a',
        { a: 2, 0: 0 },
      );
      flush();
      expect(told).to.deep.equal([2, 2, 2, 2, 0, 2, 2, 2, 2]);
    }),
  );
});

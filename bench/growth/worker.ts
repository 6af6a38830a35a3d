/** A worker for the growth benchmarks: takes messages until it is told to stop, and tells how many are done and what it holds. */
import { tap } from 'rxjs';
import { z } from 'zod';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { startWorker } from '../../src/worker/worker.ts';

/** What the parent asks for. */
export interface GrowthOrder {
  readonly amqpUrl: string;
  readonly apiUrl: string;
  /** A pipeline each. */
  readonly queues: readonly string[];
}

/** What the worker tells, ten times a second. */
export interface GrowthReport {
  readonly done: number;
  readonly isReady: boolean;
  readonly rssMegabytes: number;
  readonly heapMegabytes: number;
  /** User and system time since the start, in microseconds. */
  readonly cpuMicros: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as GrowthOrder;
let done = 0;
const api = defineApi('work', {
  baseUrl: order.apiUrl,
  // 200 pipelines with 20 messages each call at once: with the default of 1000 that wait the others would be turned away, and dead-lettered.
  maxQueued: 5_000,
});
const pipelines = order.queues.map((name) =>
  definePipeline({
    name,
    source: queue(name, { topology: 'check', retry: false }),
    input: z.object({ id: z.string() }),
    apis: { api },
    handle: (message, { apis }) => apis.api.post('/work', message).pipe(tap({ complete: () => done++ })),
  }),
);
const log = createLogger({ level: 'error' });
const facts = createFacts();
const random = Math.random;
const worker = startWorker({
  pipelines,
  broker: createAmqpBroker({ urls: [order.amqpUrl], log, facts, random }),
  journal: createMemoryJournal(),
  facts,
  log,
  random,
  topology: 'check',
  gracePeriodMs: 1_000,
});
const telling = setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const report: GrowthReport = {
    done,
    isReady: worker.readiness().isReady,
    rssMegabytes: rss / 2 ** 20,
    heapMegabytes: heapUsed / 2 ** 20,
    cpuMicros: user + system,
  };
  // The parent may be gone already; `disconnect` says so next.
  process.send?.(report, undefined, undefined, () => {});
}, 100);
process.once('disconnect', () => {
  clearInterval(telling);
  worker.stop();
  void worker.stopped.then(() => process.exit());
});

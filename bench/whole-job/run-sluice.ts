/** A worker of sluice on the whole job: validation, timeouts, retries, confirms and the ledger on; and whoever listens to it. */
import { map, tap } from 'rxjs';
import { z } from 'zod';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { gather } from '../../src/operators/gather.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { createMeter, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
const shared = {
  name: 'bench',
  source: queue(job.queue, { prefetch: job.prefetch, retry: false, topology: 'check' }),
  input: z.object({ id: z.string(), amount: z.number(), sentAtMicros: z.number() }),
  apis: {
    api: defineApi('work', { baseUrl: job.apiUrl, concurrency: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
  },
  concurrency: job.concurrency,
} as const;

const onePost = definePipeline({
  ...shared,
  handle: (message, { apis }) => apis.api.post('/work', message).pipe(tap({ complete: () => meter.count(message) })),
});

const threeGathered = definePipeline({
  ...shared,
  publishes: [job.exchange],
  handle: (message, { apis }) =>
    gather({
      a: apis.api.post('/a', message),
      b: apis.api.post('/b', message),
      c: apis.api.post('/c', message),
    }).pipe(
      map((answers) => ({ id: message.id, ...answers })),
      tap({ complete: () => meter.count(message) }),
    ),
  output: () => exchange(job.exchange, 'done'),
});

const pipelines: readonly Pipeline[] = [job.kind === 'post' ? onePost : threeGathered];

/** @param listen Starts what is measured beside the work; ended after it. */
export async function runSluice(
  listen: (facts: Facts, pipelines: readonly Pipeline[]) => Promise<() => Promise<void>> = async () => async () => {},
): Promise<void> {
  const log = createLogger({ level: 'warn' });
  const facts = createFacts();
  const random = Math.random;
  const ceaseToListen = await listen(facts, pipelines);
  const broker = createAmqpBroker({ urls: [job.amqpUrl], log, facts, random });
  const worker = startWorker({
    pipelines,
    broker,
    journal: createMemoryJournal(),
    facts,
    log,
    random,
    topology: 'check',
    gracePeriodMs: 5_000,
  });
  await meter.done;
  worker.stop();
  await worker.stopped;
  await ceaseToListen();
}

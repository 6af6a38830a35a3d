/** sluice as it is run: validation, timeouts, retries and the ledger on. */
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
import { createMeter, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
const api = defineApi('work', { baseUrl: job.apiUrl, concurrency: job.concurrency });
const pipeline = definePipeline({
  name: 'bench',
  source: queue(job.queue, { prefetch: job.prefetch, retry: false, topology: 'check' }),
  input: z.object({ id: z.string(), amount: z.number() }),
  apis: { api },
  concurrency: job.concurrency,
  handle: (message, { apis }) => apis.api.post('/work', message).pipe(tap({ complete: meter.count })),
});

const log = createLogger({ level: 'warn' });
const facts = createFacts();
const random = Math.random;
const broker = createAmqpBroker({ urls: [job.amqpUrl], log, facts, random });
const worker = startWorker({
  pipelines: [pipeline],
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

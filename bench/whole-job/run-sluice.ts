/** A worker of sluice on the whole job: validation, timeouts, retries, confirms and the ledger on; and what is beside it. */
import { map } from 'rxjs';
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
import type { Tracing } from '../../src/tracing.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { createMeter, type JobMessage, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
/** Messages by their number: a settlement tells of them by their id. More places than can be under way. */
const underWay = {
  places: Array.from<JobMessage>({ length: 4_096 }),
  begin(message: JobMessage): void {
    this.places[Number(message.id.slice('order-'.length)) % this.places.length] = message;
  },
  end(messageId: string): void {
    const message = this.places[Number(messageId.slice('m'.length)) % this.places.length];
    if (message === undefined) throw new Error(`${messageId} is settled and was never handled`);
    meter.count(message);
  },
};
const INPUT = z.object({ id: z.string(), amount: z.number(), sentAtMicros: z.number() });

function pipelineOf(input: z.ZodType<JobMessage>): Pipeline {
  const shared = {
    name: 'bench',
    source: queue(job.queue, { prefetch: job.prefetch, retry: false, topology: 'check' }),
    input,
    apis: {
      api: defineApi('work', { baseUrl: job.apiUrl, concurrency: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
    },
    concurrency: job.concurrency,
  } as const;
  if (job.kind === 'post')
    return definePipeline({
      ...shared,
      handle: (message, { apis }) => {
        underWay.begin(message);
        return apis.api.post('/work', message);
      },
    });
  return definePipeline({
    ...shared,
    publishes: [job.exchange],
    handle: (message, { apis }) => {
      underWay.begin(message);
      return gather({
        a: apis.api.post('/a', message),
        b: apis.api.post('/b', message),
        c: apis.api.post('/c', message),
      }).pipe(map((answers) => ({ id: message.id, ...answers })));
    },
    output: () => exchange(job.exchange, 'done'),
  });
}

/** What is measured beside the work. */
export interface Beside {
  readonly tracing?: Tracing | undefined;
  end(): Promise<void>;
}

export interface SluiceOptions {
  /** Of messages. Default: a schema of zod. */
  readonly input?: z.ZodType<JobMessage>;
  /** Starts what is measured beside the work; ended after it. Default: nobody listens. */
  readonly begin?: (facts: Facts, pipelines: readonly Pipeline[]) => Promise<Beside>;
}

export async function runSluice({ input = INPUT, begin }: SluiceOptions = {}): Promise<void> {
  const pipelines = [pipelineOf(input)];
  const log = createLogger({ level: 'warn' });
  const facts = createFacts();
  const random = Math.random;
  // As all contenders count: when a message is through, its result confirmed and its delivery acked.
  facts.listen({ settled: ({ messageId }) => underWay.end(messageId) });
  const beside = await begin?.(facts, pipelines);
  const broker = createAmqpBroker({ urls: [job.amqpUrl], log, facts, random });
  const worker = startWorker({
    pipelines,
    broker,
    journal: createMemoryJournal(),
    facts,
    log,
    tracing: beside?.tracing,
    random,
    topology: 'check',
    gracePeriodMs: 5_000,
  });
  await meter.done;
  worker.stop();
  await worker.stopped;
  await beside?.end();
}

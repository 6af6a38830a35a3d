/** CPU time of one message in the engine and in the HTTP client, by how much of them a pipeline uses. */
import { EMPTY, of } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import type { CallTarget } from '../../src/http/call-target.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { gather } from '../../src/operators/gather.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { createApiRegistry } from '../../src/worker/api-registry.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { inMemoryApi, inMemoryBroker } from './in-memory.ts';

const api = defineApi('work', { baseUrl: 'http://localhost:1', concurrency: 256 });
const guarded = defineApi('guarded', {
  baseUrl: 'http://localhost:1',
  concurrency: 256,
  breaker: { failureRatio: 0.5 },
  rateLimit: { requests: 1_000_000, per: '1s' },
});
const shared = {
  name: 'bench',
  source: queue('work', { prefetch: 128, retry: false }),
  input: z.object({ id: z.string(), amount: z.number(), sentAtMicros: z.number() }),
  concurrency: 64,
} as const;

/** What a message goes through, by name; each one more than the one before. */
export const JOURNEYS: Readonly<Record<string, Pipeline>> = {
  'nothing called': definePipeline({ ...shared, handle: () => EMPTY }),
  'a result published': definePipeline({
    ...shared,
    publishes: ['results'],
    handle: (message) => of({ id: message.id }),
    output: () => exchange('results', 'done'),
  }),
  'one POST': definePipeline({
    ...shared,
    apis: { api },
    handle: (message, { apis }) => apis.api.post('/work', message),
  }),
  'one POST, breaker and rate limit': definePipeline({
    ...shared,
    apis: { guarded },
    handle: (message, { apis }) => apis.guarded.post('/work', message),
  }),
  'three POSTs, a result published': definePipeline({
    ...shared,
    apis: { api },
    publishes: ['results'],
    handle: (message, { apis }) =>
      gather({
        a: apis.api.post('/a', message),
        b: apis.api.post('/b', message),
        c: apis.api.post('/c', message),
      }),
    output: () => exchange('results', 'done'),
  }),
};

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Begins to listen, and gives what ends it. */
export type Listen = (facts: Facts, pipeline: Pipeline) => () => void;

const nobody: Listen = () => () => {};

/** Runs so many messages; gives the CPU time of each in microseconds, with what whoever listens makes of them. */
export function cpuMicrosOf(pipeline: Pipeline, messages: number, listen: Listen = nobody): Promise<number> {
  return new Promise((resolve) => {
    let left = messages;
    let cpu = process.cpuUsage();
    const facts = createFacts();
    const leave = listen(facts, pipeline);
    const broker = inMemoryBroker(messages, () => {
      if (--left > 0) return;
      const { user, system } = process.cpuUsage(cpu);
      leave();
      worker.stop();
      void worker.stopped.then(() => resolve((user + system) / messages));
    });
    const transport = inMemoryApi();
    const sandbox = (definition: CallTarget) => ({ definition, transport });
    const apis = createApiRegistry([pipeline], { facts, random: Math.random, sandbox });
    cpu = process.cpuUsage();
    const worker = startWorker({
      pipelines: [pipeline],
      broker,
      journal: createMemoryJournal(),
      facts,
      log: silent,
      random: Math.random,
      topology: 'check',
      gracePeriodMs: 5_000,
      apis,
    });
  });
}

/** A worker in this process on a real broker: what it reports and logs is at hand, and the broker it is given may be told anything. */
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import type { AmqpBrokerOptions } from '../../src/broker/amqp/options.ts';
import { createFacts, type Fact, type MessageContent } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import type { Logger } from '../../src/log.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../src/worker/worker.ts';
import { eventually } from './eventually.ts';

export interface InProcessWorker {
  readonly worker: Worker;
  readonly facts: readonly Fact[];
  /** Each message as it was delivered. */
  readonly contents: readonly MessageContent[];
  /** Lines at warn and error. */
  readonly lines: readonly string[];
  isReady(): Promise<void>;
  /** Stops it in order. */
  stop(): Promise<void>;
}

export function startInProcess(
  pipelines: readonly Pipeline[],
  broker: Pick<AmqpBrokerOptions, 'urls'> & Partial<AmqpBrokerOptions>,
  options: Partial<WorkerOptions> = {},
): InProcessWorker {
  const facts = createFacts();
  const heard: Fact[] = [];
  facts.stream.subscribe((fact) => heard.push(fact));
  const contents: MessageContent[] = [];
  facts.contents.stream.subscribe((content) => {
    if (content.type === 'message') contents.push(content);
  });
  const lines: string[] = [];
  const log = capturing(lines);
  const own = createAmqpBroker({ random: Math.random, log, facts, ...broker });
  const worker = startWorker({
    pipelines,
    broker: own,
    calls: own.calls,
    journal: createMemoryJournal(),
    facts,
    log,
    random: Math.random,
    topology: 'assert',
    gracePeriodMs: 5_000,
    ...options,
  });
  return {
    worker,
    facts: heard,
    contents,
    lines,
    isReady: () =>
      eventually(
        () => `ready: ${JSON.stringify(worker.readiness())}`,
        () => worker.readiness().isReady,
        60_000,
      ),
    async stop() {
      worker.stop();
      await worker.stopped;
    },
  };
}

function capturing(lines: string[]): Logger {
  const quiet = (): void => {};
  const keep = (fields: object | string, text = ''): void => {
    lines.push(`${text} ${JSON.stringify(fields)}`);
  };
  const log: Logger = { trace: quiet, debug: quiet, info: quiet, warn: keep, error: keep, child: () => log };
  return log;
}

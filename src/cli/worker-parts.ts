/** What a process that runs workers has of its own: facts and who listens to them, the journal, and how a worker is put together. */
import { createAmqpBroker } from '../broker/amqp/create-amqp-broker.ts';
import type { Config } from '../config.ts';
import { createFacts, type Facts } from '../events.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import { timedJournal } from '../journal/timed-journal.ts';
import type { Logger } from '../log.ts';
import { logFacts } from '../observability/log-facts.ts';
import { createTracing } from '../observability/tracing.ts';
import { version } from '../package.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { watchEventLoop } from '../worker/watch-event-loop.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { brokerSecurity } from './broker-security.ts';
import type { BrokerUrls } from './broker-urls.ts';
import { measureWorker, type WorkerMetrics } from './measure-worker.ts';
import { openJournal } from './open-journal.ts';
import type { OpenRecording } from './record.ts';

export interface WorkerParts {
  readonly facts: Facts;
  readonly metrics: WorkerMetrics;
  /** What the journal rests on. */
  readonly store: JournalStore;
  /**
   * A worker of its own, with connections of its own; the journal is shared by all of these parts.
   * @throws ConfigError when settings of its APIs are missing or wrong.
   */
  startWorker(pipelines: readonly Pipeline[], recording?: OpenRecording): Worker;
  close(): Promise<void>;
}

/** @throws ConfigError when the journal cannot be used as it is configured. */
export async function openWorkerParts(config: Config, log: Logger, urls: BrokerUrls): Promise<WorkerParts> {
  const { topology, startWithinMs, gracePeriodMs, maxCalls, keySecret } = config;
  const facts = createFacts();
  const logging = logFacts(facts, log, { level: config.logLevel });
  const metrics = measureWorker(facts);
  const opened = await openJournal(config, facts, log);
  const journal = timedJournal(opened.journal, facts);
  const tracing = await createTracing(version);
  const watch = watchEventLoop({ facts });
  const random = Math.random;

  return {
    facts,
    metrics,
    store: opened.store,
    startWorker: (pipelines, recording) => {
      const broker = createAmqpBroker({ urls, ...brokerSecurity(config), log, facts, random });
      const worker = startWorker({
        pipelines,
        broker,
        calls: broker.calls,
        journal,
        facts,
        log,
        tracing,
        random,
        topology,
        gracePeriodMs,
        maxCalls,
        keySecret,
        ...(startWithinMs === undefined ? {} : { startWithinMs }),
        recording: recording?.target,
      });
      metrics.read({ worker, broker, pipelines });
      return worker;
    },
    close: async () => {
      watch.unsubscribe();
      metrics.close();
      logging.unsubscribe();
      await opened.close();
    },
  };
}

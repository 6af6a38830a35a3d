/** What `run` and `dev` have in common: where the broker is, who listens to the facts, and how a worker is put together. */
import { createAmqpBroker } from '../broker/amqp/create-amqp-broker.ts';
import type { Config } from '../config.ts';
import { createDashboard } from '../dashboard/dashboard.ts';
import { createFacts } from '../events.ts';
import { timedJournal } from '../journal/timed-journal.ts';
import type { Logger } from '../log.ts';
import type { Route } from '../management/route.ts';
import { logFacts } from '../observability/log-facts.ts';
import { createTracing } from '../observability/tracing.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { pipelineShapes } from '../worker/pipeline-shapes.ts';
import { watchEventLoop } from '../worker/watch-event-loop.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { createLetterDesk } from './dlq/letter-desk.ts';
import { startEmbeddedBroker } from './embedded-broker.ts';
import { measureWorker } from './measure-worker.ts';
import { openJournal } from './open-journal.ts';
import type { OpenRecording } from './record.ts';
import { createSagaDesk } from './saga/saga-desk.ts';
import { version } from './version.ts';

export interface Wiring {
  /** Where messages go, without credentials. */
  readonly broker: string;
  /** For the management server: the dashboard and the metrics. */
  readonly routes: readonly Route[];
  /**
   * A worker of its own, with connections of its own; the journal is shared by all of this wiring.
   * @throws ConfigError when settings of its APIs are missing or wrong.
   */
  startWorker(pipelines: readonly Pipeline[], recording?: OpenRecording): Worker;
  /** Ends what the wiring started beside the workers. */
  close(): Promise<void>;
}

/**
 * Without a broker's URL, starts the embedded one.
 * @throws ConfigError when the journal cannot be used as it is configured.
 */
export async function wire(config: Config, log: Logger): Promise<Wiring> {
  const { amqpUrls, rereadAmqpUrls, topology, startWithinMs, gracePeriodMs, maxCalls } = config;
  const { dashboardPayloads: payloads } = config;
  const facts = createFacts();
  const logging = logFacts(facts, log, { level: config.logLevel });
  const metrics = await measureWorker(facts);
  const opened = await openJournal(config, facts, log);
  const journal = timedJournal(opened.journal, facts);
  const tracing = await createTracing(version);
  const watch = watchEventLoop({ facts });
  const random = Math.random;
  const embedded = amqpUrls === undefined ? await startEmbeddedBroker() : undefined;
  if (embedded !== undefined) {
    log.warn(
      { url: embedded.url },
      'AMQP_URL is not set: using the embedded broker, which is in memory and for development; its messages end with this process',
    );
  }
  const urls = rereadAmqpUrls ?? amqpUrls ?? (embedded === undefined ? [] : [embedded.url]);

  let running: readonly Pipeline[] = [];
  const pipelineOf = (queue: string): Pipeline | undefined => running.find(({ source }) => source.name === queue);
  const letters = createLetterDesk({
    // Read at each look: credentials in a file may have been replaced.
    urls: () => (typeof urls === 'function' ? urls() : urls),
    random,
    payloads,
    pipelineOf,
  });
  const sagas = createSagaDesk({
    store: opened.store,
    keepEndedMs: config.journalKeepMs,
    pipelines: () => running,
    giveBack: letters.giveBack,
  });
  const dashboard = createDashboard({ facts, log, payloads, letters, sagas });

  return {
    broker: (typeof urls === 'function' ? urls() : urls).map(withoutCredentials).join(', '),
    routes: [...dashboard.routes, metrics.route],
    startWorker: (pipelines, recording) => {
      running = pipelines;
      dashboard.show(pipelineShapes(pipelines));
      const broker = createAmqpBroker({ urls, log, facts, random });
      const worker = startWorker({
        pipelines,
        broker,
        journal,
        facts,
        log,
        tracing,
        random,
        topology,
        gracePeriodMs,
        maxCalls,
        keySecret: config.keySecret,
        ...(startWithinMs === undefined ? {} : { startWithinMs }),
        recording: recording?.target,
      });
      metrics.read({ worker, broker, pipelines });
      return worker;
    },
    close: async () => {
      watch.unsubscribe();
      dashboard.close();
      metrics.close();
      logging.unsubscribe();
      await opened.close();
      await embedded?.stop();
    },
  };
}

function withoutCredentials(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** What `run` and `dev` have in common: where the broker is, who listens to the facts, and how a worker is put together. */
import type { Config } from '../config.ts';
import { createDashboard } from '../dashboard/dashboard.ts';
import type { Facts } from '../events.ts';
import type { Logger } from '../log.ts';
import type { Route } from '../management/route.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { pipelineShapes } from '../worker/pipeline-shapes.ts';
import type { Worker } from '../worker/worker.ts';
import { type BrokerOptions, type BrokerUrls, describeUrls, findBroker } from './broker-urls.ts';
import { createDesks } from './desks.ts';
import { keepResults } from './keep-results.ts';
import { openWorkerParts, type WorkerParts } from './worker-parts.ts';

export interface Wiring {
  /** Where messages go, without credentials. */
  readonly broker: string;
  readonly urls: BrokerUrls;
  /** Who listens: logs, metrics, the dashboard. */
  readonly facts: Facts;
  /** For the management server: the dashboard and the metrics. */
  readonly routes: readonly Route[];
  startWorker(...of: Parameters<WorkerParts['startWorker']>): Promise<Worker>;
  /** Ends what the wiring started beside the workers. */
  close(): Promise<void>;
}

/**
 * Without a broker's URL, starts the embedded one.
 * @throws ConfigError when the journal cannot be used as it is configured.
 */
export async function wire(config: Config, log: Logger, options?: BrokerOptions): Promise<Wiring> {
  const { dashboardPayloads: payloads } = config;
  const { urls, embeddedUrl, close: closeBroker } = await findBroker(config, log, options);
  const parts = await openWorkerParts(config, log, urls);
  let running: readonly Pipeline[] = [];
  const desks = createDesks({ config, urls, store: parts.store, pipelines: () => running });
  const dashboard = createDashboard({ facts: parts.facts, log, payloads, ...desks });

  return {
    broker: describeUrls(urls),
    urls,
    facts: parts.facts,
    routes: [...dashboard.routes, parts.metrics.route],
    startWorker: async (pipelines, recording) => {
      if (embeddedUrl !== undefined) await keepResults(embeddedUrl, pipelines, log);
      running = pipelines;
      dashboard.show(pipelineShapes(pipelines));
      return parts.startWorker(pipelines, recording);
    },
    close: async () => {
      dashboard.close();
      await parts.close();
      await closeBroker();
    },
  };
}

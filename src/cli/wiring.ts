/** What `run` and `dev` have in common: where the broker is, who listens to the facts, and how a worker is put together. */
import type { Config } from '../config.ts';
import { createDashboard } from '../dashboard/dashboard.ts';
import type { Logger } from '../log.ts';
import type { Route } from '../management/route.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { pipelineShapes } from '../worker/pipeline-shapes.ts';
import { describeUrls, findBroker } from './broker-urls.ts';
import { createDesks } from './desks.ts';
import { openWorkerParts, type WorkerParts } from './worker-parts.ts';

export interface Wiring extends Pick<WorkerParts, 'startWorker'> {
  /** Where messages go, without credentials. */
  readonly broker: string;
  /** For the management server: the dashboard and the metrics. */
  readonly routes: readonly Route[];
  /** Ends what the wiring started beside the workers. */
  close(): Promise<void>;
}

/**
 * Without a broker's URL, starts the embedded one.
 * @throws ConfigError when the journal cannot be used as it is configured.
 */
export async function wire(config: Config, log: Logger): Promise<Wiring> {
  const { dashboardPayloads: payloads } = config;
  const { urls, close: closeBroker } = await findBroker(config, log);
  const parts = await openWorkerParts(config, log, urls);
  let running: readonly Pipeline[] = [];
  const desks = createDesks({ config, urls, store: parts.store, pipelines: () => running });
  const dashboard = createDashboard({ facts: parts.facts, log, payloads, ...desks });

  return {
    broker: describeUrls(urls),
    routes: [...dashboard.routes, parts.metrics.route],
    startWorker: (pipelines, recording) => {
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

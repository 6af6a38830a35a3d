/** The dashboard beside the whole job, and so many browsers that look at it, in a process of their own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createDashboard } from '../../src/dashboard/dashboard.ts';
import type { Facts } from '../../src/events.ts';
import { silentLogger } from '../../src/log.ts';
import { startManagementServer } from '../../src/management/management-server.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { pipelineShapes } from '../../src/worker/pipeline-shapes.ts';
import type { Beside } from './run-sluice.ts';

export const showDashboard =
  (browsers: number) =>
  async (facts: Facts, pipelines: readonly Pipeline[]): Promise<Beside> => {
    const log = silentLogger;
    const dashboard = createDashboard({ facts, log, payloads: [] });
    const server = await startManagementServer({ host: '127.0.0.1', port: 0, token: undefined, log });
    server.serve(dashboard.routes);
    dashboard.show(pipelineShapes(pipelines));
    const looking =
      browsers === 0
        ? undefined
        : fork(fileURLToPath(new URL('./browsers.mjs', import.meta.url)), [server.url, String(browsers)]);
    if (looking !== undefined) await once(looking, 'message');
    return {
      end: async () => {
        looking?.disconnect();
        dashboard.close();
        await server.close();
      },
    };
  };

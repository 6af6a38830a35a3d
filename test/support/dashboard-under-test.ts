/** A worker with its dashboard in this process: embedded broker, management server on a free port, pipelines of the test's own. */
import { filter, firstValueFrom } from 'rxjs';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { createDesks } from '../../src/cli/desks.ts';
import { watchQueues } from '../../src/cli/watch-queues.ts';
import { createDashboard } from '../../src/dashboard/dashboard.ts';
import type { PayloadsShown } from '../../src/dashboard/redact.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { startManagementServer } from '../../src/management/management-server.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { Secret } from '../../src/setting.ts';
import { pipelineShapes } from '../../src/worker/pipeline-shapes.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { type BrokerClient, connectClient } from './broker-client.ts';

export interface DashboardUnderTest {
  readonly url: string;
  readonly client: BrokerClient;
  readonly facts: Facts;
  readonly worker: Worker;
  /** Ends the embedded broker's connections, as a failing network does. */
  cutConnections(): void;
  /** Stops the embedded broker, as somebody does who shuts down its machine: it does not come back. */
  loseBroker(): Promise<void>;
  stop(): Promise<void>;
}

export interface DashboardUnderTestOptions {
  readonly pipelines: readonly Pipeline[];
  readonly payloads?: PayloadsShown;
  readonly token?: string;
  readonly log?: Logger;
  /** Streams that may be open. Default: the server's. */
  readonly maxStreams?: number;
  readonly stallMs?: number;
}

export async function startDashboardWorker(options: DashboardUnderTestOptions): Promise<DashboardUnderTest> {
  const { pipelines, payloads = [], token, log = silentLogger, maxStreams, stallMs } = options;
  const embedded = createEmbeddedBroker();
  let isBrokerThere = true;
  const { url } = await embedded.start();
  const facts = createFacts();
  const random = Math.random;
  const store = new MemoryStore();
  const desks = createDesks({
    config: { amqpAuth: 'plain', amqpTls: undefined, dashboardPayloads: payloads, journalKeepMs: 3_600_000 },
    urls: [url],
    store,
    pipelines: () => pipelines,
  });
  const dashboard = createDashboard({ facts, log, payloads, ...desks });
  const server = await startManagementServer({
    host: '127.0.0.1',
    port: 0,
    token: token === undefined ? undefined : new Secret(token),
    log,
    ...(maxStreams === undefined ? {} : { maxStreams }),
    ...(stallMs === undefined ? {} : { stallMs }),
  });
  server.serve(dashboard.routes);
  dashboard.show(pipelineShapes(pipelines));
  const broker = createAmqpBroker({ urls: [url], log: silentLogger, facts, random });
  const looking = watchQueues({ broker, pipelines, facts, everyMs: 1_000 }).subscribe();
  const journal = createJournal(store, { facts });
  const worker = startWorker({
    pipelines,
    broker,
    journal,
    facts,
    log: silentLogger,
    random,
    topology: 'assert',
    gracePeriodMs: 2_000,
  });
  await firstValueFrom(worker.state.pipe(filter((state) => state === 'running')));
  const client = await connectClient(url);
  return {
    url: server.url,
    client,
    facts,
    worker,
    cutConnections: () => embedded.cutConnections(),
    loseBroker: () => {
      isBrokerThere = false;
      return embedded.stop();
    },
    stop: async () => {
      if (isBrokerThere) await client.close();
      looking.unsubscribe();
      worker.stop();
      await worker.stopped;
      journal.end();
      dashboard.close();
      await server.close();
      await embedded.stop();
    },
  };
}

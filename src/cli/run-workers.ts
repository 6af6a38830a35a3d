/** `sluice run --workers`: several worker processes under one parent, which has the port, the dashboard, the signals and the last word. */
import type { Config } from '../config.ts';
import { dashboardRoutes } from '../dashboard/dashboard-routes.ts';
import { FleetModel } from '../dashboard/fleet-model.ts';
import { ConfigError } from '../errors.ts';
import { createFacts, type Facts } from '../events.ts';
import type { Logger } from '../log.ts';
import type { Route } from '../management/route.ts';
import { createFleetMetrics } from '../observability/metrics/fleet-metrics.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { pipelineShapes } from '../worker/pipeline-shapes.ts';
import { describeUrls, type FoundBroker, findBroker } from './broker-urls.ts';
import { createDesks } from './desks.ts';
import { EXIT } from './exit-code.ts';
import { openDoor } from './front-door.ts';
import { journalWarning } from './journal-warning.ts';
import { loadChecked } from './load.ts';
import { openManagement } from './management.ts';
import { type OpenedJournal, openJournal } from './open-journal.ts';
import { openLog } from './open-log.ts';
import { onSignals, onUncaught } from './signals.ts';
import { startText } from './start-text.ts';
import { warnAtStart } from './start-warnings.ts';
import { misconfigured } from './until-stopped.ts';
import { Supervisor } from './workers/supervisor.ts';

/**
 * Definitions and configuration are looked at here, once, before there is any process: what is wrong is told once. Without a broker's URL
 * the embedded one runs in this process, and all workers take from it.
 */
export async function runWorkers(folder: string, workers: number): Promise<number> {
  process.setSourceMapsEnabled(true);
  const { pipelines, problems, config, dispose } = await loadChecked(folder);
  try {
    if (problems.length > 0 || !config.ok) return misconfigured([...problems, ...(config.ok ? [] : config.problems)]);
    return await superviseUntilStopped({ folder, workers, pipelines, config: config.value });
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  } finally {
    await dispose();
  }
}

interface Fleet {
  readonly folder: string;
  readonly workers: number;
  readonly pipelines: readonly Pipeline[];
  readonly config: Config;
}

async function superviseUntilStopped(fleet: Fleet): Promise<number> {
  const { pipelines, config } = fleet;
  const { log, terminal, isPretty } = openLog(config);
  let supervisor: Supervisor | undefined;
  const management = await openManagement(config, log, () => supervisor);
  try {
    const journal = await openJournal(config, createFacts(), log);
    try {
      const warning = journalWarning(config, pipelines, { isFleet: true });
      if (warning !== undefined) log.warn(warning);
      warnAtStart(pipelines, log);
      const broker = await findBroker(config, log);
      try {
        const { url } = management;
        const facts = createFacts();
        const { routes, start } = await wireFleet(fleet, { log, facts, broker, journal });
        management.serve(routes);
        const door = await openDoor(pipelines, config, { log, facts, urls: broker.urls });
        try {
          const isProtected = config.token !== undefined;
          const of = describeUrls(broker.urls);
          if (isPretty) terminal.write(startText({ pipelines, broker: of, url, isProtected, door: door?.url }));
          const names = pipelines.map(({ name }) => name);
          log.info({ pipelines: names, dashboard: url, workers: fleet.workers }, 'sluice is starting');
          supervisor = start();
          return await untilAllStopped(supervisor, log, () => door?.drain());
        } finally {
          await door?.close();
        }
      } finally {
        await broker.close();
      }
    } finally {
      await journal.close();
    }
  } finally {
    await management.close();
  }
}

interface FleetParts {
  readonly log: Logger;
  /** Of this process. */
  readonly facts: Facts;
  readonly broker: FoundBroker;
  readonly journal: OpenedJournal;
}

/** What is served of the workers, and how they are started. */
async function wireFleet(
  { folder, workers, pipelines, config }: Fleet,
  { log, facts, broker: { urls, embeddedUrl }, journal: { store } }: FleetParts,
): Promise<{ readonly routes: readonly Route[]; readonly start: () => Supervisor }> {
  let supervisor: Supervisor | undefined;
  const { gracePeriodMs, dashboardPayloads: payloads } = config;
  const metrics = await createFleetMetrics({
    facts,
    processes: () => supervisor?.processes() ?? [],
    snapshots: async () => (await supervisor?.snapshots()) ?? new Map(),
  });
  const model = new FleetModel({
    payloads,
    shapes: pipelineShapes(pipelines),
    story: async (worker, pipeline, messageId, tag) => supervisor?.story(worker, pipeline, messageId, tag),
  });
  const { letters, sagas } = createDesks({ config, urls, store, pipelines: () => pipelines });
  // What workers have in their own memory cannot be seen from here.
  const seen = config.journal.kind === 'memory' ? undefined : sagas;
  return {
    routes: [...dashboardRoutes(model, { log, letters, sagas: seen }), metrics.route],
    start: () => {
      supervisor = new Supervisor({
        workers,
        folder,
        environment: embeddedUrl === undefined ? {} : { AMQP_URL: embeddedUrl },
        log,
        gracePeriodMs,
        onFrame: (worker, frame) => model.take(worker, frame),
        onEnd: (worker, snapshot) => {
          metrics.keep(snapshot);
          model.forget(worker);
        },
      });
      return supervisor;
    },
  };
}

async function untilAllStopped(supervisor: Supervisor, log: Logger, drainDoor: () => void): Promise<number> {
  const disarm = onSignals({
    onFirst: (signal) => {
      log.info({ signal }, 'asked to stop: every worker finishes what it has in flight');
      drainDoor();
      supervisor.stop();
    },
    onSecond: (signal) => {
      log.warn({ signal }, 'asked again: aborting what still runs');
      supervisor.hasten(`${signal} came twice`);
    },
  });
  const disarmUncaught = onUncaught((error) => {
    log.error({ error }, 'the parent of the workers cannot go on');
    supervisor.fail(EXIT.failed);
  });
  const exitCode = await supervisor.stopped;
  disarm();
  disarmUncaught();
  return exitCode;
}

/** `sluice run`: wires broker, journal, logs and worker together, and turns signals into an orderly end. */
import { eachValueFrom } from 'rxjs-for-await';
import { createAmqpBroker } from '../broker/amqp/create-amqp-broker.ts';
import { type Config, readConfig } from '../config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { createFacts } from '../events.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import type { Logger } from '../log.ts';
import { logFacts } from '../observability/log-facts.ts';
import { createLogger } from '../observability/logger.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { startHealthServer } from '../worker/health-server.ts';
import { loadPipelines } from '../worker/load-pipelines.ts';
import { startWorker, type Worker, type WorkerReport } from '../worker/worker.ts';
import { EXIT } from './exit-code.ts';
import { printProblems } from './problems.ts';

export async function run(folder: string): Promise<number> {
  const { pipelines, problems } = await loadPipelines(folder);
  const config = readOrExplain();
  if (problems.length > 0 || Array.isArray(config)) {
    printProblems([...problems, ...(Array.isArray(config) ? config : [])]);
    return EXIT.misconfigured;
  }
  const log = createLogger({ level: config.logLevel });
  try {
    return await runUntilStopped(pipelines, config, log);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    return EXIT.misconfigured;
  }
}

function readOrExplain(): Config | Problem[] {
  try {
    return readConfig();
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems];
    throw error;
  }
}

async function runUntilStopped(pipelines: readonly Pipeline[], config: Config, log: Logger): Promise<number> {
  const facts = createFacts();
  logFacts(facts, log);
  const urls = config.amqpUrls;
  if (urls === undefined) throw new ConfigError([{ subject: 'environment', path: 'AMQP_URL', message: 'is not set; expected amqp://user:password@host:5672/vhost' }]);
  const broker = createAmqpBroker({ urls, log, facts, random: Math.random, connectionName: 'sluice' });
  const worker = startWorker({
    pipelines,
    broker,
    journal: createMemoryJournal(),
    facts,
    log,
    random: Math.random,
    topology: config.topology,
    gracePeriodMs: config.gracePeriodMs,
  });
  const health = await startHealthServer({ readiness: worker.readiness, port: config.port });
  log.info({ pipelines: pipelines.map(({ name }) => name), broker: broker.address, health: health.url }, 'sluice is starting');

  const disarm = onSignals(worker, log);
  const report = await finished(worker, log);
  disarm();
  await health.close();
  return exitCodeOf(report);
}

/** Follows the worker to its end. */
async function finished(worker: Worker, log: Logger): Promise<WorkerReport> {
  for await (const state of eachValueFrom(worker.state)) {
    if (state === 'running') log.info('every queue and exchange is in place; taking messages');
  }
  return worker.stopped;
}

/** The first signal drains, the second hastens. A failure nobody caught drains too: never go on after one. */
function onSignals(worker: Worker, log: Logger): () => void {
  let isAsked = false;
  const onSignal = (signal: string): void => {
    if (isAsked) {
      log.warn({ signal }, 'asked again: aborting what still runs');
      worker.hasten(`${signal} came twice`);
      return;
    }
    isAsked = true;
    log.info({ signal }, 'asked to stop: finishing what is in flight');
    worker.stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return () => process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
}

function exitCodeOf({ failure, isClean }: WorkerReport): number {
  if (failure !== undefined) return EXIT.failed;
  return isClean ? EXIT.ok : EXIT.cutShort;
}

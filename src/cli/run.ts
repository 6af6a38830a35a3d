/** `sluice run`: loads the pipelines, runs a worker until it is asked to stop, and says by its exit code how that went. */
import { type Config, readConfig } from '../config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { startHealthServer } from '../worker/health-server.ts';
import type { WorkerReport } from '../worker/worker.ts';
import { EXIT } from './exit-code.ts';
import { loadChecked } from './load.ts';
import { attempt, printProblems } from './problems.ts';
import { onSignals, onUncaught } from './signals.ts';
import { wire } from './wiring.ts';

export async function run(folder: string): Promise<number> {
  process.setSourceMapsEnabled(true);
  const { pipelines, problems } = await loadChecked(folder);
  const config = attempt(readConfig);
  if (problems.length > 0 || !config.ok) return misconfigured([...problems, ...(config.ok ? [] : config.problems)]);
  try {
    return await runUntilStopped(pipelines, config.value);
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  }
}

function misconfigured(problems: readonly Problem[]): number {
  printProblems(problems);
  return EXIT.misconfigured;
}

async function runUntilStopped(pipelines: readonly Pipeline[], config: Config): Promise<number> {
  const wiring = await wire(config);
  try {
    const { log } = wiring;
    const worker = wiring.startWorker(pipelines);
    const health = await startHealthServer({ readiness: worker.readiness, port: config.port });
    log.info({ pipelines: pipelines.map(({ name }) => name), health: health.url }, 'sluice is starting');
    const disarm = onSignals({
      onFirst: (signal) => {
        log.info({ signal }, 'asked to stop: finishing what is in flight');
        worker.stop();
      },
      onSecond: (signal) => {
        log.warn({ signal }, 'asked again: aborting what still runs');
        worker.hasten(`${signal} came twice`);
      },
    });
    const disarmUncaught = onUncaught(worker.fail);
    const report = await worker.stopped;
    disarm();
    disarmUncaught();
    await health.close();
    return exitCodeOf(report);
  } finally {
    await wiring.close();
  }
}

function exitCodeOf({ failure, isClean }: WorkerReport): number {
  if (failure !== undefined) return EXIT.failed;
  return isClean ? EXIT.ok : EXIT.cutShort;
}

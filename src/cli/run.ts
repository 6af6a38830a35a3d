/** `sluice run`: loads the pipelines, runs a worker until it is asked to stop, and says by its exit code how that went. */
import type { Config } from '../config.ts';
import { ConfigError } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { BuiltFolder } from '../worker/build-folder.ts';
import type { Worker } from '../worker/worker.ts';
import { openDoor } from './front-door.ts';
import { journalWarning } from './journal-warning.ts';
import { loadChecked } from './load.ts';
import { openManagement } from './management.ts';
import { openLog } from './open-log.ts';
import { type RecordOptions, record } from './record.ts';
import { sendLastSpans } from './send-last-spans.ts';
import { startText } from './start-text.ts';
import { warnAtStart } from './start-warnings.ts';
import { showStatus } from './status-line.ts';
import { exitCodeOf, misconfigured, untilStopped } from './until-stopped.ts';
import { wire } from './wiring.ts';

/**
 * `recorded`: where what goes over the worker's edges is written down. Default: nowhere.
 * `building`: the folder, where somebody has begun to build it.
 */
export async function run(folder: string, recorded?: RecordOptions, building?: Promise<BuiltFolder>): Promise<number> {
  process.setSourceMapsEnabled(true);
  const { pipelines, problems, config, dispose } = await loadChecked(folder, { building });
  try {
    if (problems.length > 0 || !config.ok) return misconfigured([...problems, ...(config.ok ? [] : config.problems)]);
    return await runUntilStopped(pipelines, config.value, recorded);
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  } finally {
    await dispose();
  }
}

async function runUntilStopped(
  pipelines: readonly Pipeline[],
  config: Config,
  recorded: RecordOptions | undefined,
): Promise<number> {
  let worker: Worker | undefined;
  const { log, terminal, isPretty } = openLog(config);
  const management = await openManagement(config, log, () => worker);
  try {
    const wiring = await wire(config, log);
    try {
      management.serve(wiring.routes);
      const recording = recorded === undefined ? undefined : await record(recorded, pipelines, log);
      try {
        const door = await openDoor(pipelines, config, { ...wiring, log });
        try {
          worker = await wiring.startWorker(pipelines, recording);
          door?.follow(worker.state);
          const { url } = management;
          const { broker } = wiring;
          const isProtected = config.token !== undefined;
          if (isPretty) terminal.write(startText({ pipelines, broker, url, isProtected, door: door?.url }));
          const warning = journalWarning(config, pipelines);
          if (warning !== undefined) log.warn(warning);
          warnAtStart(pipelines, log);
          log.info({ pipelines: pipelines.map(({ name }) => name), dashboard: url }, 'sluice is starting');
          const showing = terminal.isInteractive ? showStatus(worker, terminal) : undefined;
          const report = await untilStopped(worker, log);
          showing?.unsubscribe();
          return exitCodeOf(report);
        } finally {
          await door?.close();
        }
      } finally {
        await recording?.close();
      }
    } finally {
      await wiring.close();
    }
  } finally {
    await management.close();
    await sendLastSpans(log);
  }
}

/** `sluice dev`: runs the pipelines and, whenever a file of theirs changes, drains the old version and starts the new one. */
import { debounceTime, firstValueFrom, merge, of, ReplaySubject, type Subscription, takeUntil } from 'rxjs';
import { latestValueFrom } from 'rxjs-for-await';
import { type Config, readConfig } from '../config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { folderProblems } from '../worker/build-folder.ts';
import type { LoadedPipelines } from '../worker/load-pipelines.ts';
import type { Worker } from '../worker/worker.ts';
import { EXIT } from './exit-code.ts';
import { type OpenedDoor, openDoor } from './front-door.ts';
import { loadChecked } from './load.ts';
import { openManagement } from './management.ts';
import { openLog } from './open-log.ts';
import { attempt, printProblems } from './problems.ts';
import { sendLastSpans } from './send-last-spans.ts';
import { onSignals } from './signals.ts';
import { startText } from './start-text.ts';
import { warnAtStart } from './start-warnings.ts';
import { showStatus } from './status-line.ts';
import { watchFolder } from './watch-folder.ts';
import { wire } from './wiring.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

export async function dev(folder: string): Promise<number> {
  process.setSourceMapsEnabled(true);
  const config = attempt(readConfig);
  const problems = [...(await folderProblems(folder)), ...(config.ok ? [] : config.problems)];
  if (problems.length > 0 || !config.ok) return misconfigured(problems);
  try {
    await watchAndRun(folder, config.value);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  }
}

function misconfigured(problems: readonly Problem[]): number {
  printProblems(problems);
  return EXIT.misconfigured;
}

/** A worker with the modules it runs. */
interface Version {
  readonly worker: Worker;
  readonly loaded: LoadedPipelines;
  readonly door: OpenedDoor | undefined;
  /** The last line of a terminal. */
  readonly showing: Subscription | undefined;
}

async function watchAndRun(folder: string, config: Config): Promise<void> {
  let version: Version | undefined;
  const { log, terminal, isPretty } = openLog(config);
  const management = await openManagement(config, log, () => version?.worker);
  const wiring = await wire(config, log, { isForDevelopment: true });
  const stop = new ReplaySubject<undefined>(1);
  const disarm = onSignals({
    onFirst: () => stop.next(undefined),
    onSecond: (signal) => version?.worker.hasten(`${signal} came twice`),
  });
  const stopped = firstValueFrom(stop);
  management.serve(wiring.routes);
  log.info({ folder, dashboard: management.url }, 'watching for changes; Ctrl-C stops');

  // What changed while the worker was being replaced counts once.
  const bursts = watchFolder(folder).pipe(debounceTime(SETTLE_MS));
  const changes = merge(of(undefined), bursts).pipe(takeUntil(stop));
  for await (const _ of latestValueFrom(changes)) {
    // A module may wait for ever at its top level.
    const loaded = await Promise.race([loadChecked(folder, { config }), stopped]);
    if (loaded === undefined) break;
    const { pipelines, problems } = loaded;
    if (problems.length > 0) {
      await loaded.dispose();
      printProblems(problems, version === undefined ? 'Waiting for a change.' : 'The version before goes on.');
      continue;
    }
    await end(version);
    const door = await openDoor(pipelines, config, { ...wiring, log });
    const worker = await wiring.startWorker(pipelines);
    door?.follow(worker.state);
    const { broker } = wiring;
    const { url } = management;
    const isProtected = config.token !== undefined;
    if (isPretty) terminal.write(startText({ pipelines, broker, url, isProtected, door: door?.url }));
    version = { worker, loaded, door, showing: terminal.isInteractive ? showStatus(worker, terminal) : undefined };
    warnAtStart(pipelines, log);
    log.info({ pipelines: pipelines.map(({ name }) => name) }, 'this version runs now');
  }

  await end(version);
  disarm();
  await management.close();
  await wiring.close();
  await sendLastSpans(log);
}

/** Drains a worker: what it has is finished, what it has not waits in the queue for the next. */
async function end(version: Version | undefined): Promise<void> {
  version?.worker.stop();
  await version?.worker.stopped;
  version?.showing?.unsubscribe();
  await version?.door?.close();
  await version?.loaded.dispose();
}

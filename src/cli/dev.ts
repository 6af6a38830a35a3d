/** `sluice dev`: runs the pipelines and, whenever a file of theirs changes, drains the old version and starts the new one. */
import { watch } from 'node:fs';
import { debounceTime, filter, map, merge, Observable, of, Subject, takeUntil } from 'rxjs';
import { latestValueFrom } from 'rxjs-for-await';
import { type Config, readConfig } from '../config.ts';
import { startHealthServer } from '../worker/health-server.ts';
import type { Worker } from '../worker/worker.ts';
import { EXIT } from './exit-code.ts';
import { loadChecked } from './load.ts';
import { attempt, printProblems } from './problems.ts';
import { onSignals } from './signals.ts';
import { wire } from './wiring.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

export async function dev(folder: string): Promise<number> {
  process.setSourceMapsEnabled(true);
  const config = attempt(readConfig);
  if (!config.ok) {
    printProblems(config.problems);
    return EXIT.misconfigured;
  }
  await watchAndRun(folder, config.value);
  return EXIT.ok;
}

async function watchAndRun(folder: string, config: Config): Promise<void> {
  const wiring = await wire(config);
  const { log } = wiring;
  const stop = new Subject<void>();
  let worker: Worker | undefined;
  const disarm = onSignals({
    onFirst: () => stop.next(),
    onSecond: (signal) => worker?.hasten(`${signal} came twice`),
  });
  const health = await startHealthServer({
    readiness: () => worker?.readiness() ?? { isReady: false, state: 'stopped', waiting: {} },
    port: config.port,
  });
  log.info({ folder, health: health.url }, 'watching for changes; Ctrl-C stops');

  // What changed while the worker was being replaced counts once.
  const versions = merge(of(undefined), changesIn(folder)).pipe(takeUntil(stop));
  for await (const _ of latestValueFrom(versions)) {
    const { pipelines, problems } = await loadChecked(folder);
    if (problems.length > 0) {
      printProblems(problems, worker === undefined ? 'Waiting for a change.' : 'The version before goes on.');
      continue;
    }
    await end(worker);
    worker = wiring.startWorker(pipelines);
    log.info({ pipelines: pipelines.map(({ name }) => name) }, 'this version runs now');
  }

  await end(worker);
  disarm();
  await health.close();
  await wiring.close();
}

/** Drains a worker: what it has is finished, what it has not waits in the queue for the next. */
async function end(worker: Worker | undefined): Promise<void> {
  worker?.stop();
  await worker?.stopped;
}

/** A value for each burst of changes in a folder and the folders in it. Unsubscribing stops watching. */
function changesIn(folder: string): Observable<void> {
  const names = new Observable<string>((subscriber) => {
    const watcher = watch(folder, { recursive: true }, (_event, name) => subscriber.next(String(name)));
    watcher.on('error', (error) => subscriber.error(error));
    return () => watcher.close();
  });
  return names.pipe(
    filter((name) => !/(^|[\\/])(node_modules|\.)/.test(name)),
    debounceTime(SETTLE_MS),
    map(() => undefined),
  );
}

/**
 * Loaded into a worker before anything else (`--import`): writes every so often what the process holds, as a line of JSON to a file.
 * Collects garbage first, so that what is counted is what is held.
 */
import { appendFileSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const { CHAOS_PROBE: file, CHAOS_PROBE_EVERY_MS: everyMs } = process.env;

const listenersOf = (emitter) =>
  emitter.eventNames?.().reduce((sum, event) => sum + emitter.listenerCount(event), 0) ?? 0;

const look = () => {
  gc();
  // Sockets and servers; the one place where Node lists them.
  const handles = process._getActiveHandles();
  const { heapUsed, rss } = process.memoryUsage();
  const sample = {
    at: Date.now(),
    heapMb: heapUsed / 2 ** 20,
    rssMb: rss / 2 ** 20,
    handles: handles.length,
    openFiles: readdirSync('/proc/self/fd').length,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners: [process, ...handles].reduce((sum, emitter) => sum + listenersOf(emitter), 0),
  };
  appendFileSync(file, `${JSON.stringify(sample)}\n`);
};

setInterval(look, Number(everyMs)).unref();

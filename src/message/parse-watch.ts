/**
 * A watch over what keeps the thread to itself. JavaScript cannot be interrupted by its own, a pattern that backtracks least of all; another thread can do it, as
 * `node:vm` has it for a script with a time limit. It begins one for each script, which costs more than most messages do.
 */
import { type Context, createContext, Script } from 'node:vm';

interface Desk {
  work?: (() => void) | undefined;
}

let watched: { readonly desk: Desk & Context; readonly script: Script } | undefined;

const MAX_TRIES = 4;
/** Of the processor's time, on a machine with much else to do. */
const FAIR_SHARE_RATIO = 0.25;

/** Node 20 has it of the whole process alone: where the machine stood still for this thread, others of it may have worked. */
const { threadCpuUsage } = process as NodeJS.Process & { readonly threadCpuUsage?: typeof process.cpuUsage };
const cpuUsage = threadCpuUsage ?? process.cpuUsage;
/** To refuse a sound value is worse than to try a hostile one twice. */
const LEAST_TRIES = threadCpuUsage === undefined ? 2 : 1;

/**
 * False: it was ended, wherever it was; nothing of it that catches or comes after has run. It is begun again where this thread had little of the time, because
 * the machine stood still or was busy otherwise; and once in any case where nobody can tell what this thread had.
 */
export function runWithin(limitMs: number, work: () => void): boolean {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const before = cpuUsage();
    if (isDoneWithin(limitMs, work)) return true;
    const { user, system } = cpuUsage(before);
    if (tries >= LEAST_TRIES && (user + system) / 1_000 >= limitMs * FAIR_SHARE_RATIO) return false;
  }
  return false;
}

function isDoneWithin(limitMs: number, work: () => void): boolean {
  watched ??= { desk: createContext({}), script: new Script('work()') };
  const { desk, script } = watched;
  desk.work = work;
  try {
    script.runInContext(desk, { timeout: limitMs, displayErrors: false });
    return true;
  } catch (error) {
    if (isOutOfTime(error)) return false;
    throw error;
  } finally {
    desk.work = undefined;
  }
}

/** It is made in the script's own realm, where other errors are made: no instance of ours. */
const isOutOfTime = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

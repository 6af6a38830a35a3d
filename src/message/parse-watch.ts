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
const FAIR_SHARE = 0.25;

/**
 * False: it was ended, wherever it was; nothing of it that catches or comes after has run. It is begun again where the whole process had little of the time,
 * because the machine stood still or was busy otherwise.
 */
export function runWithin(limitMs: number, work: () => void): boolean {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = process.cpuUsage();
    if (isDoneWithin(limitMs, work)) return true;
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1_000 >= limitMs * FAIR_SHARE) return false;
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

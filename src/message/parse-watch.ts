/**
 * A watch over what keeps the thread to itself. JavaScript cannot be interrupted by its own, a pattern that backtracks least of all; another thread can do it, as
 * `node:vm` has it for a script with a time limit. It begins one for each script, which costs more than most messages do.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { type Context, createContext, Script } from 'node:vm';

interface Desk {
  work?: (() => void) | undefined;
}

let watched: { readonly desk: Desk & Context; readonly script: Script } | undefined;

/** To refuse a sound value is worse than to try a hostile one twice: this thread may have looked through all of its memory meanwhile. */
const LEAST_TRIES = 2;
const MAX_TRIES = 4;
/** Of the processor's time, on a machine with much else to do. */
const FAIR_SHARE_RATIO = 0.25;

/** Node 20 has it of the whole process alone. */
const { threadCpuUsage } = process as NodeJS.Process & { readonly threadCpuUsage?: typeof process.cpuUsage };
const cpuUsage = threadCpuUsage ?? process.cpuUsage;

/** Files that the other thread opens for its loop, at most, and one to spare. Where it cannot open them, Node ends the process. */
const FILES_OF_A_WATCH = 6;

/**
 * False: it was ended, wherever it was; nothing of it that catches or comes after has run. It is begun again once in any case, and more often where this
 * thread had little of the time, because the machine stood still or was busy otherwise. Nothing ends it where the process may open no more files.
 */
export function runWithin(limitMs: number, work: () => void): boolean {
  if (!mayOpenFiles()) {
    work();
    return true;
  }
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

function mayOpenFiles(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < FILES_OF_A_WATCH) opened.push(openSync(devNull, 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const file of opened) closeSync(file);
  }
}

/** It is made in the script's own realm, where other errors are made: no instance of ours. */
const isOutOfTime = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

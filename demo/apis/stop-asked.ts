/** When a program that npm started should end: a signal of its own, or the end of the shell between npm and it. */
import { setInterval as every } from 'node:timers/promises';

const PARENT_CHECK_MS = 250;
const { ppid: parent } = process;

/** Resolves once. npm ends its shell alone, and the shell passes no signal on: without the second sign, ports would stay taken. */
export function stopAsked(): Promise<void> {
  const signalled = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  return process.env.npm_lifecycle_event === undefined ? signalled : Promise.race([signalled, parentGone()]);
}

async function parentGone(): Promise<void> {
  for await (const _ of every(PARENT_CHECK_MS, undefined, { ref: false })) if (process.ppid !== parent) return;
}

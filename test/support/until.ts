/** Waiting for what has no event of its own: a queue's length in the broker, a journal in another process. */
import { scheduler } from 'node:timers/promises';

const POLL_EVERY_MS = 10;

/** Asks again and again until it holds; mocha's timeout is the bound. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await scheduler.wait(POLL_EVERY_MS);
}

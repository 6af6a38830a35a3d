/** Root hooks of every mocha run: no test may leave a trace on the prototypes all share; shared services end with the run, and suites that were left out are named last. */

import { leftOutNotice, stopSharedServices } from './services.ts';
import { SharedPrototypes } from './shared-prototypes.ts';

// Specs open one file twice in this process, as two workers do in two. libsql waits for a lock on a thread of its runtime, which has one for
// each core: on a machine with one the holder of the lock could not go on.
process.env.TOKIO_WORKER_THREADS ??= '4';

const prototypes = new SharedPrototypes();

export const mochaHooks = {
  /** Whatever a message, an answer or a header holds, it changes what one of its own objects is. */
  afterEach: (): void => prototypes.requireUntouched(),
  afterAll: (): Promise<void> => stopSharedServices(),
};

// After the reporter's own summary, which comes later than any hook.
process.once('exit', () => {
  const notice = leftOutNotice();
  if (notice !== '') console.error(notice);
});

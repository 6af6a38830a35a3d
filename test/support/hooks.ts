/** Root hooks of every mocha run: shared services end with it, and suites that were left out are named last. */
import { leftOutNotice, stopSharedServices } from './services.ts';

export const mochaHooks = {
  afterAll: (): Promise<void> => stopSharedServices(),
};

// After the reporter's own summary, which comes later than any hook.
process.once('exit', () => {
  const notice = leftOutNotice();
  if (notice !== '') console.error(notice);
});

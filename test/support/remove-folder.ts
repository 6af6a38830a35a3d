/** Removing what processes that have just ended may write into for a moment longer. */
import { rmSync } from 'node:fs';
import { eventually } from './eventually.ts';

/**
 * Looks into the folder anew each time. `maxRetries` of `rmSync` does not: with Node 20 it tries only to remove the folder itself again, in
 * vain where a file has come since it looked.
 */
export const removeFolder = (folder: string, remove: typeof rmSync = rmSync): Promise<void> =>
  eventually(
    `${folder} is removed`,
    () => {
      try {
        remove(folder, { recursive: true, force: true });
        return true;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY') return false;
        throw error;
      }
    },
    10_000,
  );

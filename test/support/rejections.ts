/** What no one listens to of promises that were rejected while `work` ran, and in the turn of the event loop after it. */
export async function unheardRejections(work: () => unknown): Promise<readonly unknown[]> {
  const unheard: unknown[] = [];
  const listener = (reason: unknown): number => unheard.push(reason);
  process.on('unhandledRejection', listener);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
    return unheard;
  } finally {
    process.off('unhandledRejection', listener);
  }
}

/** What holds for an API whose definition does not say otherwise. */
export const API_DEFAULTS = {
  timeoutMs: 10_000,
  concurrency: 64,
  adaptive: { initial: 20, min: 1, max: 200 },
  maxQueued: 1_000,
  keepAliveMs: 4_000,
  maxAttempts: 3,
  backoffInitialMs: 100,
  backoffMaxMs: 5_000,
  retryBudget: 0.2,
  maxBytes: 10 * 2 ** 20,
  cache: { maxEntries: 1_000, maxBytes: 32 * 2 ** 20 },
} as const;

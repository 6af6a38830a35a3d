/**
 * Failures that tell nothing of whoever is called: of calls that never left, their time over while they waited for their turn, and of those
 * whose broker was away. Neither breaker nor throttle counts them.
 */

const marked = new WeakSet<Error>();

export function markTellingNothing<E extends Error>(error: E): E {
  marked.add(error);
  return error;
}

export const tellsNothing = (cause: unknown): boolean => cause instanceof Error && marked.has(cause);

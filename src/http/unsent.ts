/** Failures of calls that never left: their time was over while they waited for their turn. What we held back tells nothing of the API. */

const unsent = new WeakSet<Error>();

export function markUnsent<E extends Error>(error: E): E {
  unsent.add(error);
  return error;
}

export const isUnsent = (cause: unknown): boolean => cause instanceof Error && unsent.has(cause);

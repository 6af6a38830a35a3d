/**
 * Failures of requests that went over a connection that has answered before, and ended without a word of an answer: the server may have given the
 * connection up while the request was on its way.
 */

const marked = new WeakSet<Error>();

export function markStale<E extends Error>(error: E): E {
  marked.add(error);
  return error;
}

export const isStale = (cause: unknown): boolean => cause instanceof Error && marked.has(cause);

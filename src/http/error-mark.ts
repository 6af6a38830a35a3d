/** What is known of a failure beside what it says of itself: a mark nobody sees who does not ask, so that neither logs nor authors meet it. */
export interface ErrorMark {
  /** @returns the error. */
  put<E extends Error>(error: E): E;
  isOn(cause: unknown): boolean;
}

export function errorMark(): ErrorMark {
  const marked = new WeakSet<Error>();
  return {
    put: (error) => {
      marked.add(error);
      return error;
    },
    isOn: (cause) => cause instanceof Error && marked.has(cause),
  };
}

/**
 * Another `then` for all promises while something synchronous runs, by which RxJS asks the promises it is given: what waits for one in virtual time
 * waits for ever, and is to be told.
 */
export type Then = (this: unknown, ...handlers: unknown[]) => unknown;

/** @param make What stands in for `then`, given the real one. */
export function withThen<T>(make: (then: Then) => Then, run: () => T): T {
  const prototype: object = Promise.prototype;
  const original = Object.getOwnPropertyDescriptor(prototype, 'then');
  const then: unknown = original?.value;
  if (original === undefined || typeof then !== 'function') return run();
  Object.defineProperty(prototype, 'then', { ...original, value: make(then as Then) });
  try {
    return run();
  } finally {
    Object.defineProperty(prototype, 'then', original);
  }
}

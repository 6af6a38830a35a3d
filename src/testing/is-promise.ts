/** Whether a value is a promise, of whatever realm or library: a runner may give each test file a `Promise` of its own. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

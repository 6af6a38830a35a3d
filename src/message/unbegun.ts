/**
 * Work that stands where its result is expected: an Observable nobody subscribes to, a promise nobody waits for, a function nobody calls. Taken for a value
 * it would be as good as any other, and the work be taken for done.
 */

export type Unbegun = 'an Observable' | 'a promise' | 'a function';

/** What a value is, where it is no value but work. Plain objects, and what lies in them, are not looked into: they are what values are made of. */
export function unbegunIn(value: unknown): Unbegun | undefined {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.getPrototypeOf(value) === Object.prototype) return undefined;
  // An Observable first: a call is one, and has a `then` that refuses.
  if (typeof (value as { readonly subscribe?: unknown }).subscribe === 'function') return 'an Observable';
  return typeof (value as { readonly then?: unknown }).then === 'function' ? 'a promise' : undefined;
}

/** As it was when this was loaded: a test in virtual time takes whoever asks a promise for one that waits for it. */
const { then } = Promise.prototype;

/** A promise that is turned away goes on by itself: a rejection that nobody hears would end the process. */
export function ignoreRejection(value: unknown): void {
  if (value instanceof Promise) void Reflect.apply(then, value, [undefined, () => undefined]);
}

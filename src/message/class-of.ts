/** What class an object is of: JSON, and whoever asks for values by their names, sees nothing of one that has no members of its own. */

/** Whether it has none, but is made of members alone: also without a prototype, or of another realm, such as a test's sandbox. */
export function isClassless(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Undefined where the class has no name. */
export function classNameOf(value: object): string | undefined {
  const { constructor: made } = value as { readonly constructor?: { readonly name?: unknown } };
  return typeof made?.name === 'string' && made.name !== '' ? made.name : undefined;
}

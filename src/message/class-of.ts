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

/** With its article. */
export const withArticle = (name: string): string => `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`;

/** What kind of value was given where another was expected. Values are not told: it may be a URL with its password, or a message. */
export function kindOf(given: unknown): string {
  if (given === undefined || given === null) return String(given);
  if (typeof given !== 'object') return withArticle(typeof given);
  if (Array.isArray(given)) return 'a list';
  if (!isClassless(given)) return withArticle(classNameOf(given) ?? 'object of a class');
  const names = Object.keys(given).slice(0, 10).join(', ');
  return names === '' ? 'an object' : `an object with ${names}`;
}

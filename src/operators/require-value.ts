/** What an author's stream gave is looked at before it counts as a result: work in its place was not done. */
import { ignoreRejection, type Unbegun, unbegunIn } from '../message/unbegun.ts';

const ADVICE: Readonly<Record<Unbegun, string>> = {
  'an Observable':
    'which nobody subscribes to: return it itself, or merge(…) of several, not out of an async function; or take mergeMap in place of map',
  'a promise': 'which nobody waits for: await it, or take mergeMap in place of map',
  'a function': 'which nobody calls',
};

/**
 * The value itself.
 * @param subject who gave it, with its verb: `the handle emitted`.
 * @throws TypeError that begins with it, for an Observable, a promise or a function, and for a list of them.
 */
export function requireValue<T>(subject: string, value: T): T {
  const listed = Array.isArray(value)
    ? (value as readonly unknown[]).find((item) => unbegunIn(item) !== undefined)
    : undefined;
  const kind = unbegunIn(listed ?? value);
  if (kind === undefined) return value;
  for (const refused of Array.isArray(value) ? (value as readonly unknown[]) : [value]) ignoreRejection(refused);
  throw new TypeError(`${subject} ${listed === undefined ? '' : 'a list with '}${kind}, ${ADVICE[kind]}`);
}

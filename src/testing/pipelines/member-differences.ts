/** Where two values that ought to be the same are not: the paths of the members, for values too large to compare by eye. */
import { isSame } from '../marble-equal.ts';
import { textOf } from '../marble-text.ts';

/** More of them say that it is another value altogether. */
const MOST = 5;

/** `body.total is 20, expected 25`: one line for each member that differs, the first few. */
export function memberDifferences(expected: unknown, actual: unknown, path = ''): readonly string[] {
  if (isSame(actual, expected)) return [];
  if (!isTable(expected) || !isTable(actual) || Array.isArray(expected) !== Array.isArray(actual))
    return [`${path} is ${textOf(actual)}, expected ${textOf(expected)}`];
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return names
    .flatMap((name) => memberDifferences(expected[name], actual[name], path === '' ? name : `${path}.${name}`))
    .slice(0, MOST);
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);

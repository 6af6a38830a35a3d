/**
 * Equality of what streams carry, down to the last field. Errors are compared by name, code, message, own fields and cause: assertion
 * libraries leave out the last two, and an operator that loses a cause would go unseen.
 */
import { isDeepStrictEqual } from 'node:util';

/** Pairs being compared further up: a cycle that runs in step on both sides is equal. */
type Open = Map<object, Set<object>>;

export function isSame(actual: unknown, expected: unknown, open: Open = new Map()): boolean {
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return false;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false;
  if (!isFieldwise(actual)) return isDeepStrictEqual(actual, expected);

  const partners = open.get(actual) ?? new Set();
  if (partners.has(expected)) return true;
  open.set(actual, partners.add(expected));
  const names = fieldsOf(actual);
  return (
    isDeepStrictEqual(names, fieldsOf(expected)) &&
    names.every((name) => isSame(Reflect.get(actual, name), Reflect.get(expected, name), open))
  );
}

/** Dates, maps, buffers and the like hold what no field shows. */
const isFieldwise = (value: object): boolean =>
  value instanceof Error || ['[object Object]', '[object Array]'].includes(Object.prototype.toString.call(value));

/** Most fields of an error are not enumerable, and its name stands on the prototype. Its stack says where, not what. */
function fieldsOf(value: object): PropertyKey[] {
  const own = Reflect.ownKeys(value);
  const fields =
    value instanceof Error
      ? [...own.filter((key) => key !== 'stack'), 'name', 'message', 'code']
      : own.filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  return [...new Set(fields)].sort((one, other) => (String(one) < String(other) ? -1 : 1));
}

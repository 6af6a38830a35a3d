/** Values as one line of text under a diagram. Errors show what they are compared by, not their stacks. */
import { inspect } from 'node:util';

export function textOf(value: unknown): string {
  return inspect(plain(value, new Set()), {
    depth: 8,
    breakLength: Number.POSITIVE_INFINITY,
    compact: true,
    sorted: false,
  });
}

/** The same value with each error in it replaced by an object that prints in one line. */
function plain(value: unknown, above: ReadonlySet<object>): unknown {
  if (typeof value !== 'object' || value === null || above.has(value)) return value;
  const below = new Set(above).add(value);
  if (value instanceof Error) return printedError(value, below);
  if (Array.isArray(value)) return value.map((item) => plain(item, below));
  if (Object.prototype.toString.call(value) !== '[object Object]' || !Object.values(value).some(holdsObjects))
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, below)]));
}

const holdsObjects = (value: unknown): boolean => typeof value === 'object' && value !== null;

function printedError(error: Error, above: ReadonlySet<object>): unknown {
  const { name, message } = error;
  const own = Object.entries(error).filter(([key]) => key !== 'name' && key !== 'code' && key !== 'stack');
  const fields = 'cause' in error ? [...own, ['cause', error.cause] as const] : own;
  const code = 'code' in error ? ` [${String(error.code)}]` : '';
  const rest = fields.length === 0 ? '' : ` ${textOfFields(fields, above)}`;
  return { [inspect.custom]: () => `${name}${code}: ${JSON.stringify(message)}${rest}` };
}

function textOfFields(fields: readonly (readonly [string, unknown])[], above: ReadonlySet<object>): string {
  const printable = Object.fromEntries(fields.map(([key, value]) => [key, plain(value, above)]));
  return inspect(printable, { depth: 8, breakLength: Number.POSITIVE_INFINITY, compact: true });
}

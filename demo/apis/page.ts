/** A page of what an API made: sorted by a field of it, after a key, with where the next page begins. */
import type { Answer } from './operation.ts';

const DEFAULT_LIMIT = 100;

/** Fields are checked by then. Items with the same key are never parted by the end of a page. */
export function pageOf(made: readonly unknown[], by: string, fields: Readonly<Record<string, unknown>>): Answer {
  const { after, limit = DEFAULT_LIMIT } = fields;
  const keyOf = (item: unknown): string => String((item as Readonly<Record<string, unknown>>)[by]);
  const rest = made
    .filter((item) => typeof after !== 'string' || keyOf(item) > after)
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : keyOf(one) > keyOf(other) ? 1 : 0));
  let end = Math.min(rest.length, Number(limit));
  while (end > 0 && end < rest.length && keyOf(rest[end]) === keyOf(rest[end - 1])) end++;
  const items = rest.slice(0, end);
  const next = end < rest.length ? keyOf(items.at(-1)) : undefined;
  return { status: 200, body: { items, ...(next === undefined ? {} : { next }) } };
}

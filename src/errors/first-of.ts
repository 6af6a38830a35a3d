/** Of many things that are wrong the first: reasons go into logs, facts and dead letters, and a thousand of one kind say no more than five. */

const MAX_TOLD = 5;

/** `one; another; and 97 more`. */
export function firstOf<Item>(items: readonly Item[], textOf: (item: Item) => string): string {
  const more = items.length > MAX_TOLD ? [`and ${items.length - MAX_TOLD} more`] : [];
  return [...items.slice(0, MAX_TOLD).map(textOf), ...more].join('; ');
}

/**
 * Options of a call or an operator by name, for whoever has no types: one that nobody reads is a query that is not sent, or a time that is not
 * kept, and the answer looks right all the same.
 */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/** What is wrong, undefined where nothing is. On the way of every call: it makes nothing. */
export function unknownOption<Options extends object>(given: Options, known: Known<Options>): string | undefined {
  if (typeof given !== 'object' && given !== undefined)
    return `expected options by name (${listOf(known)}), got a ${typeof given}`;
  for (const name in given)
    if (!Object.hasOwn(known, name)) return `no option ${JSON.stringify(name.slice(0, 80))}, only ${listOf(known)}`;
  return undefined;
}

const listOf = (known: object): string => Object.keys(known).join(', ');

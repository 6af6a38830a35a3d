/**
 * Options of a call or an operator by name, for whoever has no types: one that nobody reads is a query that is not sent, or a time that is not
 * kept, and the answer looks right all the same.
 */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/** What is wrong, undefined where nothing is. On the way of every call: it makes nothing. */
export function unknownOption<Options extends object>(given: Options, known: Known<Options>): string | undefined {
  for (const name in given)
    if (!Object.hasOwn(known, name))
      return `no option ${JSON.stringify(name.slice(0, 80))}, only ${Object.keys(known).join(', ')}`;
  return undefined;
}

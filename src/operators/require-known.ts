/** The check that options have no others beside them. A misspelt one fails where the operator is made: nobody reads it, and the result looks right. */
import { type Known, unknownOption } from '../policies/unknown-option.ts';

/** @throws RangeError naming an option that the operator does not have, and those it has. */
export function requireKnown<Options extends object>(operator: string, given: Options, known: Known<Options>): void {
  const unknown = unknownOption(given, known);
  if (unknown !== undefined) throw new RangeError(`${operator}: ${unknown}`);
}

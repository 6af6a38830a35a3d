/** The check that options have no others beside them. A misspelt one fails where what takes them is made: nobody reads it, and the result looks right. */
import { type Known, unknownOption } from './unknown-option.ts';

/** @throws RangeError naming an option that `maker` does not have, and those it has. */
export function requireKnown<Options extends object>(maker: string, given: Options, known: Known<Options>): void {
  const unknown = unknownOption(given, known);
  if (unknown !== undefined) throw new RangeError(`${maker}: ${unknown}`);
}

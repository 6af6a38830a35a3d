/** A fault into a source text, and out of it again: what it replaces has to stand there once, or it says what moved. */
import type { Fault } from './faults.ts';

/** The text with the fault in it. @throws Error when what it replaces is not there, or there more than once. */
export function planted({ name, file, was, becomes }: Fault, source: string): string {
  const places = source.split(was).length - 1;
  if (places === 1) return source.replace(was, () => becomes);
  throw new Error(
    `fault "${name}": ${file} was expected to hold this once, and holds it ${places} times; bring scripts/mutants/faults.ts up to date\n${was}`,
  );
}

/** Options of a program that npm runs: what is wrong with them ends it in one line, before anything is built, measured or written. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { tellUsage } from './usage.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<Given extends Options> = ReturnType<typeof parseArgs<{ options: Given }>>['values'];

/** `least`: options that are whole numbers, and from what on each makes sense. */
export function argumentsOf<const Given extends Options>(
  usage: string,
  options: Given,
  least: { readonly [Name in keyof Given]?: number },
): Values<Given> {
  try {
    tellUsage(usage);
    return readArguments(process.argv.slice(2), options, least);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}; --help says what can be asked`);
    process.exit(2);
  }
}

/** @throws Error naming the option that is wrong. */
export function readArguments<const Given extends Options>(
  args: readonly string[],
  options: Given,
  least: { readonly [Name in keyof Given]?: number },
): Values<Given> {
  const { values } = parseArgs({ args: [...args], options });
  for (const [name, value] of Object.entries(values)) {
    const from = least[name];
    if (from !== undefined && !(Number.isInteger(Number(value)) && Number(value) >= from))
      throw new Error(`--${name}: expected a whole number of at least ${from}, got ${String(value)}`);
  }
  return values;
}

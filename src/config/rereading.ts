/** A setting that is read again: credentials in a file are replaced while the worker runs. */
import type { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { type Environment, mayChange, problem, textOf } from './environment.ts';

/**
 * Reads what the file that `NAME_FILE` names holds at that moment, by the schema of the setting. Undefined where the variable itself is set, which
 * cannot change, neither is, or it names a pipe. What is read throws ConfigError when the file is gone or holds something else; its text is not shown.
 */
export function rereadingOf<Value>(
  environment: Environment,
  name: string,
  schema: z.ZodType<Value>,
): (() => NonNullable<Value>) | undefined {
  if (!mayChange(environment, name)) return undefined;
  return () => {
    const read = schema.safeParse(textOf(environment, name));
    if (read.success && read.data !== undefined && read.data !== null) return read.data;
    const messages = read.success ? ['holds nothing'] : read.error.issues.map(({ message }) => message);
    throw new ConfigError(messages.map((message) => problem(`${name}_FILE`, message)));
  };
}

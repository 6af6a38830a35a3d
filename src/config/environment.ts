/**
 * The only reader of `process.env`. Authors name values with `env`, which are read when the worker starts.
 */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError, messageOf, type Problem } from '../errors.ts';
import { Secret, type Setting } from '../setting.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const problem = (name: string, message: string): Problem => ({ subject: 'environment', path: name, message });

/** A variable's text: its own, or the content of the file that `NAME_FILE` names. Empty counts as unset. */
export function textOf(environment: Environment, name: string): string | undefined {
  const own = environment[name];
  if (own !== undefined && own !== '') return own;
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new ConfigError([problem(`${name}_FILE`, `cannot be read: ${messageOf(cause)}`)], { cause });
  }
}

/** Whether the value stands in a file, which may be replaced. What a pipe gives it gives once. */
export function mayChange(environment: Environment, name: string): boolean {
  const file = environment[`${name}_FILE`];
  if (environment[name] || !file) return false;
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch {
    return true;
  }
}

function setting<T>(name: string, fallback: T | undefined, parse: (text: string) => T): Setting<T> {
  return {
    kind: 'setting',
    name,
    read: () => {
      const text = textOf(process.env, name);
      if (text !== undefined) return parse(text);
      if (fallback !== undefined) return fallback;
      throw new ConfigError([problem(name, `is not set; set ${name}, or ${name}_FILE to a file that holds it`)]);
    },
    canChange: () => mayChange(process.env, name),
  };
}

function parseUrl(name: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    throw new ConfigError([problem(name, 'expected a URL that begins with http:// or https://')]);
  }
  return text;
}

/**
 * Values of the environment for definitions. Each is read when the worker starts or when a test asks for it, never when a module is loaded;
 * a missing one is reported with all others. `NAME_FILE` may name a file that holds the value of `NAME`.
 */
export const env = {
  /** An http or https URL. */
  url: (name: string, fallback?: string): Setting<string> => setting(name, fallback, (text) => parseUrl(name, text)),
  /** Any text. */
  string: (name: string, fallback?: string): Setting<string> => setting(name, fallback, (text) => text),
  /** A value that is masked wherever it would be printed. It has no fallback: a secret in a module is none. */
  secret: (name: string): Setting<Secret> => setting<Secret>(name, undefined, (text) => new Secret(text)),
};

/** That of this process. */
export const ownEnvironment = (): Environment => process.env;

/** The environment of a process that is started by this one. */
export const environmentWith = (added: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...added,
});

/** Whether npm or npx is what runs this process. */
export const isStartedByNpm = (): boolean => process.env.npm_lifecycle_event !== undefined;

/**
 * The environment: the only reader of `process.env`. Authors name values with `env`, which are read when the worker starts;
 * the command line reads the worker's own settings with `readConfig` and hands them inwards as values.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, messageOf, type Problem } from './errors.ts';
import { DURATION_EXPECTED, durationMs, durationSchema } from './policies/duration.ts';
import { Secret, type Setting } from './setting.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const problem = (name: string, message: string): Problem => ({ subject: 'environment', path: name, message });

/** A variable's text: its own, or the content of the file that `NAME_FILE` names. Empty counts as unset. */
function textOf(environment: Environment, name: string): string | undefined {
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

/** The worker's own settings. */
export interface Config {
  /** Brokers to try, in turn. Undefined: none is set. They hold credentials: never log them. */
  readonly amqpUrls: readonly string[] | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where health is served, on loopback. Undefined: 8080, or any free port where that is taken. */
  readonly port: number | undefined;
  readonly gracePeriodMs: number;
  readonly topology: 'assert' | 'check';
  readonly isProduction: boolean;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const amqpUrl = z.string().superRefine((text, context) => {
  const reason = faultOfAmqpUrl(text);
  // The value itself holds a password: it is never part of the message.
  if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
});

function faultOfAmqpUrl(text: string): string | undefined {
  if (!URL.canParse(text) || !/^amqps?:\/\//.test(text))
    return 'expected amqp://user:password@host:5672/vhost, or amqps://…';
  const { hostname, username, password, pathname, searchParams } = new URL(text);
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
  } catch {
    return 'has a "%" that begins no escape; write it as %25';
  }
  if (pathname.slice(1).includes('/')) return 'has a virtual host with a "/" in it; write it as %2F';
  const heartbeat = searchParams.get('heartbeat');
  if (heartbeat !== null && !/^\d{1,5}$/.test(heartbeat)) return 'expected heartbeat to be a number of seconds';
  const frameMax = searchParams.get('frameMax');
  if (frameMax !== null && !(Number(frameMax) >= 8_192))
    return 'expected frameMax of at least 8192: RabbitMQ 4.1 refuses less';
  if ((username === '' || username === 'guest') && !LOOPBACK.test(hostname)) {
    return `names user "guest" for host ${hostname}: guest is for loopback only; make a user for the worker`;
  }
  return undefined;
}

const configSchema = z.object({
  AMQP_URL: z
    .string()
    .transform((text) => text.split(',').map((url) => url.trim()))
    .pipe(z.array(amqpUrl))
    .optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  SLUICE_PORT: z
    .string()
    .regex(/^\d+$/, { error: 'expected a port number' })
    .transform(Number)
    .pipe(z.int().min(0).max(65_535))
    .optional(),
  SLUICE_GRACE_PERIOD: z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : text))
    .pipe(durationSchema({ zero: true }))
    .default('30s'),
  SLUICE_TOPOLOGY: z.enum(['assert', 'check']).default('assert'),
  NODE_ENV: z.string().optional(),
});

/**
 * The worker's settings from an environment, `process.env` by default.
 * @throws ConfigError with every mistake at once, naming variables and what is allowed, never what they hold.
 */
export function readConfig(environment: Environment = process.env): Config {
  const problems: Problem[] = [];
  const texts: Record<string, string> = {};
  for (const name of Object.keys(configSchema.shape)) {
    try {
      const text = textOf(environment, name);
      if (text !== undefined) texts[name] = text;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  const parsed = configSchema.safeParse(texts);
  if (!parsed.success)
    problems.push(
      ...parsed.error.issues.map(({ path, message }) => problem(String(path[0]), explain(String(path[0]), message))),
    );
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const { AMQP_URL, LOG_LEVEL, SLUICE_PORT, SLUICE_GRACE_PERIOD, SLUICE_TOPOLOGY, NODE_ENV } = parsed.data;
  return {
    amqpUrls: AMQP_URL,
    logLevel: LOG_LEVEL,
    port: SLUICE_PORT,
    gracePeriodMs: durationMs(SLUICE_GRACE_PERIOD),
    topology: SLUICE_TOPOLOGY,
    isProduction: NODE_ENV === 'production',
  };
}

/** zod's words for a wrong choice name the choices already. */
const explain = (name: string, message: string): string =>
  name === 'SLUICE_GRACE_PERIOD' ? `expected ${DURATION_EXPECTED}` : message.replace(/^Invalid option: /, '');

/** The worker's own settings: the command line reads them from the environment with `readConfig`, and hands them inwards as values. */
import type { z } from 'zod';
import { type AmqpTlsTexts, faultsOfAmqp, tlsReadingOf } from './config/amqp-settings.ts';
import { configSchema, HOST } from './config/config-schema.ts';
import { type Environment, ownEnvironment, problem, textOf } from './config/environment.ts';
import { rereadingOf } from './config/rereading.ts';
import { nearest } from './definition.ts';
import { ConfigError, type Problem } from './errors.ts';
import { isLoopback } from './policies/asked-as.ts';
import { durationMs } from './policies/duration.ts';
import type { Secret, Setting } from './setting.ts';

export { env, environmentWith, isStartedByNpm, ownEnvironment } from './config/environment.ts';

/** The worker's own settings. */
export interface Config {
  /** Brokers to try, in turn. Undefined: none is set, and none has to be. They hold credentials: never log them. */
  readonly amqpUrls: readonly string[] | undefined;
  /** The same, read again: what AMQP_URL_FILE holds at this moment. Undefined where AMQP_URL itself is set, which cannot change.
   * @throws ConfigError when the file is gone or holds no URL of a broker. */
  readonly rereadAmqpUrls: (() => readonly string[]) | undefined;
  /** What tells the broker who we are: the user of its URL, or our certificate. */
  readonly amqpAuth: 'plain' | 'external';
  /** For `amqps://`, as variables and files hold it at this moment. Undefined: nothing is set, and Node's authorities are trusted.
   * @throws ConfigError when a file is gone or holds something else. */
  readonly amqpTls: (() => AmqpTlsTexts) | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** How log lines are written. Undefined: for people in a terminal, as JSON elsewhere. */
  readonly logFormat: 'json' | 'pretty' | undefined;
  /** Address of the management server. One that is not loopback comes with a token. */
  readonly host: string;
  /** Its port. Undefined: 8080, or any free port where that is taken. */
  readonly port: number | undefined;
  /** Needed for its actions, and where it is set for everything but health. A setting where it stands in a file, which may be replaced. */
  readonly token: Secret | Setting<Secret> | undefined;
  /** Address of the front door. */
  readonly doorHost: string;
  /** Its port. Undefined: 3000, or any free port where that is taken. `off`: there is none, but for `sluice serve`. */
  readonly doorPort: number | 'off' | undefined;
  /** Proxies in front of it, whose word about the client's address counts. */
  readonly doorProxies: readonly string[];
  /** Names it is asked under beside loopback's. Where there are any, or it listens on loopback, it knows no others. */
  readonly doorNames: readonly string[];
  /** What idempotency keys are derived under. */
  readonly keySecret: Secret | undefined;
  /** Time to be connected and find or declare its topology. Undefined: as long as it takes. */
  readonly startWithinMs: number | undefined;
  /** What the dashboard may show of messages: names of fields and headers, or all; nothing when it is empty. */
  readonly dashboardPayloads: 'all' | readonly string[];
  readonly gracePeriodMs: number;
  /** HTTP calls in flight at once, over all APIs. */
  readonly maxCalls: number;
  readonly topology: 'assert' | 'check';
  /** Where sagas and keys are written down. A URL holds credentials: never log it. */
  readonly journal:
    | { readonly kind: 'memory' }
    | { readonly kind: 'file'; readonly path: string }
    | {
        readonly kind: 'postgres';
        readonly url: string;
        /** The same, read again, where it stands in a file. @throws ConfigError when it names no database. */
        readonly reread?: () => string;
        readonly maxConnections: number;
      };
  /** How long ended sagas are kept. */
  readonly journalKeepMs: number;
  /** How long a worker that is gone or paused keeps others from what it holds. */
  readonly journalLeaseMs: number;
}

/** Names that are sluice's own, but no settings of the worker: its tests read them. */
const OF_TESTS = /^SLUICE_(TEST_|DRAW|RUNS|SEED)/;

/** Variables that begin with `SLUICE_` and mean nothing: a setting that was misspelt would silently be its default. */
function unknownVariables(environment: Environment): readonly Problem[] {
  const settings = Object.keys(configSchema.shape).filter((name) => name.startsWith('SLUICE_'));
  const known = settings.flatMap((name) => [name, `${name}_FILE`]);
  return Object.keys(environment)
    .filter((name) => name.startsWith('SLUICE_') && !known.includes(name) && !OF_TESTS.test(name))
    .map((name) => {
      const meant = nearest(name, known);
      const advice = meant === undefined ? `; there are ${settings.join(', ')}` : `, did you mean "${meant}"?`;
      return problem(name, `is no setting of sluice${advice}`);
    });
}

/** Without a broker the worker falls back on one in memory, which must never happen where messages matter. */
function missingBroker({ AMQP_URL, NODE_ENV }: Readonly<Record<string, string>>): readonly Problem[] {
  if (AMQP_URL !== undefined || NODE_ENV !== 'production') return [];
  return [
    problem(
      'AMQP_URL',
      'is not set; with NODE_ENV=production there has to be a broker: amqp://user:password@host:5672/vhost',
    ),
  ];
}

/** Whoever reaches the management server off loopback has to show that they may. */
function missingToken({ SLUICE_HOST, SLUICE_TOKEN }: Readonly<Record<string, string>>): readonly Problem[] {
  if (SLUICE_HOST === undefined || SLUICE_TOKEN !== undefined) return [];
  if (isLoopback(SLUICE_HOST) || !HOST.test(SLUICE_HOST)) return [];
  return [
    problem(
      'SLUICE_TOKEN',
      `is not set; ${SLUICE_HOST} can be reached from other machines, so whoever asks there has to show a token`,
    ),
  ];
}

/** Two journals are none: half of the sagas would be looked for in the wrong one. */
const twoJournals = ({
  SLUICE_JOURNAL_FILE,
  SLUICE_JOURNAL_URL,
}: Readonly<Record<string, string>>): readonly Problem[] =>
  SLUICE_JOURNAL_FILE === undefined || SLUICE_JOURNAL_URL === undefined
    ? []
    : [problem('SLUICE_JOURNAL_FILE', 'and SLUICE_JOURNAL_URL are both set; a worker has one journal')];

/**
 * The worker's settings from an environment, that of this process by default. Without `needsBroker` a command that asks no broker has none to name.
 * @throws ConfigError with every mistake at once, naming variables and what is allowed, never what they hold.
 */
export function readConfig(environment: Environment = ownEnvironment(), { needsBroker = true } = {}): Config {
  const problems: Problem[] = [];
  const texts: Record<string, string> = {};
  const inFiles = new Set<string>();
  for (const name of Object.keys(configSchema.shape)) {
    try {
      const text = textOf(environment, name);
      if (text === undefined) continue;
      texts[name] = text;
      if (!environment[name]) inFiles.add(name);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  const parsed = configSchema.safeParse(texts, { jitless: true });
  if (!parsed.success)
    problems.push(...parsed.error.issues.map(({ path, message }) => problem(String(path[0]), explain(message))));
  // A file that cannot be read was reported already: the broker is set, only not to be had.
  if (!problems.some(({ path }) => path === 'SLUICE_TOKEN_FILE')) problems.push(...missingToken(texts));
  if (needsBroker && !problems.some(({ path }) => path === 'AMQP_URL_FILE')) problems.push(...missingBroker(texts));
  if (needsBroker && !problems.some(({ path }) => /^(AMQP_URL|SLUICE_AMQP_\w+)_FILE$/.test(path)))
    problems.push(...faultsOfAmqp(texts, configSchema.shape.AMQP_URL.safeParse(texts.AMQP_URL).data));
  problems.push(...twoJournals(texts), ...unknownVariables(environment));
  // Whoever set a file looks for the variable that names it.
  const named = ({ path, ...rest }: Problem): Problem => ({ ...rest, path: inFiles.has(path) ? `${path}_FILE` : path });
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.map(named));
  const { AMQP_URL, LOG_LEVEL, LOG_FORMAT, SLUICE_HOST, SLUICE_PORT, SLUICE_TOKEN } = parsed.data;
  const { SLUICE_START_WITHIN, SLUICE_GRACE_PERIOD, SLUICE_MAX_CALLS, SLUICE_TOPOLOGY } = parsed.data;
  const { SLUICE_DASHBOARD_PAYLOADS } = parsed.data;
  return {
    amqpUrls: AMQP_URL,
    rereadAmqpUrls: rereadingOf(environment, 'AMQP_URL', configSchema.shape.AMQP_URL),
    amqpAuth: parsed.data.SLUICE_AMQP_AUTH,
    amqpTls: tlsReadingOf(environment, texts),
    logLevel: LOG_LEVEL,
    logFormat: LOG_FORMAT,
    host: SLUICE_HOST,
    port: SLUICE_PORT,
    token: tokenOf(environment, SLUICE_TOKEN),
    doorHost: parsed.data.SLUICE_DOOR_HOST,
    doorPort: parsed.data.SLUICE_DOOR_PORT as number | 'off' | undefined,
    doorProxies: parsed.data.SLUICE_DOOR_PROXIES,
    doorNames: parsed.data.SLUICE_DOOR_NAMES,
    keySecret: parsed.data.SLUICE_KEY_SECRET,
    startWithinMs: SLUICE_START_WITHIN === undefined ? undefined : durationMs(SLUICE_START_WITHIN),
    dashboardPayloads: SLUICE_DASHBOARD_PAYLOADS,
    gracePeriodMs: durationMs(SLUICE_GRACE_PERIOD),
    maxCalls: SLUICE_MAX_CALLS,
    topology: SLUICE_TOPOLOGY,
    journal: journalOf(parsed.data, environment),
    journalKeepMs: durationMs(parsed.data.SLUICE_JOURNAL_KEEP),
    journalLeaseMs: durationMs(parsed.data.SLUICE_JOURNAL_LEASE),
  };
}

/** What `SLUICE_TOPOLOGY` says, whatever else is wrong with the environment; undefined where nobody can tell. Never fails: `readConfig` tells the mistake. */
export function readTopology(environment: Environment = ownEnvironment()): Config['topology'] | undefined {
  try {
    return configSchema.shape.SLUICE_TOPOLOGY.safeParse(textOf(environment, 'SLUICE_TOPOLOGY')).data;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function tokenOf(environment: Environment, token: Secret | undefined): Config['token'] {
  const read = rereadingOf(environment, 'SLUICE_TOKEN', configSchema.shape.SLUICE_TOKEN);
  return read === undefined ? token : { kind: 'setting', name: 'SLUICE_TOKEN', read, canChange: () => true };
}

function journalOf(data: z.output<typeof configSchema>, environment: Environment): Config['journal'] {
  const { SLUICE_JOURNAL_FILE: path, SLUICE_JOURNAL_URL: url, SLUICE_JOURNAL_CONNECTIONS: maxConnections } = data;
  if (url !== undefined) {
    const reread = rereadingOf(environment, 'SLUICE_JOURNAL_URL', configSchema.shape.SLUICE_JOURNAL_URL);
    return { kind: 'postgres', url, ...(reread === undefined ? {} : { reread }), maxConnections };
  }
  return path === undefined ? { kind: 'memory' } : { kind: 'file', path };
}

/** zod's words for a wrong choice name the choices already. */
const explain = (message: string): string => message.replace(/^Invalid option: /, '');

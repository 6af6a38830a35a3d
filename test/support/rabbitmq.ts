/**
 * A private RabbitMQ for tests: its own ports, data folder, node name, Erlang cookie and epmd, all on loopback, gone with the test run.
 * SLUICE_TEST_RABBITMQ names another RabbitMQ than the installed one: the folder its scripts lie in. With SLUICE_TEST_AMQP_URL set that broker is used
 * instead, by the suites that can live with one they may not stop.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { type GuardedChild, spawnGuarded } from './guarded-child.ts';
import { removeFolder } from './remove-folder.ts';
import { type Availability, defineService, describeWith, type Service } from './services.ts';

export interface RabbitMqOptions {
  /** Plugins to enable: `rabbitmq_management`, `rabbitmq_consistent_hash_exchange`. Default: none. */
  readonly plugins?: readonly string[];
  /** Lines for rabbitmq.conf. */
  readonly config?: readonly string[];
}

export interface RabbitMq {
  /** `amqp://guest:guest@127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** With the plugin `rabbitmq_management`. */
  readonly managementPort?: number;
  /** SIGKILL, as a crash does it. Resolves when the process has gone; `restart` brings it back with its data. */
  kill(): Promise<void>;
  /** Shuts it down in order where it runs, starts it again on the same ports and data, resolves when it accepts connections. */
  restart(): Promise<void>;
  /** Ends it and removes everything it wrote. */
  stop(): Promise<void>;
  /** Runs `rabbitmqctl` against it. @returns what it printed. */
  control(...args: readonly string[]): Promise<string>;
  /** What it has logged so far, over all its starts. */
  log(): string;
}

const INSTALL = 'run `apt-get install rabbitmq-server`, or name the folder of its scripts by SLUICE_TEST_RABBITMQ';
const START_WITHIN_MS = 120_000;
const SHUT_DOWN_WITHIN_MS = 20_000;

const LIBRARY = '/usr/lib/rabbitmq/lib';

/**
 * Where `rabbitmq-server` and `rabbitmqctl` lie: the folder that is given (`/opt/rabbitmq/sbin`), or the Debian package's own scripts; the wrappers on the
 * PATH change the user and write to the system's folders.
 * @throws Error for a folder that is given and has no RabbitMQ: another one would be tested in silence.
 */
export function scriptsFolder(given = process.env.SLUICE_TEST_RABBITMQ): string | undefined {
  if (given !== undefined && given !== '') {
    if (!existsSync(join(given, 'rabbitmq-server')))
      throw new Error(`SLUICE_TEST_RABBITMQ: no rabbitmq-server in ${given}`);
    return given;
  }
  if (!existsSync(LIBRARY)) return undefined;
  const versions = readdirSync(LIBRARY).filter((name) => name.startsWith('rabbitmq_server-'));
  const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  if (newest === undefined) return undefined;
  const folder = join(LIBRARY, newest, 'sbin');
  return existsSync(join(folder, 'rabbitmq-server')) ? folder : undefined;
}

const givenUrl = (): string | undefined => process.env.SLUICE_TEST_AMQP_URL || undefined;

/** Whether a broker of our own can be started. */
export function privateRabbitMqAvailable(): Availability {
  if (scriptsFolder() !== undefined) return { available: true };
  return { available: false, reason: 'no RabbitMQ is installed', install: INSTALL };
}

/** Whether there is any broker to test with. */
export function rabbitMqAvailable(): Availability {
  if (givenUrl() !== undefined) return { available: true };
  const own = privateRabbitMqAvailable();
  return own.available ? own : { ...own, install: `${INSTALL}, or set SLUICE_TEST_AMQP_URL` };
}

/** A broker to test with: the one of SLUICE_TEST_AMQP_URL when it is set, a private one otherwise. */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<RabbitMq> {
  const url = givenUrl();
  return url === undefined ? startPrivateRabbitMq(options) : foreignRabbitMq(url);
}

function foreignRabbitMq(url: string): RabbitMq {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('the broker of SLUICE_TEST_AMQP_URL is not ours to stop or change'));
  return {
    url,
    port: Number(new URL(url).port || 5672),
    kill: refuse,
    restart: refuse,
    control: refuse,
    stop: () => Promise.resolve(),
    log: () => '',
  };
}

export async function startPrivateRabbitMq({ plugins = [], config = [] }: RabbitMqOptions = {}): Promise<RabbitMq> {
  const scripts = scriptsFolder();
  if (scripts === undefined) throw new Error(`no RabbitMQ is installed: ${INSTALL}`);

  const folder = mkdtempSync(join(tmpdir(), 'sluice-rabbitmq-'));
  const at = (name: string): string => join(folder, name);
  const [port, distributionPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const managementPort = plugins.includes('rabbitmq_management') ? await freePort() : undefined;

  writeFileSync(at('enabled_plugins'), `[${plugins.join(',')}].\n`);
  // An empty file instead of the system's /etc/rabbitmq/rabbitmq-env.conf.
  writeFileSync(at('rabbitmq-env.conf'), '');
  writeFileSync(
    at('rabbitmq.conf'),
    [
      'disk_free_limit.absolute = 1MB',
      ...(managementPort === undefined
        ? []
        : ['management.tcp.ip = 127.0.0.1', `management.tcp.port = ${managementPort}`]),
      ...config,
      '',
    ].join('\n'),
  );
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    // The Erlang cookie lives in HOME.
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: at('rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
    RABBITMQ_NODENAME: `sluice${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_PID_FILE: at('pid'),
    // One scheduler thread busy-waits less on a small machine.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none',
  };

  // Started by us, in the foreground: the one Erlang would start by itself stays behind as a daemon.
  const epmd = spawnGuarded('epmd', ['-address', '127.0.0.1', '-port', String(epmdPort)], { env });
  let server: GuardedChild | undefined;

  const boot = async (): Promise<void> => {
    server = spawnGuarded(join(scripts, 'rabbitmq-server'), [], { env, folder });
    await server.waitForOutput('completed with', START_WITHIN_MS);
  };
  const kill = async (): Promise<void> => {
    server?.signal('SIGKILL');
    await server?.ended;
  };
  const shutDown = async (): Promise<void> => {
    if (server === undefined || server.hasEnded()) return;
    process.kill(Number(readFileSync(at('pid'), 'utf8')), 'SIGTERM');
    const tooLate = setTimeout(() => server?.signal('SIGKILL'), SHUT_DOWN_WITHIN_MS);
    await server.ended;
    clearTimeout(tooLate);
  };
  const stop = async (): Promise<void> => {
    await kill();
    epmd.signal('SIGKILL');
    await epmd.ended;
    // What Erlang started may write for a moment longer.
    await removeFolder(folder);
  };

  try {
    await boot();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    ...(managementPort === undefined ? {} : { managementPort }),
    kill,
    async restart() {
      await shutDown();
      await boot();
    },
    stop,
    async control(...args) {
      const { stdout } = await promisify(execFile)(join(scripts, 'rabbitmqctl'), args, { env });
      return stdout;
    },
    log: () =>
      readdirSync(at('log'))
        .filter((name) => name.endsWith('.log'))
        .map((name) => readFileSync(join(at('log'), name), 'utf8'))
        .join('\n'),
  };
}

const service: Service<RabbitMq> = defineService({
  name: 'RabbitMQ',
  availability: rabbitMqAvailable,
  start: () => startRabbitMq({ plugins: ['rabbitmq_consistent_hash_exchange'] }),
  stop: (broker) => broker.stop(),
});

const ownService: Service<RabbitMq> = defineService({
  name: 'a RabbitMQ of its own',
  availability: privateRabbitMqAvailable,
  start: () => startPrivateRabbitMq(),
  stop: (broker) => broker.stop(),
});

/** The instance all suites of this run share. Give queues names of your own; stop nothing. */

/** A suite on the shared broker. `broker()` gives it, in hooks and tests. */
export function describeWithRabbitMq(title: string, body: (broker: () => RabbitMq) => void): void {
  describeWith(service, title, body);
}

/** A suite that starts private brokers itself (`startPrivateRabbitMq`), to kill, restart or configure them. */
export function describeWithOwnRabbitMq(title: string, body: () => void): void {
  describeWith(ownService, title, () => body(), { startsOwn: true });
}

/** A private Redis for tests: its own port and folder, on loopback, nothing saved, gone with the test run. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { type GuardedChild, spawnGuarded } from './guarded-child.ts';
import { removeFolder } from './remove-folder.ts';
import { type Availability, defineService, describeWith, type Service } from './services.ts';

export interface PrivateRedis {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** SIGKILL, as a crash does it. Resolves when the process has gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. Resolves when it accepts connections. */
  start(): Promise<void>;
  /** Keeps its connections open and answers nothing, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const START_WITHIN_MS = 60_000;

function serverProgram(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'redis-server')).find((program) => existsSync(program));
}

export function redisAvailable(): Availability {
  if (serverProgram() !== undefined) return { available: true };
  return { available: false, reason: 'no Redis is installed', install: 'run `apt-get install redis-server`' };
}

export async function startPrivateRedis(): Promise<PrivateRedis> {
  const program = serverProgram();
  if (program === undefined) throw new Error('no Redis is installed');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
  const port = await freePort();
  // Given in full: the system's configuration file is not read.
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'].map(String);
  let server: GuardedChild | undefined;

  const start = async (): Promise<void> => {
    server = spawnGuarded(program, args, { folder });
    await server.waitForOutput('Ready to accept connections', START_WITHIN_MS);
  };
  const kill = async (): Promise<void> => {
    server?.signal('SIGKILL');
    await server?.ended;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await removeFolder(folder);
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => server?.signal('SIGSTOP'),
    thaw: () => server?.signal('SIGCONT'),
    stop,
  };
}

const service: Service<PrivateRedis> = defineService({
  name: 'Redis',
  availability: redisAvailable,
  start: startPrivateRedis,
  stop: (redis) => redis.stop(),
});

/** A suite on the Redis that all suites of this run share. Give keys names of your own; stop nothing. */
export function describeWithRedis(title: string, body: (redis: () => PrivateRedis) => void): void {
  describeWith(service, title, body);
}

/** A suite that starts servers of its own (`startPrivateRedis`), to kill and freeze them. */
export function describeWithOwnRedis(title: string, body: () => void): void {
  describeWith(service, title, () => body(), { startsOwn: true });
}

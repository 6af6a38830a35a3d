/** A private PostgreSQL for tests: its own port and folder, on loopback, gone with the test run. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { type GuardedChild, spawnGuarded } from './guarded-child.ts';
import { removeFolder } from './remove-folder.ts';
import { type Availability, defineService, describeWith, type Service } from './services.ts';

export interface PrivatePostgres {
  /** `postgres://postgres@127.0.0.1:<port>/postgres` */
  readonly url: string;
  /** Makes a database of that name. @returns its URL. */
  createDatabase(name: string): string;
  /** Pipes SQL into psql, as the superuser; ends at the first mistake. @returns what it printed, without headings. */
  psql(sql: string, database?: string): string;
  /** SIGKILL, as a crash does it. Resolves when the process has gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it had stored. Resolves when it accepts connections. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const START_WITHIN_MS = 60_000;

/** Debian keeps the server's programs away from the PATH. */
function binFolder(): string | undefined {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((one, other) => Number(other) - Number(one)) : [];
  const folders = [
    ...versions.map((version) => join(packaged, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.find((folder) => ['initdb', 'postgres', 'psql'].every((program) => existsSync(join(folder, program))));
}

export function postgresAvailable(): Availability {
  if (binFolder() !== undefined) return { available: true };
  return { available: false, reason: 'no PostgreSQL is installed', install: 'run `apt-get install postgresql`' };
}

/** PostgreSQL does not run as root: then it runs as the user its package made. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** @param own Settings of the server beyond those of tests, by name. */
export async function startPrivatePostgres(own: Readonly<Record<string, string>> = {}): Promise<PrivatePostgres> {
  const bin = binFolder();
  if (bin === undefined) throw new Error('no PostgreSQL is installed');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-postgres-'));
  const user = serverUser();
  chmodSync(folder, 0o700);
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const port = await freePort();
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const data = join(folder, 'data');
  const initdb = ['--pgdata', data, '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'];
  execFileSync(join(bin, 'initdb'), initdb, { ...user, env, cwd: folder, stdio: 'pipe' });
  // What is committed is there after a SIGKILL without fsync too: only a machine that loses power forgets.
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: '60',
    ...own,
  };
  const args = [
    '-D',
    data,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  let server: GuardedChild | undefined;

  const start = async (): Promise<void> => {
    server = spawnGuarded(join(bin, 'postgres'), args, { folder, env, ...user });
    await server.waitForOutput('ready to accept connections', START_WITHIN_MS);
  };
  const kill = async (): Promise<void> => {
    server?.signal('SIGKILL');
    // Its processes have groups of their own: one that is still there answers for the dead server, and keeps the next from starting.
    await server?.allEnded();
    // A lock file of a process that was killed keeps the next from starting, where another process has its number by then.
    rmSync(join(data, 'postmaster.pid'), { force: true });
  };
  const stop = async (): Promise<void> => {
    await kill();
    await removeFolder(folder);
  };
  const psql = (sql: string, database = 'postgres'): string =>
    execFileSync(
      join(bin, 'psql'),
      [
        '-X',
        '-q',
        '-A',
        '-t',
        '-v',
        'ON_ERROR_STOP=1',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        'postgres',
        '-d',
        database,
      ],
      { env, encoding: 'utf8', input: sql, stdio: 'pipe' },
    ).trim();
  const urlOf = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: urlOf('postgres'),
    createDatabase: (name) => {
      psql(`CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    psql,
    kill,
    start,
    stop,
  };
}

const service: Service<PrivatePostgres> = defineService({
  name: 'PostgreSQL',
  availability: postgresAvailable,
  start: () => startPrivatePostgres(),
  stop: (postgres) => postgres.stop(),
});

/** A suite on the PostgreSQL that all suites of this run share. Make a database of your own; stop nothing. */
export function describeWithPostgres(title: string, body: (postgres: () => PrivatePostgres) => void): void {
  describeWith(service, title, body);
}

/** A suite that starts servers of its own (`startPrivatePostgres`), to kill and freeze them. */
export function describeWithOwnPostgres(title: string, body: () => void): void {
  describeWith(service, title, () => body(), { startsOwn: true });
}

/**
 * Journalled saga steps per second on each store, beside a bare loop of inserts, each its own transaction, through the same driver: `npm run bench:journal`.
 * A step is two records, its intent and its result; 64 sagas of five steps run at once, as messages do, and one alone. Short rounds, taken in turns.
 * Where PostgreSQL is installed a private one is started, which waits for its disk as one in production does.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { from, lastValueFrom, mergeMap, of, toArray } from 'rxjs';
import { z } from 'zod';
import { createJournal } from '../src/journal/create-journal.ts';
import { FileStore } from '../src/journal/file/file-store.ts';
import type { JournalStore } from '../src/journal/journal-store.ts';
import { MemoryStore } from '../src/journal/memory-store.ts';
import { migrate } from '../src/journal/postgres/migrate.ts';
import { PostgresStore } from '../src/journal/postgres/postgres-store.ts';
import { silentLogger } from '../src/log.ts';
import { saga } from '../src/saga/saga.ts';
import { postgresAvailable, startPrivatePostgres } from '../test/support/postgres.ts';
import { argumentsOf } from './support/arguments.ts';

const values = argumentsOf(
  `npm run bench:journal [-- options]

  --rounds N      rounds in turn (default: 15)`,
  { rounds: { type: 'string', default: '15' } },
  { rounds: 1 },
);
const ROUNDS = Number(values.rounds);
const INSERTS = 150;
/** Sagas in a round, by how many of them run at once. */
const SAGAS = { 1: 8, 64: 128 } as const;
const STEPS = 5;

const Input = z.object({ id: z.string() });
const steps = saga({ name: 'bench', input: Input, apis: {}, id: ({ id }) => id })
  .step('a', () => of({ ok: true }))
  .step('b', () => of({ ok: true }))
  .step('c', () => of({ ok: true }))
  .step('d', () => of({ ok: true }))
  .step('e', () => of({ ok: true }))
  .returns(() => 'done');

interface Contestant {
  readonly name: string;
  readonly store: JournalStore;
  /** One row, stored on disk when it resolves. */
  readonly insert: (n: number) => Promise<unknown>;
  close(): Promise<void>;
}

let lastId = 0;

async function stepsPerSecond(store: JournalStore, atOnce: keyof typeof SAGAS): Promise<number> {
  const journal = createJournal(store);
  const context = { apis: {}, log: silentLogger, journal, attempt: 1, maxAttempts: 1 };
  const startedAt = performance.now();
  const ids = Array.from({ length: SAGAS[atOnce] }, () => ({ id: `s${++lastId}` }));
  await lastValueFrom(
    from(ids).pipe(
      mergeMap((input) => steps(input, context), atOnce),
      toArray(),
    ),
  );
  return (ids.length * STEPS * 1_000) / (performance.now() - startedAt);
}

async function insertsPerSecond(insert: Contestant['insert']): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < INSERTS; n++) await insert(n);
  return (INSERTS * 1_000) / (performance.now() - startedAt);
}

interface Sqlite {
  exec(sql: string): Promise<unknown>;
  prepare(sql: string): Promise<{ all(...values: readonly unknown[]): Promise<unknown[]> }>;
  close(): void;
}

async function inFile(folder: string): Promise<Contestant> {
  const Database = createRequire(import.meta.url)('libsql/promise') as new (path: string) => Sqlite;
  const bare = new Database(join(folder, 'bare.db'));
  await bare.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (n INTEGER PRIMARY KEY, body TEXT)',
  );
  const statement = await bare.prepare('INSERT INTO rows (body) VALUES (?) RETURNING n');
  const store = new FileStore({ path: join(folder, 'journal.db') });
  return {
    name: 'file',
    store,
    insert: (n) => statement.all(`{"kind":"stepDone","at":${n}}`),
    close: async () => {
      bare.close();
      await lastValueFrom(store.close(), { defaultValue: undefined });
    },
  };
}

async function inPostgres(url: string): Promise<Contestant> {
  await migrate(url);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query('CREATE TABLE IF NOT EXISTS bare_rows (n serial PRIMARY KEY, body text)');
  const store = new PostgresStore({ url });
  return {
    name: 'PostgreSQL',
    store,
    insert: (n) =>
      pool.query({ name: 'bare', text: 'INSERT INTO bare_rows (body) VALUES ($1)', values: [`{"n":${n}}`] }),
    close: async () => {
      await pool.end();
      await lastValueFrom(store.close(), { defaultValue: undefined });
    },
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-journal-'));
const postgres = postgresAvailable().available ? await startPrivatePostgres({ fsync: 'on' }) : undefined;
try {
  const contestants = [await inFile(folder), ...(postgres === undefined ? [] : [await inPostgres(postgres.url)])];
  for (const { name, store, insert, close } of contestants) {
    const rounds: { readonly together: number; readonly alone: number; readonly inserts: number }[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({
        together: await stepsPerSecond(store, 64),
        alone: await stepsPerSecond(store, 1),
        inserts: await insertsPerSecond(insert),
      });
    const told = (figure: (round: (typeof rounds)[number]) => number, digits: number): string =>
      median(rounds.map(figure)).toFixed(digits);
    console.log(
      `${name}: ${told(({ together }) => together, 0)} steps/s of 64 sagas at once, ${told(({ alone }) => alone, 0)} of one alone, ` +
        `${told(({ inserts }) => inserts, 0)} bare inserts/s; ratios ${told(({ together, inserts }) => together / inserts, 2)} and ` +
        `${told(({ alone, inserts }) => alone / inserts, 2)} (medians of ${ROUNDS} rounds)`,
    );
    await close();
  }
  const store = new MemoryStore();
  console.log(
    `memory: ${(await stepsPerSecond(store, 64)).toFixed(0)} and ${(await stepsPerSecond(store, 1)).toFixed(0)} steps/s`,
  );
} finally {
  await postgres?.stop();
  rmSync(folder, { recursive: true });
}

/**
 * One SQLite file through libsql, whose asynchronous face does the waiting, for the disk and for other processes, off the event loop. Commands
 * that come while a transaction is under way share the next one: one write to disk for all of them.
 */
import { chmodSync, closeSync, openSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Observable } from 'rxjs';
import { JournalUnavailableError, messageOf, systemCodeOf } from '../../errors.ts';

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** Runs a statement within the transaction and gives its rows. */
export type Execute = (sql: string, ...values: readonly Value[]) => Promise<readonly Row[]>;

interface Statement {
  all(...values: readonly Value[]): Promise<Row[]>;
}

/** The part of libsql that is used. Only `exec` and `all` are asynchronous in it: `run` and `get` would block the event loop. */
interface Connection {
  exec(sql: string): Promise<unknown>;
  prepare(sql: string): Promise<Statement>;
  close(): void;
}

interface Command {
  readonly work: (execute: Execute) => Promise<unknown>;
  readonly succeed: (answer: unknown) => void;
  readonly fail: (error: JournalUnavailableError) => void;
  isWanted: boolean;
}

export interface SqliteOptions {
  readonly path: string;
  /** Brings the tables into being, within a transaction, each time the file is opened. */
  readonly prepare: (execute: Execute) => Promise<void>;
  /** How long another process may keep the file locked before it counts as unavailable, in milliseconds. */
  readonly lockedWithinMs: number;
}

/** The file is none of ours, or of a later version. */
export class WrongFileError extends Error {}

/** What is open lies elsewhere by now, or nowhere: what is written there no other process sees, and nobody after a restart. */
class MovedFileError extends Error {}

/** Commands in one transaction: it locks others out meanwhile. */
const MAX_COMMANDS = 256;

export class Sqlite {
  readonly #options: SqliteOptions;
  readonly #queue: Command[] = [];
  #connection: Connection | undefined;
  /** The open file, wherever it lies. */
  #openFile: FileId | undefined;
  #statements = new Map<string, Promise<Statement>>();
  #working: Promise<void> | undefined;
  /** As long as a part of it is damaged none of it is used: it would seem to come and go with what is asked for. */
  #isDamaged = false;
  #isClosed = false;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  /** Cold. Emits what the work gives, once its transaction is stored on disk. Unsubscribing before it began leaves it out. */
  transact<T>(work: (execute: Execute) => Promise<T>): Observable<T> {
    return new Observable<T>((subscriber) => {
      const command: Command = {
        work,
        succeed: (answer) => {
          subscriber.next(answer as T);
          subscriber.complete();
        },
        fail: (error) => subscriber.error(error),
        isWanted: true,
      };
      if (this.#isClosed) {
        command.fail(new JournalUnavailableError(`journal ${this.#options.path}: it is closed`));
        return undefined;
      }
      this.#queue.push(command);
      this.#working ??= this.#work();
      return () => {
        command.isWanted = false;
      };
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#working;
    this.#disconnect();
  }

  async #work(): Promise<void> {
    // What is asked for in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MAX_COMMANDS).filter(({ isWanted }) => isWanted);
      if (batch.length > 0) await this.#transactAll(batch);
    }
    this.#working = undefined;
  }

  async #transactAll(batch: readonly Command[]): Promise<void> {
    const answers: unknown[] = [];
    try {
      const connection = await this.#connected();
      await this.#requireInPlace();
      await connection.exec('BEGIN IMMEDIATE');
      try {
        for (const { work } of batch) answers.push(await work(this.#execute));
        await connection.exec('COMMIT');
      } catch (error) {
        await rollBack(connection);
        throw error;
      }
    } catch (error) {
      const failure = this.#failure(error);
      for (const { fail } of batch) fail(failure);
      return;
    }
    batch.forEach(({ succeed }, index) => {
      succeed(answers[index]);
    });
  }

  readonly #execute: Execute = async (sql, ...values) => {
    const connection = await this.#connected();
    const known = this.#statements.get(sql) ?? connection.prepare(sql);
    this.#statements.set(sql, known);
    return (await known).all(...values);
  };

  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const { path, prepare, lockedWithinMs } = this.#options;
    makePrivate(path);
    this.#openFile = await fileAt(path);
    // Its own types do not compile.
    const Database = createRequire(import.meta.url)('libsql/promise') as new (path: string) => Connection;
    const connection = new Database(path);
    this.#connection = connection;
    try {
      await connection.exec(`PRAGMA busy_timeout = ${lockedWithinMs}`);
      // FULL: a record that is said to be stored is on disk, whatever happens to the machine.
      await connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      if (this.#isDamaged) await this.#refuseDamage();
      await connection.exec('BEGIN IMMEDIATE');
      await prepare(this.#execute);
      await connection.exec('COMMIT');
    } catch (error) {
      this.#disconnect();
      throw error;
    }
    return connection;
  }

  async #requireInPlace(): Promise<void> {
    const found = await fileAt(this.#options.path);
    const { dev, ino } = this.#openFile ?? {};
    if (found === undefined)
      throw new MovedFileError(
        'it was moved away or deleted: put it back, or restart the worker, which makes a new one',
      );
    if (found.dev !== dev || found.ino !== ino)
      throw new MovedFileError(
        'another file is in its place: put it back, or restart the worker, which takes that one',
      );
  }

  async #refuseDamage(): Promise<void> {
    const [found] = await this.#execute('PRAGMA quick_check(1)');
    if (found?.quick_check !== 'ok')
      throw Object.assign(new Error(String(found?.quick_check)), { code: 'SQLITE_CORRUPT' });
    this.#isDamaged = false;
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#statements = new Map();
  }

  /** A file that is busy, full or elsewhere is still the right one; after anything else it is opened anew. */
  #failure(error: unknown): JournalUnavailableError {
    const code = resultCodeOf(error);
    const isRightOne = code === 'SQLITE_BUSY' || code === 'SQLITE_FULL' || error instanceof MovedFileError;
    if (!isRightOne) this.#disconnect();
    if (code === 'SQLITE_CORRUPT') this.#isDamaged = true;
    const what = EXPLAINED[code] ?? messageOf(error);
    const isMisconfigured = error instanceof WrongFileError || code === 'SQLITE_NOTADB' || code === 'SQLITE_READONLY';
    return new JournalUnavailableError(`journal ${this.#options.path}: ${what}`, { cause: error, isMisconfigured });
  }
}

const EXPLAINED: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'another process keeps it locked',
  SQLITE_FULL: 'the disk is full',
  SQLITE_IOERR: 'its disk cannot be read or written, or a quota is used up',
  SQLITE_READONLY: 'it may not be written to',
  SQLITE_CORRUPT: 'the file is damaged; move it away, with its -wal and -shm, or restore a backup',
  SQLITE_NOTADB: 'the file is no SQLite database',
};

/** Extended codes say more than is of use: `SQLITE_BUSY_SNAPSHOT` is busy. */
const resultCodeOf = (error: unknown): string => (systemCodeOf(error) ?? '').split('_').slice(0, 2).join('_');

async function rollBack(connection: Connection): Promise<void> {
  try {
    await connection.exec('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself, as it does when the disk is full.
  }
}

type FileId = Pick<Stats, 'dev' | 'ino'>;

/** Undefined where there is none. */
async function fileAt(path: string): Promise<FileId | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** For its owner alone, before there is anything in it; what SQLite puts beside it gets the same mode. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

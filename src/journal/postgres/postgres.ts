/** PostgreSQL through a pool of pg: statements are prepared once for each connection, and whatever fails is told as unavailable, with its cause. */
import type { Pool } from 'pg';
import { defer, type Observable } from 'rxjs';
import { JournalUnavailableError, messageOf, systemCodeOf } from '../../errors.ts';
import { lacksPassword, NO_PASSWORD, placeOf } from './postgres-url.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. Never printed. */
  readonly url: string;
  /** The same, read again: asked when the server refuses what it was given. */
  readonly reread?: (() => string) | undefined;
  /** Connections of this process at once. Integer, at least 1. Default: 10. */
  readonly maxConnections?: number;
  /** How long a connection, a lock or an answer may take before the store counts as unavailable, in milliseconds. Default: 5000. */
  readonly answerWithinMs?: number;
}

export type Value = string | number | null | readonly string[];
export type Row = Readonly<Record<string, unknown>>;

export interface Statement {
  /** Names the prepared statement. */
  readonly name: string;
  readonly text: string;
}

type Query = (statement: Statement, ...values: readonly Value[]) => Promise<readonly Row[]>;

export class Postgres {
  readonly place: string;
  #url: string;
  readonly #reread: (() => string) | undefined;
  readonly #maxConnections: number;
  readonly #answerWithinMs: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #pool: Promise<Pool> | undefined;
  #isClosed = false;

  constructor({ url, reread, maxConnections = 10, answerWithinMs = 5_000 }: PostgresOptions) {
    this.place = `PostgreSQL at ${placeOf(url)}`;
    this.#url = url;
    this.#reread = reread;
    this.#maxConnections = maxConnections;
    this.#answerWithinMs = answerWithinMs;
  }

  /** Cold. Emits what the work gives. What it has sent is not taken back by unsubscribing. */
  run<T>(work: (query: Query) => Promise<T>): Observable<T> {
    return defer(() => {
      const answer = this.#work(work);
      this.#underWay.add(answer);
      const done = (): void => void this.#underWay.delete(answer);
      answer.then(done, done);
      return answer;
    });
  }

  async #work<T>(work: (query: Query) => Promise<T>): Promise<T> {
    try {
      const pool = await this.#connected();
      return await work(async ({ name, text }, ...values) => {
        const { rows } = await pool.query<Record<string, unknown>>({ name, text, values: [...values] });
        return rows;
      });
    } catch (cause) {
      throw this.failure(isRefused(cause) ? await this.#renewUrl(cause) : cause);
    }
  }

  /** Runs a script of several statements, in one transaction. */
  async script(text: string): Promise<void> {
    try {
      await (await this.#connected()).query(text);
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  /** What was asked before is answered first: a lease that is let go as the process ends, say. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await (await this.#pool)?.end();
  }

  failure(cause: unknown): JournalUnavailableError {
    if (cause instanceof JournalUnavailableError) return cause;
    const isMisconfigured = isRefused(cause) || MISCONFIGURED.has(systemCodeOf(cause) ?? '');
    return new JournalUnavailableError(`journal ${this.place}: ${explain(cause)}`, { cause, isMisconfigured });
  }

  /** Credentials that were replaced while the worker runs: the next command has a pool with the new ones. @returns what is wrong. */
  async #renewUrl(refusal: unknown): Promise<unknown> {
    try {
      const url = this.#reread?.() ?? this.#url;
      if (url === this.#url) return refusal;
      this.#url = url;
    } catch (mistake) {
      return mistake;
    }
    const refused = this.#pool;
    this.#pool = undefined;
    // Ended now, it would leave who waits for one of its connections without an answer until that is late.
    void Promise.allSettled(this.#underWay).then(async () => (await refused)?.end());
    return refusal;
  }

  #connected(): Promise<Pool> {
    if (this.#isClosed) return Promise.reject(new JournalUnavailableError(`journal ${this.place}: it is closed`));
    this.#pool ??= this.#makePool();
    return this.#pool;
  }

  async #makePool(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({
      connectionString: this.#url,
      max: this.#maxConnections,
      application_name: 'sluice',
      connectionTimeoutMillis: this.#answerWithinMs,
      statement_timeout: this.#answerWithinMs,
      // A little earlier, so that who is to blame is told.
      lock_timeout: Math.ceil(this.#answerWithinMs * 0.9),
      // A little later than the server's own limit: where the server is there, its word is the better one.
      query_timeout: this.#answerWithinMs + 500,
      keepAlive: true,
    });
    // A connection that breaks while nobody uses it: the next command finds another, or says why not.
    pool.on('error', () => {});
    return pool;
  }
}

const UNDEFINED_TABLE = '42P01';
const NO_ANSWER = 'no answer in time';

const EXPLAINED: Readonly<Record<string, string>> = {
  [UNDEFINED_TABLE]: 'its tables are missing; run `sluice journal migrate`',
  '25006': 'it may only be read, as a standby may',
  '42501': 'the user lacks a permission on its tables',
  '53100': 'its disk is full',
  '53300': 'it has no connection left for us',
  '55P03': 'another session keeps its tables locked',
  '57014': NO_ANSWER,
};

/** By its user or password. */
const REFUSED: ReadonlySet<string> = new Set(['28P01', '28000']);

/** A database that does not exist, tables that are not there: waiting does not help, nor where user or password are refused. */
const MISCONFIGURED: ReadonlySet<string> = new Set(['3D000', UNDEFINED_TABLE, '42501']);

const isRefused = (cause: unknown): boolean => REFUSED.has(systemCodeOf(cause) ?? '') || lacksPassword(cause);

function explain(cause: unknown): string {
  if (lacksPassword(cause)) return NO_PASSWORD;
  // Of its own timeouts pg gives no code.
  const known = EXPLAINED[systemCodeOf(cause) ?? ''] ?? (/timeout/i.test(messageOf(cause)) ? NO_ANSWER : undefined);
  if (known !== undefined) return `${known} (${messageOf(cause)})`;
  return messageOf(cause);
}

/** The shared store: PostgreSQL, for worker processes on many machines. Its clock is the database's. */
import { concatMap, defer, EMPTY, from, ignoreElements, map, type Observable, throwError } from 'rxjs';
import { JournalFencedError, JournalUnavailableError } from '../../errors.ts';
import { forgetInLots } from '../forget-in-lots.ts';
import type { EntryKey } from '../journal.ts';
import type {
  Acquired,
  EntryFilter,
  EntrySummary,
  JournalStore,
  Lease,
  NewRecord,
  StoreCounts,
  StoredRecord,
} from '../journal-store.ts';
import { countOf, partsOf, recordOf, summaryOf } from '../store-rows.ts';
import { VERSION } from './migrations.ts';
import { Postgres, type PostgresOptions, type Statement, type Value } from './postgres.ts';

const ENTRY = 'space = $1 AND name = $2 AND id = $3';

const after = (place: number): string => `now() + $${place} * interval '1 millisecond'`;

const statement = (name: string, text: string): Statement => ({ name: `sluice_${name}`, text });

const SQL = {
  acquire: statement(
    'acquire',
    `INSERT INTO sluice_journal_entries AS e (space, name, id, fence, owner, lease_until)
     VALUES ($1, $2, $3, nextval('sluice_journal_fence'), $4, ${after(5)})
     ON CONFLICT (space, name, id) DO UPDATE SET fence = excluded.fence, owner = excluded.owner, lease_until = excluded.lease_until
       WHERE e.owner = excluded.owner OR e.lease_until <= now()
     RETURNING fence, coalesce(expires_at <= now(), false) AS is_over`,
  ),
  heldFor: statement(
    'held_for',
    // A clock that was set back makes no lease longer.
    `UPDATE sluice_journal_entries SET lease_until = least(lease_until, ${after(4)})
     WHERE ${ENTRY} RETURNING greatest(0, extract(epoch FROM lease_until - now()) * 1000)::float8 AS for_ms`,
  ),
  /** An entry whose time is over begins anew, under the fence it was just given. */
  beginAnew: statement(
    'begin_anew',
    `WITH entry AS (
       UPDATE sluice_journal_entries SET last_kind = NULL, expires_at = NULL, created_at = now(), updated_at = now()
       WHERE ${ENTRY} AND fence = $4 RETURNING space, name, id)
     DELETE FROM sluice_journal_records r USING entry WHERE (r.space, r.name, r.id) = (entry.space, entry.name, entry.id)`,
  ),
  read: statement('read', `SELECT seq, body, checksum FROM sluice_journal_records WHERE ${ENTRY} ORDER BY seq`),
  append: statement(
    'append',
    `WITH entry AS (
       UPDATE sluice_journal_entries
       SET lease_until = ${after(5)}, updated_at = now(), last_kind = $6, expires_at = coalesce(${after(7)}, expires_at)
       WHERE ${ENTRY} AND fence = $4 RETURNING space, name, id)
     INSERT INTO sluice_journal_records (space, name, id, seq, body, checksum)
     SELECT space, name, id, $8, $9, $10 FROM entry RETURNING seq`,
  ),
  renew: statement(
    'renew',
    `UPDATE sluice_journal_entries SET lease_until = ${after(5)} WHERE ${ENTRY} AND fence = $4 RETURNING fence`,
  ),
  dropLast: statement(
    'drop_last',
    `WITH entry AS (SELECT space, name, id FROM sluice_journal_entries WHERE ${ENTRY} AND fence = $4 FOR UPDATE)
     DELETE FROM sluice_journal_records r USING entry
     WHERE (r.space, r.name, r.id) = (entry.space, entry.name, entry.id) AND r.seq = $5 RETURNING r.seq`,
  ),
  release: statement(
    'release',
    `WITH empty AS (DELETE FROM sluice_journal_entries WHERE ${ENTRY} AND fence = $4 AND last_kind IS NULL RETURNING fence)
     UPDATE sluice_journal_entries SET lease_until = now() WHERE ${ENTRY} AND fence = $4 AND last_kind IS NOT NULL`,
  ),
  version: statement('version', 'SELECT coalesce(max(version), 0) AS version FROM sluice_journal_migrations'),
  /** A record as any other, in an entry that no list shows. Its body is long, and different each time, so that it needs room. */
  ping: statement(
    'ping',
    `WITH entry AS (
       INSERT INTO sluice_journal_entries (space, name, id, fence, owner, lease_until) VALUES ('ping', '', '', 0, '', now())
       ON CONFLICT (space, name, id) DO UPDATE SET lease_until = now() RETURNING space, name, id)
     INSERT INTO sluice_journal_records (space, name, id, seq, body, checksum)
     SELECT space, name, id, 1, (SELECT string_agg(md5(n || clock_timestamp()::text), '') FROM generate_series(1, 500) n), '' FROM entry
     ON CONFLICT (space, name, id, seq) DO UPDATE SET body = excluded.body`,
  ),
  list: statement(
    'list',
    `SELECT e.space, e.name, e.id, e.owner, e.last_kind,
       (SELECT count(*) FROM sluice_journal_records r WHERE (r.space, r.name, r.id) = (e.space, e.name, e.id))::int AS records,
       ${['created_at', 'updated_at', 'expires_at'].map((column) => `(extract(epoch FROM e.${column}) * 1000)::float8 AS ${column}`).join(', ')},
       (extract(epoch FROM e.lease_until - now()) * 1000)::float8 AS held_for_ms
     FROM sluice_journal_entries e
     WHERE e.last_kind IS NOT NULL AND ($1::text IS NULL OR e.space = $1) AND ($2::text IS NULL OR e.name = $2)
       AND ($3::text IS NULL OR e.id = $3) AND ($4::text[] IS NULL OR e.last_kind = ANY ($4))
     ORDER BY e.updated_at DESC LIMIT $5`,
  ),
  compact: statement(
    'compact',
    // Workers that compact at once take different lots.
    `WITH over AS (
       SELECT space, name, id FROM sluice_journal_entries WHERE expires_at <= now() AND lease_until <= now()
       ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED),
     gone AS (
       DELETE FROM sluice_journal_entries e USING over WHERE (e.space, e.name, e.id) = (over.space, over.name, over.id) RETURNING 1)
     SELECT count(*)::int AS gone FROM gone`,
  ),
  counts: statement(
    'counts',
    `SELECT space, name, last_kind, count(*)::int AS entries FROM sluice_journal_entries
     WHERE last_kind IS NOT NULL GROUP BY space, name, last_kind`,
  ),
};

/** Needs the package pg, and tables: `sluice journal migrate`. */
export class PostgresStore implements JournalStore {
  readonly place: string;
  readonly #database: Postgres;

  constructor(options: PostgresOptions) {
    this.#database = new Postgres(options);
    this.place = this.#database.place;
  }

  acquire(key: EntryKey, { owner, leaseMs }: Lease): Observable<Acquired> {
    const parts = partsOf(key);
    return this.#database.run(async (query): Promise<Acquired> => {
      const [entry] = await query(SQL.acquire, ...parts, owner, leaseMs);
      if (entry === undefined) {
        const [held] = await query(SQL.heldFor, ...parts, leaseMs);
        return { kind: 'held', forMs: Math.ceil(Number(held?.for_ms ?? 0)) };
      }
      const fence = Number(entry.fence);
      // From here on nobody else adds to it: what is read now is all there is.
      if (entry.is_over === true) await query(SQL.beginAnew, ...parts, fence);
      return { kind: 'acquired', fence, records: (await query(SQL.read, ...parts)).map(recordOf) };
    });
  }

  append(key: EntryKey, fence: number, record: NewRecord, leaseMs: number): Observable<never> {
    const { seq, body, checksum, kind, keepMs = null } = record;
    return this.#change(key, SQL.append, fence, leaseMs, kind, keepMs, seq, body, checksum);
  }

  renew(key: EntryKey, fence: number, leaseMs: number): Observable<never> {
    return this.#change(key, SQL.renew, fence, leaseMs);
  }

  dropLast(key: EntryKey, fence: number, seq: number): Observable<never> {
    return this.#change(key, SQL.dropLast, fence, seq);
  }

  release(key: EntryKey, fence: number): Observable<never> {
    return this.#database.run((query) => query(SQL.release, ...partsOf(key), fence)).pipe(ignoreElements());
  }

  ping(): Observable<never> {
    const { place } = this;
    return this.#database
      .run(async (query) => {
        const [row] = await query(SQL.version);
        const found = Number(row?.version);
        // A write: a database that can only be read, is full, or is locked, answers other questions.
        if (found === VERSION) {
          await query(SQL.ping);
          return;
        }
        const what =
          found < VERSION
            ? `its tables are of version ${found}, this sluice needs ${VERSION}; run \`sluice journal migrate\``
            : `its tables are of a later version of sluice (${found}; this one knows ${VERSION})`;
        throw new JournalUnavailableError(`journal ${place}: ${what}`, { isMisconfigured: true });
      })
      .pipe(ignoreElements());
  }

  list({ space, name, id, lastKinds, limit = 1_000 }: EntryFilter): Observable<readonly EntrySummary[]> {
    return this.#database
      .run((query) => query(SQL.list, space ?? null, name ?? null, id ?? null, lastKinds ?? null, limit))
      .pipe(map((rows) => rows.map((row) => summaryOf(row, Number(row.held_for_ms)))));
  }

  read(key: EntryKey): Observable<readonly StoredRecord[]> {
    return this.#database.run((query) => query(SQL.read, ...partsOf(key))).pipe(map((rows) => rows.map(recordOf)));
  }

  compact(): Observable<number> {
    return forgetInLots((max) =>
      this.#database.run((query) => query(SQL.compact, max)).pipe(map(([row]) => Number(row?.gone))),
    );
  }

  counts(): Observable<readonly StoreCounts[]> {
    return this.#database.run((query) => query(SQL.counts)).pipe(map((rows) => rows.map(countOf)));
  }

  close(): Observable<never> {
    return defer(() => from(this.#database.close())).pipe(ignoreElements());
  }

  /** One statement that gives a row where the fence was the entry's. */
  #change(key: EntryKey, sql: Statement, fence: number, ...values: readonly Value[]): Observable<never> {
    return this.#database
      .run((query) => query(sql, ...partsOf(key), fence, ...values))
      .pipe(concatMap((rows) => (rows.length > 0 ? EMPTY : throwError(() => new JournalFencedError(key)))));
  }
}

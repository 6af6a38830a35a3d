/** The embedded store: one SQLite file, for all worker processes of one machine. */
import { asyncScheduler, concatMap, defer, EMPTY, from, ignoreElements, map, type Observable, throwError } from 'rxjs';
import { JournalFencedError } from '../../errors.ts';
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
import { type Execute, Sqlite, type Value } from './sqlite.ts';
import { prepareTables } from './tables.ts';

export interface FileStoreOptions {
  /** Of the file; its folder has to be there. On a disk of this machine: locks on network file systems are not to be relied on. */
  readonly path: string;
  /** How long another process may keep it locked before it counts as unavailable, in milliseconds. Default: 5000. */
  readonly lockedWithinMs?: number;
}

const ENTRY = 'space = ? AND name = ? AND id = ?';

/** What there has to be room for. */
const ROOM_BYTES = 16_384;

/** Needs the package libsql. Its clock is the machine's, which its processes share. */
export class FileStore implements JournalStore {
  readonly place: string;
  readonly #file: Sqlite;

  constructor({ path, lockedWithinMs = 5_000 }: FileStoreOptions) {
    this.place = `file ${path}`;
    this.#file = new Sqlite({ path, lockedWithinMs, prepare: prepareTables });
  }

  acquire(key: EntryKey, lease: Lease): Observable<Acquired> {
    return this.#file.transact((execute) => acquire(execute, key, lease));
  }

  append(key: EntryKey, fence: number, record: NewRecord, leaseMs: number): Observable<never> {
    return this.#change(key, async (execute) => {
      const now = asyncScheduler.now();
      const { seq, body, checksum, kind, keepMs } = record;
      const held = await execute(
        `UPDATE entries SET lease_until = ?, updated_at = ?, last_kind = ?, expires_at = coalesce(?, expires_at)
         WHERE ${ENTRY} AND fence = ? RETURNING fence`,
        now + leaseMs,
        now,
        kind,
        keepMs === undefined ? null : now + keepMs,
        ...partsOf(key),
        fence,
      );
      if (held.length === 0) return false;
      await execute('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)', ...partsOf(key), seq, body, checksum);
      return true;
    });
  }

  renew(key: EntryKey, fence: number, leaseMs: number): Observable<never> {
    return this.#change(key, async (execute) => {
      const until = asyncScheduler.now() + leaseMs;
      const sql = `UPDATE entries SET lease_until = ? WHERE ${ENTRY} AND fence = ? RETURNING fence`;
      return (await execute(sql, until, ...partsOf(key), fence)).length > 0;
    });
  }

  dropLast(key: EntryKey, fence: number, seq: number): Observable<never> {
    return this.#change(key, async (execute) => {
      const held = await execute(`SELECT 1 FROM entries WHERE ${ENTRY} AND fence = ?`, ...partsOf(key), fence);
      if (held.length > 0) await execute(`DELETE FROM records WHERE ${ENTRY} AND seq = ?`, ...partsOf(key), seq);
      return held.length > 0;
    });
  }

  release(key: EntryKey, fence: number): Observable<never> {
    return this.#file
      .transact(async (execute) => {
        const parts = partsOf(key);
        const held = `${ENTRY} AND fence = ?`;
        await execute(`UPDATE entries SET lease_until = 0 WHERE ${held}`, ...parts, fence);
        await execute(`DELETE FROM entries WHERE ${held} AND last_kind IS NULL`, ...parts, fence);
      })
      .pipe(ignoreElements());
  }

  ping(): Observable<never> {
    // A write as large as a record may be: a file that can only be read is of no use, nor is a disk with room for less.
    return this.#file
      .transact(async (execute) => {
        await execute('INSERT INTO counters VALUES (?, zeroblob(?))', 'room', ROOM_BYTES);
        await execute('DELETE FROM counters WHERE name = ?', 'room');
      })
      .pipe(ignoreElements());
  }

  list({ space, name, id, lastKinds, limit = 1_000 }: EntryFilter): Observable<readonly EntrySummary[]> {
    const values: Value[] = [];
    const conditions = ['last_kind IS NOT NULL'];
    for (const [column, value] of Object.entries({ space, name, id })) {
      if (value === undefined) continue;
      conditions.push(`${column} = ?`);
      values.push(value);
    }
    if (lastKinds !== undefined) {
      conditions.push(`last_kind IN (${lastKinds.map(() => '?').join(', ')})`);
      values.push(...lastKinds);
    }
    const sql = `SELECT e.*, (SELECT count(*) FROM records r WHERE r.space = e.space AND r.name = e.name AND r.id = e.id) AS records
      FROM entries e WHERE ${conditions.join(' AND ')} ORDER BY updated_at DESC LIMIT ?`;
    return this.#file
      .transact((execute) => execute(sql, ...values, limit))
      .pipe(map((rows) => rows.map((row) => summaryOf(row, Number(row.lease_until) - asyncScheduler.now()))));
  }

  read(key: EntryKey): Observable<readonly StoredRecord[]> {
    return this.#file.transact((execute) => recordsOf(execute, key));
  }

  compact(): Observable<number> {
    return forgetInLots((max) =>
      this.#file.transact(async (execute) => {
        const now = asyncScheduler.now();
        const over =
          'SELECT space, name, id FROM entries WHERE expires_at <= ? AND lease_until <= ? ORDER BY expires_at, space, name, id LIMIT ?';
        await execute(`DELETE FROM records WHERE (space, name, id) IN (${over})`, now, now, max);
        const sql = `DELETE FROM entries WHERE (space, name, id) IN (${over}) RETURNING 1 AS gone`;
        return (await execute(sql, now, now, max)).length;
      }),
    );
  }

  counts(): Observable<readonly StoreCounts[]> {
    const sql = `SELECT space, name, last_kind, count(*) AS entries FROM entries WHERE last_kind IS NOT NULL GROUP BY space, name, last_kind`;
    return this.#file.transact((execute) => execute(sql)).pipe(map((rows) => rows.map(countOf)));
  }

  close(): Observable<never> {
    return defer(() => from(this.#file.close())).pipe(ignoreElements());
  }

  /** @param work Whether the fence was the entry's. */
  #change(key: EntryKey, work: (execute: Execute) => Promise<boolean>): Observable<never> {
    return this.#file
      .transact(work)
      .pipe(concatMap((isHeld) => (isHeld ? EMPTY : throwError(() => new JournalFencedError(key)))));
  }
}

async function recordsOf(execute: Execute, key: EntryKey): Promise<readonly StoredRecord[]> {
  const rows = await execute(`SELECT seq, body, checksum FROM records WHERE ${ENTRY} ORDER BY seq`, ...partsOf(key));
  return rows.map(recordOf);
}

async function acquire(execute: Execute, key: EntryKey, { owner, leaseMs }: Lease): Promise<Acquired> {
  const parts = partsOf(key);
  const now = asyncScheduler.now();
  const [entry] = await execute(`SELECT owner, lease_until, expires_at FROM entries WHERE ${ENTRY}`, ...parts);
  if (entry !== undefined && entry.owner !== owner && Number(entry.lease_until) > now) {
    // A clock that was set back makes no lease longer.
    const until = Math.min(Number(entry.lease_until), now + leaseMs);
    await execute(`UPDATE entries SET lease_until = ? WHERE ${ENTRY}`, until, ...parts);
    return { kind: 'held', forMs: until - now };
  }
  if (entry !== undefined && entry.expires_at !== null && Number(entry.expires_at) <= now) {
    await execute(`DELETE FROM records WHERE ${ENTRY}`, ...parts);
    await execute(`DELETE FROM entries WHERE ${ENTRY}`, ...parts);
  }
  const [next] = await execute(`UPDATE counters SET value = value + 1 WHERE name = 'fence' RETURNING value`);
  const fence = Number(next?.value);
  await execute(
    `INSERT INTO entries (space, name, id, fence, owner, lease_until, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET fence = excluded.fence, owner = excluded.owner, lease_until = excluded.lease_until`,
    ...parts,
    fence,
    owner,
    now + leaseMs,
    now,
    now,
  );
  return { kind: 'acquired', fence, records: await recordsOf(execute, key) };
}

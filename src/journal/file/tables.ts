/** The tables of the embedded store, made where they are not there yet. A file of a later version, or of something else, is left alone. */
import { type Execute, WrongFileError } from './sqlite.ts';

const VERSION = 1;

const TABLES = [
  `CREATE TABLE entries (
     space TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
     fence INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL,
     last_kind TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER,
     PRIMARY KEY (space, name, id)) WITHOUT ROWID`,
  `CREATE TABLE records (
     space TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
     body TEXT NOT NULL, checksum TEXT NOT NULL,
     PRIMARY KEY (space, name, id, seq)) WITHOUT ROWID`,
  'CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID',
  `INSERT INTO counters VALUES ('fence', 0), ('ping', 0)`,
  'CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL',
  'CREATE INDEX entries_by_kind ON entries (last_kind, updated_at)',
  `PRAGMA user_version = ${VERSION}`,
];

/** Within a transaction. */
export async function prepareTables(execute: Execute): Promise<void> {
  const [version] = await execute('PRAGMA user_version');
  const found = Number(version?.user_version);
  if (found === VERSION) return;
  if (found > VERSION)
    throw new WrongFileError(`it was written by a later version of sluice (${found}; this one knows ${VERSION})`);
  const others = await execute('SELECT name FROM sqlite_master');
  if (others.length > 0) throw new WrongFileError('it is an SQLite database of something else; name a file of its own');
  for (const sql of TABLES) await execute(sql);
}

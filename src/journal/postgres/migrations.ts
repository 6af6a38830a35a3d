/** The tables of the shared store, as steps that were taken or are to be taken. A step that was released is never changed. */

export const MIGRATIONS: readonly string[] = [
  `CREATE SEQUENCE sluice_journal_fence;
   CREATE TABLE sluice_journal_entries (
     space text NOT NULL, name text NOT NULL, id text NOT NULL,
     fence bigint NOT NULL, owner text NOT NULL, lease_until timestamptz NOT NULL,
     last_kind text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz,
     PRIMARY KEY (space, name, id));
   CREATE TABLE sluice_journal_records (
     space text NOT NULL, name text NOT NULL, id text NOT NULL, seq integer NOT NULL,
     body text NOT NULL, checksum text NOT NULL,
     PRIMARY KEY (space, name, id, seq),
     FOREIGN KEY (space, name, id) REFERENCES sluice_journal_entries ON DELETE CASCADE);
   CREATE INDEX sluice_journal_by_expiry ON sluice_journal_entries (expires_at) WHERE expires_at IS NOT NULL;
   CREATE INDEX sluice_journal_by_kind ON sluice_journal_entries (last_kind, updated_at);`,
];

/** What a database of this version has, its sequence included. */
export const TABLES: readonly string[] = ['sluice_journal_records', 'sluice_journal_entries', 'sluice_journal_fence'];

export const VERSION = MIGRATIONS.length;

export const VERSIONS_TABLE = `CREATE TABLE IF NOT EXISTS sluice_journal_migrations (version integer PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())`;

/** @param from Version the database has. */
export const migrationScript = (from: number): string =>
  MIGRATIONS.slice(from)
    .map((step, index) => `${step}\nINSERT INTO sluice_journal_migrations (version) VALUES (${from + index + 1});`)
    .join('\n');

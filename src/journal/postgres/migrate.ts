/** Brings the tables of the shared store up to this version of sluice. */
import { firstValueFrom } from 'rxjs';
import { JournalUnavailableError } from '../../errors.ts';
import { migrationScript, TABLES, VERSION, VERSIONS_TABLE } from './migrations.ts';
import { Postgres } from './postgres.ts';

export interface Migrated {
  readonly from: number;
  readonly to: number;
}

const VERSION_FOUND = {
  name: 'sluice_version',
  text: 'SELECT coalesce(max(version), 0) AS version FROM sluice_journal_migrations',
};

const TABLES_MISSING = {
  name: 'sluice_tables_missing',
  text: 'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL',
};

/** In one transaction; several that migrate at once take turns. @throws JournalUnavailableError when it cannot be done; then nothing was. */
export async function migrate(url: string): Promise<Migrated> {
  // One connection: all of it happens in one session, which holds the lock until it ends.
  const database = new Postgres({ url, maxConnections: 1, answerWithinMs: 60_000 });
  try {
    await database.script(`SELECT pg_advisory_lock(hashtext('sluice_journal_migrations')); ${VERSIONS_TABLE}`);
    const from = await firstValueFrom(
      database.run(async (query) => {
        const [row] = await query(VERSION_FOUND);
        return Number(row?.version);
      }),
    );
    // An earlier version has fewer, and of a later one we do not know.
    if (from === VERSION) {
      const missing = await firstValueFrom(database.run((query) => query(TABLES_MISSING, TABLES)));
      if (missing.length > 0)
        throw new JournalUnavailableError(
          lacking(
            database.place,
            from,
            missing.map(({ name }) => String(name)),
          ),
        );
    }
    if (from < VERSION) await database.script(`BEGIN; ${migrationScript(from)} COMMIT;`);
    return { from, to: Math.max(from, VERSION) };
  } finally {
    await database.close();
  }
}

/** What was lost, by a restore that left it out say, is not made anew in silence: sagas stood in it. */
const lacking = (place: string, version: number, missing: readonly string[]): string =>
  `journal ${place}: is of version ${version} and lacks ${missing.join(', ')}; restore that from a backup, or drop all that begins with sluice_journal_ and migrate again, to begin anew`;

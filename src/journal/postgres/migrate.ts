/** Brings the tables of the shared store up to this version of sluice. */
import { firstValueFrom } from 'rxjs';
import { migrationScript, VERSION, VERSIONS_TABLE } from './migrations.ts';
import { Postgres } from './postgres.ts';

export interface Migrated {
  readonly from: number;
  readonly to: number;
}

const VERSION_FOUND = {
  name: 'sluice_version',
  text: 'SELECT coalesce(max(version), 0) AS version FROM sluice_journal_migrations',
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
    if (from < VERSION) await database.script(`BEGIN; ${migrationScript(from)} COMMIT;`);
    return { from, to: Math.max(from, VERSION) };
  } finally {
    await database.close();
  }
}

/** The shared store when its server goes away and comes back: said, and nothing lost. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createJournal } from '../../src/journal/create-journal.ts';
import { openStore } from '../../src/journal/open-store.ts';
import { migrate } from '../../src/journal/postgres/migrate.ts';
import { PostgresStore } from '../../src/journal/postgres/postgres-store.ts';
import { complete, completed, done, hold, started } from '../contract/journal-cases.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithOwnPostgres, type PrivatePostgres, startPrivatePostgres } from '../support/postgres.ts';

describeWithOwnPostgres('the journal in a PostgreSQL that goes away', () => {
  let postgres: PrivatePostgres;
  before(async () => {
    postgres = await startPrivatePostgres();
    await migrate(postgres.url);
  });
  after(() => postgres.stop());

  it('F41: is unavailable while its server is dead, says why, and has everything when it is back', async function outage() {
    this.timeout(120_000);
    const store = new PostgresStore({ url: postgres.url, maxConnections: 2 });
    const journal = createJournal(store, { owner: 'a' });
    const states: (string | undefined)[] = [];
    journal.availability.subscribe(({ isAvailable, reason }) => states.push(isAvailable ? 'there' : reason));
    const key = { space: 'saga', name: 'order', id: 'o-1' } as const;
    const held = await hold(journal, key);
    await complete(held.open.append(started));

    await postgres.kill();
    const lost = await complete(held.open.append(done('a'))).catch((cause: unknown) => cause);
    expect(lost).to.include({ code: 'ERR_JOURNAL_UNAVAILABLE', isMisconfigured: false });
    held.letGo();
    await postgres.start();
    await eventually('it is there again', () => states.at(-1) === 'there', 30_000);

    const again = await hold(journal, key);
    expect(again.open.records).to.deep.equal([started]);
    await complete(again.open.append(completed));
    again.letGo();
    expect(states.filter((state) => state !== 'there').join()).to.match(
      /journal PostgreSQL at 127\.0\.0\.1:\d+\/postgres: /,
    );
    journal.end();
    await complete(store.close());
  });

  it('has let go of what was held when it is closed in the same moment, so that nobody waits for a lease', async () => {
    const store = new PostgresStore({ url: postgres.url });
    const journal = createJournal(store, { owner: 'closing' });
    const all = await Promise.all(
      Array.from({ length: 5 }, (_, n) => hold(journal, { space: 'saga', name: 'closed', id: `c-${n}` })),
    );
    for (const { open } of all) await complete(open.append(started));
    for (const { letGo } of all) letGo();
    await complete(store.close());
    const held = `SELECT count(*) FROM sluice_journal_entries WHERE owner = 'closing' AND lease_until > now()`;
    expect(postgres.psql(held)).to.equal('0');
  });

  it('F24: takes credentials that were replaced while it runs, and says where a password is missing', async () => {
    const asked = join(postgres.psql('SHOW data_directory'), 'pg_hba.conf');
    writeFileSync(asked, `host all app 127.0.0.1/32 scram-sha-256\n${readFileSync(asked, 'utf8')}`);
    postgres.psql(`CREATE ROLE app LOGIN PASSWORD 'canary-old'; SELECT pg_reload_conf();
      GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;`);
    const as = (user: string): string => postgres.url.replace('postgres@', `${user}@`);
    let file = as('app:canary-old');
    const store = openStore({ kind: 'postgres', url: file, reread: () => file, maxConnections: 2 });
    await complete(store.ping());
    postgres.psql(
      `ALTER ROLE app PASSWORD 'canary-new'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`,
    );
    const failure = (): Promise<unknown> => complete(store.ping()).catch((cause: unknown) => cause);
    await eventually('the old one is refused', async () => /password authentication/.test(String(await failure())));
    file = as('app:canary-new');
    // More than there are connections: who waits for one is answered, too.
    const refused = await Promise.all(Array.from({ length: 5 }, failure));
    expect(refused.map(String).filter((why) => !/password authentication/.test(why))).to.deep.equal([]);
    await eventually('the new one is taken', async () => Array.isArray(await failure()));
    await complete(store.close());

    const without = new PostgresStore({ url: as('app') });
    const why = await complete(without.ping()).catch((cause: unknown) => cause);
    expect(why).to.include({ isMisconfigured: true });
    expect(String(why)).to.include('the server asks for a password, and the URL has none');
    await complete(without.close());
  });

  it('is not said to be migrated while a table of it is missing', async () => {
    const url = postgres.createDatabase('bereft');
    await migrate(url);
    postgres.psql('DROP TABLE sluice_journal_records', 'bereft');
    const why = await migrate(url).catch((cause: unknown) => cause);
    expect(String(why)).to.include('is of version 1 and lacks sluice_journal_records; restore that from a backup');
    // What a later version of sluice has instead is no loss.
    postgres.psql('INSERT INTO sluice_journal_migrations VALUES (2)', 'bereft');
    expect(await migrate(url)).to.deep.equal({ from: 2, to: 2 });
    postgres.psql(
      'DROP TABLE sluice_journal_entries, sluice_journal_migrations; DROP SEQUENCE sluice_journal_fence',
      'bereft',
    );
    expect(await migrate(url)).to.deep.equal({ from: 0, to: 1 });
  });
});

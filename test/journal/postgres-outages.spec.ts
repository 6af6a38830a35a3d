/** The shared store when its server goes away and comes back: said, and nothing lost. */
import { expect } from 'chai';
import { createJournal } from '../../src/journal/create-journal.ts';
import { migrate } from '../../src/journal/postgres/migrate.ts';
import { PostgresStore } from '../../src/journal/postgres/postgres-store.ts';
import { complete, completed, done, hold, started } from '../contract/journal-cases.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithOwnPostgres, type PrivatePostgres, startPrivatePostgres } from '../support/postgres.ts';

describeWithOwnPostgres('the journal in a PostgreSQL that goes away', () => {
  let postgres: PrivatePostgres;
  before(async function start() {
    this.timeout(90_000);
    postgres = await startPrivatePostgres();
    await migrate(postgres.url);
  });
  after(() => postgres.stop());

  it('F41: is unavailable while its server is dead, says why, and has everything when it is back', async function outage() {
    this.timeout(120_000);
    const store = new PostgresStore({ url: postgres.url, maxConnections: 2, answerWithinMs: 1_000 });
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
});

/** `sluice outbox sql` as its users have it: printed by the command, piped into psql, and used as its own first lines say. */
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { postgresOutbox } from '../../src/sources/postgres-outbox.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { startSluice } from '../support/worker-process.ts';

const DATABASE = 'outbox_sql';

describeWithPostgres('the statements of an outbox, piped into psql', (postgres) => {
  it('make what a relay needs of a user with no more than the permissions they name', async () => {
    const url = new URL(postgres().createDatabase(DATABASE));
    const printing = startSluice(['outbox', 'sql', '--table', 'shop.outbox'], {});
    expect(await printing.exit).to.equal(0);
    const sql = printing.lines.map(({ text }) => text).join('\n');
    const told = (line: RegExp): string => line.exec(sql)?.[1] ?? expect.fail(`${line}`);
    const grants = [...sql.matchAll(/^-- +(GRANT .*)$/gm)].map(([, grant]) => grant);
    expect(grants).to.have.length(3);

    postgres().psql(`${told(/: (CREATE SCHEMA .*)$/m)} ${sql}`, DATABASE);
    postgres().psql(`CREATE ROLE relay LOGIN; ${grants.join(' ')}`, DATABASE);
    postgres().psql(told(/^-- +(INSERT .*)$/m), DATABASE);

    url.username = 'relay';
    const open = postgresOutbox({ url: () => url.href, table: 'shop.outbox', sentRows: 'delete' });
    const { rows } = await firstValueFrom(open((table) => table.takeLane(10)));
    expect(rows.map(({ key, body }) => [key, JSON.parse(body)])).to.deep.equal([
      ['order-17', { order_id: 'order-17' }],
    ]);
  });
});

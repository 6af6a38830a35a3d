/** An outbox row that is too large for its broker, which has to refuse it: on a broker of its own, whose limit is small. */
import { expect } from 'chai';
import pg from 'pg';
import { outboxSql } from '../../src/sources/outbox-sql.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const WITHIN_MS = 60_000;
const MAX_BYTES = 20_000;

describeWithOwnRabbitMq('an outbox row above the limit of the broker', () => {
  describeWithPostgres('with a real worker', (postgres) => {
    let rabbit: RabbitMq;
    let worker: WorkerProcess | undefined;
    let database: pg.Client | undefined;

    before(async function () {
      this.timeout(3 * WITHIN_MS);
      rabbit = await startPrivateRabbitMq({ config: [`max_message_size = ${MAX_BYTES}`] });
    });
    after(async function () {
      this.timeout(WITHIN_MS);
      await worker?.kill();
      await database?.end();
      await rabbit?.stop();
    });

    it('stays in the table, is told by a dead letter, and holds back neither its key nor its lane', async function () {
      this.timeout(2 * WITHIN_MS);
      const databaseUrl = postgres().createDatabase('outbox_large');
      const sql = new pg.Client({ connectionString: databaseUrl });
      database = sql;
      await sql.connect();
      await sql.query(outboxSql('outbox'));
      const { rows: inserted } = await sql.query<{ id: string }>(
        `INSERT INTO outbox (key, body)
         VALUES ('large', json_build_object('n', 0, 'key', 'large', 'x', repeat('x', ${MAX_BYTES}))) RETURNING id::text`,
      );
      const [large] = inserted.map(({ id }) => id);
      // Those of its key, and 40 keys that share its lane or another one.
      await sql.query(
        `INSERT INTO outbox (key, body) SELECT key, json_build_object('n', n, 'key', key)
         FROM (SELECT n, CASE n % 3 WHEN 0 THEN 'large' ELSE 'k' || n END AS key FROM generate_series(1, 60) n) rows`,
      );
      const client = await connectClient(rabbit.url);
      try {
        const results = await client.collect('outbox.out');
        worker = startSluice(['run', 'test/fixtures/outbox'], {
          AMQP_URL: rabbit.url,
          OUTBOX_DATABASE_URL: databaseUrl,
        });
        await consuming(worker, ['events']);
        const seen = () => new Set(results.messages.map(({ body }) => (body as { n: number }).n));
        await eventually(
          () => `60 results; there are ${seen().size}`,
          () => seen().size === 60,
          WITHIN_MS,
        );
        const left = async () => (await sql.query(`SELECT id::text, sent_at::text FROM outbox`)).rows;
        await eventually('one row', async () => (await left()).length === 1, WITHIN_MS);
        expect(await left()).to.deep.equal([{ id: large, sent_at: 'infinity' }]);
        const letters = await client.drain('events.outbox.dead');
        expect(new Set(letters.map(({ headers }) => headers['x-sluice-error-code']))).to.deep.equal(
          new Set(['ERR_RESULT_INVALID']),
        );
        expect(letters[0]?.headers['x-sluice-error-message']).to.match(
          new RegExp(
            `^body of \\d+ bytes: the broker allows ${MAX_BYTES}; it stays in row ${large} of outbox outbox, with`,
          ),
        );
        expect(letters[0]?.body).to.equal('');
      } finally {
        await client.close();
      }
    });
  });
});

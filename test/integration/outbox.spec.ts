/** An outbox end to end: rows of PostgreSQL, real workers in processes of their own, a real broker; one worker is killed in the middle. */
import { expect } from 'chai';
import pg from 'pg';
import { outboxSql } from '../../src/sources/outbox-sql.ts';
import { type BrokerClient, type Collector, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const ROWS = 300;
const KEYS = 5;
const WITHIN_MS = 60_000;

describeWithRabbitMq('an outbox and its workers', (broker) => {
  describeWithPostgres('with a worker killed in the middle', (postgres) => {
    let client: BrokerClient;
    let database: pg.Client;
    let results: Collector;
    let databaseUrl: string;
    const workers: WorkerProcess[] = [];

    const startWorker = async (): Promise<WorkerProcess> => {
      const worker = startSluice(['run', 'test/fixtures/outbox'], {
        AMQP_URL: broker().url,
        OUTBOX_DATABASE_URL: databaseUrl,
      });
      workers.push(worker);
      await consuming(worker, ['events']);
      return worker;
    };
    before(async function () {
      this.timeout(WITHIN_MS);
      databaseUrl = postgres().createDatabase('outbox_workers');
      database = new pg.Client({ connectionString: databaseUrl });
      await database.connect();
      await database.query(outboxSql('outbox'));
      client = await connectClient(broker().url);
      results = await client.collect('outbox.out');
    });
    after(async () => {
      for (const worker of workers) await worker.kill();
      await client?.deleteQueues(['events.outbox', 'events.outbox.dead']);
      await client?.close();
      await database?.end();
    });

    it('relays every row, and repeats none under another id', async function () {
      this.timeout(2 * WITHIN_MS);
      const [first] = await Promise.all([startWorker(), startWorker()]);
      for (let n = 0; n < ROWS; n++) {
        const key = `k${n % KEYS}`;
        await database.query('INSERT INTO outbox (key, body) VALUES ($1, $2)', [key, JSON.stringify({ n, key })]);
        if (n === ROWS / 2) first.signal('SIGKILL');
      }
      const seen = () =>
        new Map(results.messages.map(({ body, properties }) => [(body as { n: number }).n, properties.messageId]));
      await eventually(
        () => `${ROWS} results; there are ${seen().size}`,
        () => seen().size === ROWS,
        WITHIN_MS,
      );
      await eventually(
        'an empty outbox',
        async () => {
          const { rows } = await database.query('SELECT FROM outbox');
          return rows.length === 0;
        },
        WITHIN_MS,
      );
      const ids = seen();
      for (const { body, properties } of results.messages)
        expect(properties.messageId, 'a result that comes again').to.equal(ids.get((body as { n: number }).n));
    });

    it('lays a row that AMQP cannot carry among the dead letters, and relays the next of its key', async function () {
      this.timeout(2 * WITHIN_MS);
      const insert = (n: number, headers: object) =>
        database.query('INSERT INTO outbox (key, body, headers) VALUES ($1, $2, $3)', [
          'bad',
          JSON.stringify({ n, key: 'bad' }),
          JSON.stringify(headers),
        ]);
      await insert(1_001, { CC: 'no list' });
      await insert(1_002, { ['n'.repeat(300)]: 1 });
      await insert(1_003, { tenant: 't1' });
      await eventually(
        'the next of its key',
        () => results.messages.some(({ body }) => (body as { n: number }).n === 1_003),
        WITHIN_MS,
      );
      const letters = await client.drain('events.outbox.dead');
      expect(letters.map(({ body, headers }) => [body, headers['x-sluice-error-code']])).to.deep.equal([
        [{ n: 1_001, key: 'bad' }, 'ERR_RESULT_INVALID'],
        [{ n: 1_002, key: 'bad' }, 'ERR_RESULT_INVALID'],
      ]);
    });
  });
});

/** The relay on a real PostgreSQL: rows of transactions, several relays at once, connections that break. The broker's part is played. */
import { expect } from 'chai';
import pg from 'pg';
import {
  concat,
  defer,
  EMPTY,
  ignoreElements,
  NEVER,
  type Observable,
  ReplaySubject,
  type Subscription,
  throwError,
  timer,
} from 'rxjs';
import { OutboxUnavailableError, ResultInvalidError } from '../../src/errors.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { outboxFeeder } from '../../src/sources/outbox-feeder.ts';
import { outboxSql } from '../../src/sources/outbox-sql.ts';
import { postgresOutbox } from '../../src/sources/postgres-outbox.ts';
import { seededRandom } from '../../src/testing/virtual/seeded-random.ts';
import { eventually } from '../support/eventually.ts';
import { NO_BROKER } from '../support/no-broker.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const WITHIN_MS = 30_000;

interface Entry {
  readonly relay: string;
  readonly id: string;
  readonly n: number;
  readonly key: string;
}

describeWithPostgres('an outbox in PostgreSQL', (postgres) => {
  let url: string;
  let client: pg.Client;
  let running: Subscription[] = [];
  let errors: unknown[] = [];
  /** What the broker confirmed, in order. */
  let confirmed: Entry[] = [];
  let setAside: string[] = [];

  before(async () => {
    url = postgres().createDatabase('outbox_relays');
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('CREATE SCHEMA shop');
    await client.query(outboxSql('shop.outbox'));
  });
  after(() => client?.end());
  beforeEach(() => {
    running = [];
    errors = [];
    confirmed = [];
    setAside = [];
  });
  afterEach(async () => {
    for (const relay of running) relay.unsubscribe();
    await client.query('TRUNCATE shop.outbox');
  });

  const read = ({ body, properties }: OutgoingMessage, relay: string): Entry => {
    const { n, key } = JSON.parse(Buffer.from(body).toString()) as { n: number; key: string };
    return { relay, id: properties.messageId ?? '', n, key };
  };

  interface RelayOptions {
    readonly name?: string;
    readonly confirmAfterMs?: () => number;
    readonly sentRows?: 'delete' | 'mark';
    readonly pollMs?: number;
    readonly table?: string;
    readonly url?: string;
    readonly maxRows?: number;
    readonly answerWithinMs?: number;
    /** Of a row: the broker takes no such body. */
    readonly isTooLarge?: (entry: Entry) => boolean;
    /** Before a publish takes effect, and after it. */
    readonly reached?: () => Observable<never>;
  }

  function startRelay(options: RelayOptions = {}): Subscription {
    const { name = 'one', confirmAfterMs = () => 0, sentRows = 'delete', pollMs = 600_000, maxRows = 20 } = options;
    const { reached = () => EMPTY, isTooLarge = () => false, answerWithinMs = 30_000 } = options;
    const publish = (message: OutgoingMessage): Observable<never> =>
      concat(
        timer(confirmAfterMs()).pipe(ignoreElements()),
        isTooLarge(read(message, name))
          ? throwError(() => new ResultInvalidError('too large', { maxBodyBytes: 10 }))
          : reached(),
        defer(() => {
          confirmed.push(read(message, name));
          return [];
        }),
        reached(),
      );
    const table = options.table ?? 'shop.outbox';
    const open = postgresOutbox({ url: () => options.url ?? url, table, sentRows, answerWithinMs });
    const relay = outboxFeeder({ title: name, open, maxRows, pollMs })
      .feed({
        pipeline: 'p',
        queue: 'q',
        publish,
        setAside: ({ properties }) =>
          defer(() => {
            setAside.push(properties.messageId ?? '');
            return EMPTY;
          }),
        broker: NO_BROKER,
        journal: createMemoryJournal(),
        log: silentLogger,
        random: Math.random,
        drain: new ReplaySubject<void>(1),
      })
      .subscribe({ error: (error: unknown) => errors.push(error) });
    running.push(relay);
    return relay;
  }

  /** Runs a relay that dies when it comes to that point, as a killed process does: its connection is reset, and it does nothing more. @returns whether it did. */
  async function relayUntil(point: number): Promise<boolean> {
    let passed = 0;
    let isDead = false;
    const reach = (): void => {
      if (++passed !== point) return;
      isDead = true;
      line.cut('reset');
    };
    const databaseUrl = new URL(url);
    const line = await startTcpProxy(Number(databaseUrl.port), { beforeChunk: reach });
    databaseUrl.port = String(line.port);
    const unlessDead = (): Observable<never> =>
      defer(() => {
        reach();
        return isDead ? NEVER : EMPTY;
      });
    const relay = startRelay({ url: databaseUrl.href, reached: unlessDead });
    await eventually('it is dead, or done', async () => isDead || (await rowsLeft()) === 0, WITHIN_MS);
    relay.unsubscribe();
    await line.stop();
    return isDead;
  }

  const insert = async (entries: readonly { readonly n: number; readonly key: string }[]): Promise<void> => {
    const values = entries.map((_, at) => `($${2 * at + 1}, $${2 * at + 2}::json)`).join(', ');
    const parameters = entries.flatMap((entry) => [entry.key, JSON.stringify(entry)]);
    await client.query(`INSERT INTO shop.outbox (key, body) VALUES ${values}`, parameters);
  };
  const rowsLeft = async (where = 'true'): Promise<number> => {
    const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM shop.outbox WHERE ${where}`);
    return Number(rows[0]?.count);
  };
  const relayed = (count: number): Promise<void> =>
    eventually(
      () => `${count} rows relayed; ${confirmed.length} were, with ${errors.map(String).join(', ') || 'no error'}`,
      () => new Set(confirmed.map(({ id }) => id)).size >= count,
      WITHIN_MS,
    );
  const drained = (): Promise<void> => eventually('an empty outbox', async () => (await rowsLeft()) === 0, WITHIN_MS);

  /** The order in which each key's rows were first confirmed. */
  const firstByKey = (): Record<string, number[]> => {
    const seen = new Set<string>();
    const order: Record<string, number[]> = {};
    for (const { id, key, n } of confirmed) {
      if (seen.has(id)) continue;
      seen.add(id);
      order[key] = [...(order[key] ?? []), n];
    }
    return order;
  };

  it('relays what is committed, and wakes for it; nothing of a transaction that is open or was rolled back', async () => {
    startRelay();
    await client.query('BEGIN');
    await insert([{ n: 1, key: 'lost' }]);
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await insert([{ n: 2, key: 'kept' }]);
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query(`INSERT INTO shop.outbox (key, body) VALUES ('other', '{"n":3,"key":"other"}')`);
    await other.end();
    await relayed(1);
    expect(confirmed.map(({ n }) => n)).to.deep.equal([3]);
    await client.query('COMMIT');
    await relayed(2);
    expect(confirmed.map(({ n }) => n)).to.deep.equal([3, 2]);
    await drained();
    expect(errors).to.deep.equal([]);
  });

  it('keeps each key in order with several relays at once, while rows come, and relays each row once', async () => {
    const random = seededRandom(7);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    for (const name of ['one', 'two', 'three', 'four'])
      startRelay({ name, pollMs: 200, maxRows: 7, confirmAfterMs: () => Math.floor(4 * random()) });
    const total = 600;
    for (let n = 0; n < total; n += 20)
      await insert(
        Array.from({ length: 20 }, (_, at) => ({ n: n + at, key: keys[Math.floor(keys.length * random())] ?? 'a' })),
      );
    await relayed(total);
    await drained();
    expect(confirmed, 'each row once').to.have.length(total);
    for (const [key, numbers] of Object.entries(firstByKey()))
      expect(numbers, `rows of ${key}`).to.deep.equal([...numbers].sort((one, other) => one - other));
    expect(new Set(confirmed.map(({ relay }) => relay)).size, 'relays that worked').to.be.greaterThan(1);
    expect(errors).to.deep.equal([]);
  });

  it('loses nothing and keeps the order when connections are cut in the middle: rows come again under the same id', async () => {
    const random = seededRandom(11);
    const slow = () => 1 + Math.floor(4 * random());
    startRelay({ name: 'one', confirmAfterMs: slow });
    startRelay({ name: 'two', confirmAfterMs: slow });
    const total = 200;
    await insert(Array.from({ length: total }, (_, n) => ({ n, key: `k${n % 5}` })));
    await relayed(20);
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice outbox'`,
    );
    await eventually('both relays to notice', () => errors.length === 2, WITHIN_MS);
    for (const error of errors) expect(error).to.be.instanceOf(OutboxUnavailableError);
    expect(await rowsLeft(), 'rows that are not settled').to.be.greaterThan(0);
    startRelay({ name: 'three' });
    await relayed(total);
    await drained();
    for (const numbers of Object.values(firstByKey()))
      expect(numbers).to.deep.equal([...numbers].sort((one, other) => one - other));
    const ids = new Map(confirmed.map(({ n, id }) => [n, id]));
    expect(
      confirmed.every(({ n, id }) => ids.get(n) === id),
      'a row that comes again has its id',
    ).to.equal(true);
  });

  it('loses nothing wherever a relay dies: at each word to and from the database, at each publish before and after it takes effect', async function deaths() {
    this.timeout(180_000);
    let point = 1;
    for (let isDead = true; isDead; point++) {
      confirmed = [];
      await insert([
        { n: 1, key: 'a' },
        { n: 2, key: 'a' },
        { n: 3, key: 'b' },
      ]);
      isDead = await relayUntil(point);
      if (isDead) {
        const next = startRelay({ name: 'next', pollMs: 20 });
        await relayed(3);
        await drained();
        next.unsubscribe();
      }
      const where = isDead ? `dead at point ${point}` : 'alive';
      expect(firstByKey(), where).to.deep.equal({ a: [1, 2], b: [3] });
      expect(new Set(confirmed.map(({ n, id }) => `${n} ${id}`)).size, `a row has its id, ${where}`).to.equal(3);
    }
    // Six statements and their answers, three publishes before and after: the connection comes on top.
    expect(point).to.be.greaterThan(2 * 6 + 2 * 3);
  });

  it('gives the rows back at once when a relay is unsubscribed in the middle', async () => {
    const stuck = startRelay({ name: 'stuck', confirmAfterMs: () => 3_600_000 });
    await insert([{ n: 1, key: 'a' }]);
    await eventually(
      'the lane to be held',
      async () => {
        const { rows } = await client.query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'sluice outbox' AND state = 'idle in transaction'`,
        );
        return rows.length === 1;
      },
      WITHIN_MS,
    );
    stuck.unsubscribe();
    startRelay({ name: 'next', pollMs: 100 });
    await relayed(1);
    expect(confirmed.map(({ relay }) => relay)).to.deep.equal(['next']);
  });

  it('marks rows instead of deleting them where that is asked for, and relays none of them again', async () => {
    startRelay({ sentRows: 'mark', pollMs: 50 });
    await insert([{ n: 1, key: 'a' }]);
    await relayed(1);
    await eventually('a row marked as sent', async () => (await rowsLeft('sent_at IS NOT NULL')) === 1, WITHIN_MS);
    await insert([{ n: 2, key: 'a' }]);
    await relayed(2);
    expect(confirmed.map(({ n }) => n)).to.deep.equal([1, 2]);
  });

  for (const sentRows of ['delete', 'mark'] as const)
    it(`keeps a row no broker takes where it is, and relays it when it is asked for again: ${sentRows}`, async () => {
      let isTooLarge = true;
      startRelay({ sentRows, pollMs: 50, isTooLarge: ({ n }) => n === 1 && isTooLarge });
      await insert([
        { n: 1, key: 'a' },
        { n: 2, key: 'a' },
      ]);
      await relayed(1);
      await eventually('it is kept', async () => (await rowsLeft("sent_at = 'infinity'")) === 1, WITHIN_MS);
      expect(confirmed.map(({ n }) => n)).to.deep.equal([2]);
      expect(setAside, 'told once').to.have.length(1);
      expect(await rowsLeft(`sent_at < now() AND body->>'n' = '1'`), 'not tidied away by its age').to.equal(0);
      isTooLarge = false;
      await client.query("UPDATE shop.outbox SET sent_at = NULL WHERE sent_at = 'infinity'");
      await relayed(2);
      expect(confirmed.map(({ n }) => n)).to.deep.equal([2, 1]);
      expect(setAside).to.have.length(1);
      expect(errors).to.deep.equal([]);
    });

  it('lets its lane go where somebody keeps a row of it locked: on the server too, before that one is done', async () => {
    await insert([{ n: 1, key: 'a' }]);
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM shop.outbox FOR UPDATE');
      // The server gives up before the relay does, by half a second; a machine that stands still for as long shows another limit, and is asked again.
      for (let tries = 1; tries <= 5 && !/lock timeout/.test(String(errors.at(-1))); tries++) {
        startRelay({ answerWithinMs: 1_000 });
        await eventually('it has given up', () => errors.length === tries, WITHIN_MS);
      }
      expect(String(errors.at(-1))).to.match(
        /outbox "shop.outbox": canceling statement due to lock timeout: another session keeps it locked, or rows of it/,
      );
      await eventually(
        'nothing of it waits on the server',
        async () => {
          const { rows } = await client.query(
            `SELECT FROM pg_stat_activity WHERE application_name = 'sluice outbox' AND state <> 'idle'`,
          );
          return rows.length === 0;
        },
        WITHIN_MS,
      );
      const { rows: free } = await client.query('SELECT FROM shop.outbox_lanes FOR UPDATE SKIP LOCKED');
      expect(free, 'lanes that are free').to.have.length(16);
    } finally {
      await other.end();
    }
    startRelay({ name: 'next', pollMs: 100 });
    await drained();
    expect(new Set(confirmed.map(({ id }) => id)).size, 'it came again under its id').to.equal(1);
  });

  it('changes nothing of a body on the way', async () => {
    const body = '{"n": 12345678901234567890, "key":"a",  "n2": 1.10}';
    const bodies: string[] = [];
    const open = postgresOutbox({ url: () => url, table: 'shop.outbox', sentRows: 'delete' });
    await client.query('INSERT INTO shop.outbox (body, headers) VALUES ($1, $2)', [body, '{"tenant":"t1"}']);
    const rows = await new Promise<readonly { body: string; headers: unknown }[]>((resolve, reject) => {
      const taken = open((table) => table.takeLane(10)).subscribe({
        next: (lane) => resolve(lane.rows),
        error: reject,
      });
      running.push(taken);
    });
    for (const row of rows) bodies.push(row.body);
    expect([bodies, rows[0]?.headers]).to.deep.equal([[body], { tenant: 't1' }]);
  });

  it('refuses a row that could not be relayed, in the transaction that writes it', async () => {
    for (const [columns, values] of [
      ['message_id, body', `repeat('x', 256), '{}'`],
      ['message_id, body', `'', '{}'`],
      ['body', 'NULL'],
      ['body', `'{'`],
      ['body, headers', `'{}', '[]'`],
      ['body, correlation_id', `'{}', repeat('x', 256)`],
    ]) {
      const refused = await client.query(`INSERT INTO shop.outbox (${columns}) VALUES (${values})`).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refused, `${columns}: ${values}`).to.be.instanceOf(Error);
    }
  });

  it('says where the permissions stand that its user lacks', async () => {
    await client.query('CREATE ROLE outbox_stranger LOGIN');
    startRelay({ url: url.replace('postgres@', 'outbox_stranger@') });
    await eventually('a failure', () => errors.length === 1, WITHIN_MS);
    await client.query('DROP ROLE outbox_stranger');
    expect(String(errors[0])).to.match(
      /outbox "shop.outbox": permission denied .*; the last lines of `sluice outbox sql --table shop.outbox` grant what/,
    );
  });

  it('says what is missing when there is no such table, and never shows a password', async () => {
    startRelay({ table: 'nowhere' });
    await eventually('a failure', () => errors.length === 1, WITHIN_MS);
    expect(String(errors[0])).to.match(
      /outbox "nowhere".*does not exist; `sluice outbox sql --table nowhere` prints what makes it/,
    );
    startRelay({ url: 'postgres://relay:canary-password@127.0.0.1:1/none' });
    await eventually('another', () => errors.length === 2, WITHIN_MS);
    expect(errors[1]).to.be.instanceOf(OutboxUnavailableError);
    expect(String(errors[1]))
      .to.match(/ECONNREFUSED/)
      .and.not.match(/canary/);
  });
});

/**
 * The order saga while the store of its journal is full, locked, slow or gone: a real worker, a real file, a real PostgreSQL, real calls. Orders wait,
 * no step is made without its record, `/readyz` says why, and all of them are placed when it is over.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { FileStore } from '../../src/journal/file/file-store.ts';
import { migrate } from '../../src/journal/postgres/migrate.ts';
import { PostgresStore } from '../../src/journal/postgres/postgres-store.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithOwnPostgres, type PrivatePostgres, startPrivatePostgres } from '../support/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { openShop, type Shop } from './open-shop.ts';

const WITHIN_MS = 60_000;

const CALLS = ['POST /deduct', 'POST /charge', 'POST /create-shipment'];

const RECORDS = [
  'started',
  'stepIntended stock',
  'stepDone stock',
  'stepIntended charge',
  'stepDone charge',
  'stepIntended shipment',
  'stepDone shipment',
  'completed',
];

/** What becomes of a store, how that ends, and what is said of it meanwhile. */
interface Fault {
  readonly begin: () => unknown;
  readonly end: () => unknown;
  readonly says: RegExp;
}

let lastOrder = 0;

/** One order is between the effect of its charge and the record of it; more come, until the journal is said to be away. */
async function survive(shop: Shop, { begin, end, says }: Fault): Promise<void> {
  const newOrder = (): string => `o-${++lastOrder}`;
  const isAnswered = (order: string): boolean => shop.answersTo(order).length > 0;
  const middle = newOrder();
  const orders = [middle];
  shop.delayCharge(middle);
  await shop.send(middle);
  await eventually('it is charged', () => shop.effectsOf(middle).includes('POST /charge'), WITHIN_MS);
  await begin();
  try {
    let said: string | undefined;
    const isSaid = async (): Promise<boolean> => {
      // A disk has room for some orders more.
      if (orders.length === 1 || orders.every(isAnswered)) {
        const order = newOrder();
        orders.push(order);
        await shop.send(order);
      }
      said = await shop.readyz();
      return said !== undefined && says.test(said);
    };
    await eventually(() => `it is said that ${says}; it was ${said}`, isSaid, WITHIN_MS);
    // Until it is over: whatever asks the store must not take it for one that is back.
    expect(await shop.ask(), 'the store').to.match(says);
    const waiting = orders.filter((order) => !isAnswered(order));
    expect(waiting, 'orders that wait').not.to.equal([]);
    for (const order of waiting)
      expect(shop.effectsOf(order), `calls of ${order}`).not.to.include('POST /create-shipment');
    const [charged, ...rest] = orders.map((order) => shop.effectsOf(order).length);
    if (waiting.length === orders.length) expect([charged, rest], 'steps without records').to.deep.equal([2, [0]]);
  } finally {
    await end();
  }
  await eventually('all are answered', () => orders.every(isAnswered), WITHIN_MS);
  for (const order of orders) {
    expect(shop.answersTo(order), `answers to ${order}`).to.deep.equal(['order.placed']);
    expect(shop.effectsOf(order), `calls of ${order}`).to.deep.equal(CALLS);
    const records = await shop.recordsOf(order);
    const lines = records.map((record) => ('step' in record ? `${record.kind} ${record.step}` : record.kind));
    // A step in doubt is begun once more.
    expect(
      lines.filter((line, index) => line !== lines[index - 1]),
      `records of ${order}`,
    ).to.deep.equal(RECORDS);
  }
  await eventually('it is ready', async () => (await shop.readyz()) === undefined, WITHIN_MS);
  expect(shop.settledOtherwise(), 'tries that were spent').to.deep.equal([]);
}

describe('the order saga on a file', function suite() {
  this.timeout(2 * WITHIN_MS);
  let folder: string;
  let path: string;
  let shop: Shop;
  /** The store's own connection: how many pages a file may have is said to each. */
  let connection: Connection | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-journal-faults-'));
    path = join(folder, 'journal.db');
    const release = catchConnections((opened) => {
      connection = opened;
    });
    try {
      shop = await openShop(new FileStore({ path, lockedWithinMs: 500 }));
      await shop.send('o-0');
      await eventually('it is placed', () => shop.answersTo('o-0').length > 0, WITHIN_MS);
    } finally {
      release();
    }
  });
  after(async () => {
    await shop?.close();
    rmSync(folder, { recursive: true });
  });

  it('F41: waits while the disk is full', () =>
    survive(shop, {
      // SQLite makes it as few as there are.
      begin: () => connection?.exec('PRAGMA max_page_count = 1'),
      end: () => connection?.exec('PRAGMA max_page_count = 1000000'),
      says: /^journal .*journal\.db: the disk is full$/,
    }));

  it('F41: waits while another process keeps it locked', () => {
    const Database = createRequire(import.meta.url)('libsql') as new (path: string) => Connection;
    const other = new Database(path);
    return survive(shop, {
      begin: () => other.exec('BEGIN IMMEDIATE'),
      end: () => {
        other.exec('ROLLBACK');
        other.close();
      },
      says: /^journal .*journal\.db: another process keeps it locked$/,
    });
  });
});

interface Connection {
  exec(sql: string): unknown;
  close(): void;
}

/** Hands over each connection that is opened to a file, until it is released. */
function catchConnections(caught: (connection: Connection) => void): () => void {
  const require = createRequire(import.meta.url);
  const name = require.resolve('libsql/promise');
  const Real = require(name) as new (path: string) => Connection;
  const loaded = require.cache[name] ?? expect.fail();
  loaded.exports = class extends Real {
    constructor(path: string) {
      super(path);
      caught(this);
    }
  };
  return () => {
    loaded.exports = Real;
  };
}

describeWithOwnPostgres('the order saga on PostgreSQL', () => {
  let postgres: PrivatePostgres;
  let line: TcpProxy;
  let shop: Shop;

  before(async () => {
    postgres = await startPrivatePostgres();
    await migrate(postgres.url);
    const url = new URL(postgres.url);
    line = await startTcpProxy(Number(url.port));
    url.port = String(line.port);
    shop = await openShop(new PostgresStore({ url: url.href, maxConnections: 4, answerWithinMs: 1_000 }));
  });
  after(async () => {
    await shop?.close();
    await line?.stop();
    await postgres?.stop();
  });

  const says = (what: string): RegExp => new RegExp(`^journal PostgreSQL at 127\\.0\\.0\\.1:\\d+/postgres: ${what}`);

  it('F41: waits while another session keeps its tables locked', async () => {
    const other = new pg.Client({ connectionString: postgres.url });
    await other.connect();
    await survive(shop, {
      begin: () => other.query('BEGIN; LOCK TABLE sluice_journal_entries IN ACCESS EXCLUSIVE MODE'),
      end: () => other.end(),
      says: says('another session keeps its tables locked'),
    });
  });

  it('F41: waits while its disk is full', () =>
    survive(shop, {
      // As the server tells of it.
      begin: () =>
        postgres.psql(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'could not extend file "base/5/16384": No space left on device' USING ERRCODE = 'disk_full'; END $$;
          CREATE TRIGGER full_disk BEFORE INSERT ON sluice_journal_records FOR EACH ROW EXECUTE FUNCTION full_disk()`),
      end: () => postgres.psql('DROP FUNCTION full_disk CASCADE'),
      says: says('its disk is full \\(could not extend file'),
    }));

  it('F41: waits while it may only be read', () =>
    survive(shop, {
      begin: () => {
        postgres.psql('ALTER SYSTEM SET default_transaction_read_only = on');
        postgres.psql('SELECT pg_reload_conf()');
      },
      end: () => {
        postgres.psql('ALTER SYSTEM RESET default_transaction_read_only');
        postgres.psql('SELECT pg_reload_conf()');
      },
      says: says('it may only be read'),
    }));

  it('F41: waits while it is too slow to answer', () =>
    survive(shop, { begin: () => line.slow(50), end: () => line.slow(0), says: says('no answer in time') }));

  it('F41: waits while nothing comes through to it', () =>
    survive(shop, { begin: () => line.freeze('both'), end: () => line.thaw(), says: says('no answer in time') }));

  it('F41: waits while its server is dead', () =>
    survive(shop, {
      begin: () => postgres.kill(),
      end: () => postgres.start(),
      says: says('(terminating connection|connect|read|write|Connection) '),
    }));

  it('places orders over a line that is slow, and fast enough to answer', async () => {
    line.slow(4_000);
    await shop.send('slow');
    await eventually('it is placed', () => shop.answersTo('slow').length > 0, WITHIN_MS);
    line.slow(0);
    expect(shop.effectsOf('slow')).to.deep.equal(CALLS);
    // A machine that stands still for a second answers too late, once.
    await eventually('it is ready', async () => (await shop.readyz()) === undefined, WITHIN_MS);
  });
});

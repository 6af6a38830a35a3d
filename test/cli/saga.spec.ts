/** `sluice saga` and `sluice journal` as people run them: a real worker, an embedded broker, a journal in a file; and tables in PostgreSQL. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const STUCK = fileURLToPath(new URL('../fixtures/stuck', import.meta.url));
const LETTERS = fileURLToPath(new URL('../fixtures/letters', import.meta.url));

interface Run {
  readonly code: number | NodeJS.Signals;
  readonly text: string;
}

async function run(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Run> {
  const command = startSluice(args, { NO_COLOR: '1', ...environment });
  const code = await command.exit;
  return { code, text: command.lines.map((line) => line.text ?? JSON.stringify(line)).join('\n') };
}

describe('sluice saga', function suite() {
  this.timeout(120_000);
  const broker = createEmbeddedBroker();
  let folder: string;
  let bank: Server;
  /** What the bank answers; undefined: nothing at all. */
  let status: number | undefined = 500;
  let asked = 0;
  let environment: Readonly<Record<string, string>>;
  let worker: WorkerProcess | undefined;
  let client: BrokerClient;
  const saga = (...args: readonly string[]): Promise<Run> => run(['saga', ...args], environment);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-sagas-'));
    bank = createServer((request, response) => {
      request.resume();
      asked++;
      if (status !== undefined) response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    }).listen(0, '127.0.0.1');
    await once(bank, 'listening');
    const { url } = await broker.start();
    client = await connectClient(url);
    environment = {
      AMQP_URL: url,
      SLUICE_JOURNAL_FILE: join(folder, 'journal.db'),
      BANK_URL: `http://127.0.0.1:${(bank.address() as AddressInfo).port}`,
    };
    worker = startSluice(['run', STUCK], environment);
    await consuming(worker, ['transfers']);
  });
  after(async () => {
    await worker?.kill();
    await client.close();
    await broker.stop();
    bank.close();
    bank.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  it('lists a saga that is stuck, shows its timeline, and sends it on its way', async () => {
    await client.send('transfers', { id: 't-1' }, { messageId: 'm-1' });
    await worker?.line((line) => line.msg === 'saga transfer t-1 is stuck');
    await worker?.line((line) => line.msg === 'dead-lettered');

    const lines = (worker?.lines ?? []).filter(({ level, msg }) => level === 50 && msg !== 'dead-lettered');
    expect(
      lines.map(({ msg }) => msg),
      'it is told once',
    ).to.deep.equal(['saga transfer t-1 is stuck']);

    const listed = await saga('ls', '--stuck');
    expect(listed.text).to.match(/ID +SAGA +STANDS/);
    expect(listed.text).to.match(/t-1 +transfer +stuck/);
    const shown = await saga('show', 't-1');
    expect(shown.code).to.equal(0);
    for (const part of ['transfer t-1: stuck', 'started, version 1', 'move: begun', 'stuck at move: ERR_SAGA_IN_DOUBT'])
      expect(shown.text).to.include(part);

    status = 200;
    const elsewhere = await saga('resume', 't-1', '--pipelines', LETTERS);
    expect([elsewhere.code, elsewhere.text]).to.deep.equal([
      1,
      `✗ no pipeline in ${LETTERS} has saga "transfer" for its handle; name its queue by --queue, or another folder by --pipelines`,
    ]);
    const resumed = await saga('resume', 't-1', '--pipelines', STUCK);
    expect(resumed.text).to.include('1 letter');
    expect(resumed.code).to.equal(0);
    await eventually(
      'it is completed',
      async () => (await saga('show', 't-1')).text.includes('transfer t-1: completed'),
      30_000,
    );
    const told = JSON.parse((await saga('ls', '--all', '--json')).text) as { sagas: readonly object[] };
    expect(told).to.have.all.keys('journal', 'sagas');
    expect(told.sagas).to.have.length(1);
    expect(told.sagas[0]).to.include({ id: 't-1', name: 'transfer', standing: 'completed' });
    expect((await saga('resume', 't-1', '--pipelines', STUCK)).text).to.include('is completed, not stuck');
  });

  it('gives a saga up, once and for all', async () => {
    status = 500;
    await client.send('transfers', { id: 't-2' }, { messageId: 'm-2' });
    await worker?.line((line) => line.msg === 'saga transfer t-2 is stuck');
    await eventually('it is dead-lettered', async () => (await saga('ls', '--stuck')).text.includes('t-2'), 30_000);
    const asked = await saga('abandon', 't-2');
    expect(asked).to.deep.include({ code: 2 });
    expect(asked.text).to.include('--yes: is needed where there is no terminal');
    const abandoned = await saga('abandon', 't-2', '--yes');
    expect(abandoned.text).to.include('saga "transfer" t-2 is abandoned');
    expect(abandoned.code).to.equal(0);
    expect((await saga('abandon', 't-2', '--yes')).text).to.include('has ended: abandoned');
    status = 200;
    await client.send('transfers', { id: 't-2' }, { messageId: 'm-2' });
    await worker?.line((line) => line.code === 'ERR_SAGA_ABANDONED');
  });

  it('fails where there is no dead letter to give back, and says what to do', async () => {
    status = 500;
    await client.send('transfers', { id: 't-3' }, { messageId: 'm-3' });
    await worker?.line((line) => line.code === 'ERR_SAGA_IN_DOUBT' && line.messageId === 'm-3');
    await eventually('its letter is dropped', async () => {
      const letters = await client.drain('transfers.dead');
      return letters.some(({ properties }) => properties.messageId === 'm-3');
    });
    const resumed = await saga('resume', 't-3', '--pipelines', STUCK);
    expect(resumed.text).to.match(/^✗ no dead letter of transfers is its message m-3/);
    expect(resumed.code).to.equal(1);

    status = 200;
    await client.send('transfers', { id: 't-3' }, { messageId: 'm-3' });
    await eventually('it goes on', async () => (await saga('show', 't-3')).text.includes('t-3: completed'), 30_000);
  });

  it('gives a saga that waits the letter somebody made of its message, and it goes on', async () => {
    status = undefined;
    const askedBefore = asked;
    await client.send('transfers', { id: 't-4' }, { messageId: 'm-4' });
    await eventually('the bank is asked', () => asked > askedBefore, 30_000);
    expect(await worker?.cutShort(), 'not all was done').to.equal(3);
    const drained: unknown[] = [];
    await eventually('it lies in its queue again', async () => {
      drained.push(...(await client.drain('transfers')).map(({ properties }) => properties.messageId));
      return drained.length > 0;
    });
    expect(drained).to.deep.equal(['m-4']);
    expect((await saga('ls')).text).to.match(/t-4 +transfer +waiting/);

    const none = await saga('resume', 't-4', '--pipelines', STUCK);
    expect(none.text).to.include('no dead letter of transfers is its message m-4');
    expect(none.code).to.equal(1);
    await client.send('transfers.dead', { id: 't-4' }, { messageId: 'm-4' });
    await client.send('transfers.dead', { id: 't-5' }, { messageId: 'm-5' });
    const resumed = await saga('resume', 't-4', '--pipelines', STUCK);
    expect(resumed.text).to.include('"transfer" t-4 waits: its message comes by itself, unless it is among the dead');
    expect(resumed.text).to.include('retried 1 of 1 asked for, 2 letters looked at');
    expect(resumed.code).to.equal(0);
    const left = await client.drain('transfers.dead');
    expect(
      left.map(({ properties }) => properties.messageId),
      'letters of others stay',
    ).to.deep.equal(['m-5']);

    status = 200;
    worker = startSluice(['run', STUCK], environment);
    await eventually('it goes on', async () => (await saga('show', 't-4')).text.includes('t-4: completed'), 30_000);
    expect((await saga('show', 't-4')).text.match(/started, version 1/g), 'the same saga').to.have.length(1);
  });

  it('says what it cannot find, and what is not configured', async () => {
    const unknown = await saga('show', 'nobody');
    expect(unknown).to.deep.include({ code: 1 });
    expect(unknown.text).to.include('no saga "nobody" in file ');
    const bare = await run(['saga', 'ls'], {});
    expect(bare).to.deep.include({ code: 2 });
    expect(bare.text).to.include('SLUICE_JOURNAL_FILE: is not set, nor is SLUICE_JOURNAL_URL; set the one');
    const misspelt = join(folder, 'jornal.db');
    for (const args of [
      ['saga', 'ls'],
      ['saga', 'show', 'w-1'],
      ['journal', 'compact'],
    ]) {
      const { code, text } = await run(args, { SLUICE_JOURNAL_FILE: misspelt });
      expect([code, text.split('\n')[0]], args.join(' ')).to.deep.equal([
        2,
        `✗ environment: SLUICE_JOURNAL_FILE: there is no file ${misspelt}: a worker makes it at its start; name the one that the workers have`,
      ]);
    }
    expect((await saga('ls', '--limit', '0')).text).to.include('expected an integer from 1 to 999999');
  });

  it('S14: keeps the file and what lies beside it for its owner alone', () => {
    for (const suffix of ['', '-wal', '-shm'])
      expect(statSync(`${environment.SLUICE_JOURNAL_FILE}${suffix}`).mode & 0o077, suffix).to.equal(0);
  });

  it('compacts, and counts what is left', async () => {
    const { code, text } = await run(['journal', 'compact'], environment);
    expect(code).to.equal(0);
    expect(text).to.match(/0 entries forgotten\n {2}saga transfer: \d (abandoned|completed)/);
    const migrated = await run(['journal', 'migrate'], environment);
    expect(migrated.text).to.include('nothing to do');
    const told = await run(['journal', 'migrate', '--json'], environment);
    expect(Object.keys(JSON.parse(told.text) as object)).to.deep.equal(['journal']);
  });
});

describe('a journal that cannot be used as it is configured', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-journals-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('keeps a worker from starting, and says why', async () => {
    const notes = join(folder, 'notes.txt');
    writeFileSync(notes, 'these are my notes, and no database at all');
    const base = { BANK_URL: 'http://127.0.0.1:1' };
    const noDatabase = await run(['run', STUCK], { ...base, SLUICE_JOURNAL_FILE: notes });
    expect(noDatabase).to.deep.include({ code: 2 });
    expect(noDatabase.text).to.include('which is no SQLite database');
    const noFolder = await run(['run', STUCK], { ...base, SLUICE_JOURNAL_FILE: join(folder, 'not', 'there.db') });
    expect(noFolder).to.deep.include({ code: 2 });
    expect(noFolder.text).to.include('which cannot be written to');
  });
});

describeWithPostgres('sluice journal migrate', (postgres) => {
  it('makes the tables, once; without them no worker starts', async () => {
    const url = postgres().createDatabase('journal_migrate');
    const environment = { SLUICE_JOURNAL_URL: url, BANK_URL: 'http://127.0.0.1:1' };
    const before = await run(['run', STUCK], environment);
    expect(before).to.deep.include({ code: 2 });
    expect(before.text).to.include('its tables are missing; run `sluice journal migrate`');
    const [first, second] = await Promise.all([
      run(['journal', 'migrate'], environment),
      run(['journal', 'migrate'], environment),
    ]);
    expect([first.code, second.code], `${first.text}\n${second.text}`).to.deep.equal([0, 0]);
    expect((await run(['journal', 'migrate'], environment)).text).to.include('of version 1 already');
    const told = await run(['journal', 'migrate', '--json'], environment);
    expect(JSON.parse(told.text)).to.include({ from: 1, to: 1 });
    expect((await run(['saga', 'ls'], environment)).text).to.include('no sagas that have not ended');
    expect((await run(['journal', 'compact', '--json'], environment)).text).to.include('"forgotten":0');
  });
});

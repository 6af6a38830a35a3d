/** A worker whose broker is not there when it starts, or has moved, and one that stops its own event loop. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { startEmbeddedBroker } from '../../src/cli/embedded-broker.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('a worker and a broker that is not there', function () {
  this.timeout(120_000);
  let run: WorkerProcess | undefined;
  afterEach(() => run?.kill());

  it('F4: ends with exit code 4 and the reason where it has to start within a time', async () => {
    const port = await freePort();
    run = startSluice(['run', fixture('hanging')], {
      AMQP_URL: `amqp://guest:canary@127.0.0.1:${port}`,
      SLUICE_START_WITHIN: '3s',
    });
    expect(await run.exit).to.equal(4);
    const { error } = await run.line(({ msg }) => msg === 'the worker cannot go on');
    expect((error as { message: string }).message)
      .to.match(/^not started within 3000 ms: (connecting|lost): .*ECONNREFUSED/)
      .and.include(String(port));
    expect(JSON.stringify(run.lines)).to.not.contain('canary');
  });

  it('S11: warns where password and messages go to another machine in plain text, and shows neither', async () => {
    // Loopback by an address that does not look like it.
    const url = 'amqp://worker:canary@[::ffff:127.0.0.1]:1/v';
    run = startSluice(['run', fixture('hanging')], { AMQP_URL: url, SLUICE_START_WITHIN: '300ms' });
    expect(await run.exit).to.equal(4);
    const { brokers } = await run.line(({ msg }) => String(msg).startsWith('the broker is reached without TLS'));
    expect(brokers).to.deep.equal(['amqp://[::ffff:7f00:1]:1/v']);
    expect(JSON.stringify(run.lines)).to.not.contain('canary');
  });

  for (const [title, args] of [
    ['a worker', ['run', fixture('plain')]],
    ['the parent of several workers', ['run', fixture('plain'), '--workers', '2']],
  ] as const)
    it(`S11: ${title} warns once where APIs on other machines are told secrets in plain text, and shows none`, async () => {
      run = startSluice(args, {
        AMQP_URL: `amqp://guest:guest@127.0.0.1:${await freePort()}`,
        SLUICE_START_WITHIN: '300ms',
        PLAIN_SECRET: 'canary-of-an-api',
      });
      await run.exit;
      const told = run.lines.filter(({ msg }) => String(msg).startsWith('an API is told a secret without TLS'));
      expect(told.map(({ apis }) => apis)).to.deep.equal([
        ['payment: baseUrl http://payment.internal:4002', 'ledger: auth.tokenUrl http://tokens.internal'],
      ]);
      expect(JSON.stringify(run.lines)).to.not.contain('canary');
    });

  it('S11: a front door alone warns of a broker in plain text too', async () => {
    run = startSluice(['serve', fixture('entered'), '--port', '0'], {
      AMQP_URL: 'amqp://worker:canary@[::ffff:127.0.0.1]:1/v',
      SHOP_KEY: 'shop-key-0123456789',
    });
    const { brokers } = await run.line(({ msg }) => String(msg).startsWith('the broker is reached without TLS'));
    expect(brokers).to.deep.equal(['amqp://[::ffff:7f00:1]:1/v']);
  });

  it('F4: waits for it by default, says why in one line and in /readyz, and consumes when it is there', async () => {
    const port = await freePort();
    run = startSluice(['run', fixture('hanging')], { AMQP_URL: `amqp://guest:guest@127.0.0.1:${port}` });
    const { dashboard: health } = await run.line(({ msg }) => msg === 'sluice is starting');
    const readiness = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
      const response = await fetch(`${health}/readyz`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    await run.line(({ msg }) => msg === 'no connection to the broker');
    await eventually(
      'several attempts are told as one',
      async () => /ECONNREFUSED/.test(String((await readiness()).body.broker)),
      30_000,
    );
    expect(await readiness()).to.deep.include({ status: 503 });
    expect(run.lines.filter(({ msg }) => msg === 'no connection to the broker')).to.have.length(1);

    const broker = await startEmbeddedBroker(port);
    await consuming(run, ['hanging']);
    // It consumes on one connection and publishes on another.
    await eventually('both connections are there', async () => (await readiness()).body.broker === undefined, 30_000);
    expect((await readiness()).body).to.deep.equal({ status: 'ready', state: 'running', waiting: {} });
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
    await broker.stop();
  });

  it('F24: finds a broker that has moved, with other credentials, by the file its address stands in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
    const file = join(folder, 'url');
    writeFileSync(file, `amqp://guest:canary@127.0.0.1:${await freePort()}`);
    run = startSluice(['run', fixture('hanging')], { AMQP_URL_FILE: file });
    await run.line(({ msg }) => msg === 'no connection to the broker');
    const broker = createEmbeddedBroker();
    const { url } = await broker.start();
    writeFileSync(file, url);
    await consuming(run, ['hanging']);
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
    expect(JSON.stringify(run.lines)).to.not.contain('canary');
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  it('F31: a worker whose event loop stood still for three heartbeats says so, connects again, and loses nothing', async () => {
    const broker = createEmbeddedBroker();
    const { url } = await broker.start();
    run = startSluice(['run', fixture('blocking')], { AMQP_URL: `${url}?heartbeat=1` });
    await consuming(run, ['blocking']);
    const client = await connectClient(url);
    await client.send('blocking', { blockMs: 4_000 });
    const { blockedMs } = await run.line(({ msg }) => msg?.startsWith('the event loop was blocked') === true);
    expect(blockedMs).to.be.a('number').above(1_000);
    await run.line(({ msg }) => msg === 'connected to the broker again');
    // Whether the broker saw the ack of the first before it gave the worker up is open; what comes behind it is done after it in any case.
    await client.send('blocking', { blockMs: 0 }, { messageId: 'behind' });
    await run.line(({ msg, messageId }) => msg === 'done' && messageId === 'behind');
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
    expect((await client.channel.checkQueue('blocking')).messageCount).to.equal(0);
    await client.close();
    await broker.stop();
  });
});

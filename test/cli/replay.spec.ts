/** `sluice run --record` and `sluice replay`, as their users run them, on the embedded broker. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

const CARD = '4242-4242-4242-4242';

describe('a recording', function recordings() {
  this.timeout(180_000);
  const broker = createEmbeddedBroker();
  const started: WorkerProcess[] = [];
  let url: string;
  let client: BrokerClient;
  let bank: Server;
  let folder: string;
  const inFolder = (name: string): string => join(folder, name);

  const sluice = (...args: readonly string[]): WorkerProcess => {
    const { port } = bank.address() as AddressInfo;
    const worker = startSluice(args, { AMQP_URL: url, SLUICE_TEST_BANK_URL: `http://127.0.0.1:${port}` });
    started.push(worker);
    return worker;
  };
  const saidBy = ({ lines }: WorkerProcess): string => lines.map((line) => line.text ?? line.msg).join('\n');

  before(async () => {
    folder = mkdtempSync(join(import.meta.dirname, 'written-'));
    ({ url } = await broker.start());
    client = await connectClient(url);
    bank = createServer((request, response) => {
      request.resume().once('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ receipt: `for ${request.url}`, card: CARD }));
      });
    });
    await new Promise<void>((resolve) => bank.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
  });
  after(async () => {
    await client.close();
    await broker.stop();
    await new Promise((resolve) => bank.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  it('is made of a run, for its owner alone, without what its schemas call a secret', async () => {
    const worker = sluice('run', fixture('recorded'), '--record', inFolder('day.jsonl'));
    await worker.line(({ msg }) => msg?.startsWith('recording messages') === true);
    await consuming(worker, ['shop']);
    const results = await client.collect('shop');
    await client.send('shop.orders', { id: 'o-1', card: CARD }, { messageId: 'm-1' });
    await client.send(
      'shop.orders',
      { id: 'o-2', card: CARD, gift: CARD },
      { messageId: 'm-2', headers: { card: CARD } },
    );
    await results.next(2);
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);

    const text = readFileSync(inFolder('day.jsonl'), 'utf8');
    expect(text).to.not.contain(CARD);
    expect(text).to.contain('"receipt":"for /payments/o-1"').and.contain('"card":"redacted-');
    expect(statSync(inFolder('day.jsonl')).mode & 0o777).to.equal(0o600);
    expect(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')).to.include({ kind: 'ended', reason: 'stopped' });
  });

  it('is replayed as it was, and becomes a marble spec that passes', async () => {
    const replay = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), '--tolerance', '1h');
    expect(await replay.exit, saidBy(replay)).to.equal(0);
    expect(saidBy(replay)).to.contain('2 messages replayed, all as recorded').and.contain('written: ');

    const spec = inFolder('day.spec.ts');
    expect(readFileSync(spec, 'utf8')).to.contain("import shop from '../../fixtures/recorded/shop.ts';");
    const mocha = fileURLToPath(new URL('../../node_modules/mocha/bin/mocha.js', import.meta.url));
    const args = ['--import', 'tsx', '--conditions=sluice-source', mocha, '--no-config', spec];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
    expect(stdout, stdout + stderr).to.contain('1 passing');
  });

  it('shows what a changed pipeline does otherwise', async () => {
    const changed = fixture('recorded-changed');
    const args = ['--message', 'm-1', '--tolerance', '1h', '--spec', inFolder('changed.spec.ts')];
    const replay = sluice('replay', inFolder('day.jsonl'), changed, ...args);
    expect(await replay.exit).to.equal(1);
    const said = saidBy(replay);
    expect(said).to.contain('message m-1 of shop goes another way than it was recorded');
    expect(said).to.match(/recorded: .*A.*\n.*replayed: .*B/);
    expect(said).to.contain("B = published(exchange('shop', 'order.settled')");
    expect(said).to.contain('left out: 1 message, not asked for').and.contain('1 message replayed, 1 otherwise');
  });

  it('is told to a program as one value', async () => {
    const args = ['--tolerance', '1h', '--spec', inFolder('told.spec.ts'), '--json'];
    const replay = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), ...args);
    expect(await replay.exit, saidBy(replay)).to.equal(0);
    const told = { messages: 2, changed: [], leftOut: [], spec: inFolder('told.spec.ts') };
    expect(JSON.parse(saidBy(replay))).to.deep.equal(told);
  });

  it('is written over by nobody, nor is a spec that a person wrote', async () => {
    const again = sluice('run', fixture('recorded'), '--record', inFolder('day.jsonl'));
    expect(await again.exit).to.equal(2);
    expect(saidBy(again)).to.contain('is there already; a recording is written to a new file');

    writeFileSync(inFolder('mine.spec.ts'), 'it is mine');
    const replay = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), '--spec', inFolder('mine.spec.ts'));
    expect(await replay.exit).to.equal(2);
    expect(saidBy(replay)).to.contain('was not written by sluice replay');
  });

  it('has to be one, and an option that means nothing is refused', async () => {
    writeFileSync(inFolder('no.jsonl'), '{"kind":"recording","version":99}\n');
    const replay = sluice('replay', inFolder('no.jsonl'), fixture('recorded'));
    expect(await replay.exit).to.equal(2);
    expect(saidBy(replay)).to.contain('no.jsonl: line 1: expected the head of a recording of version 1');
    const late = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), '--tolerance', 'soon');
    expect(await late.exit).to.not.equal(0);
    expect(saidBy(late)).to.contain('--tolerance');
    const absent = sluice('replay', inFolder('gone.jsonl'), fixture('recorded'));
    expect(await absent.exit).to.equal(2);
    expect(saidBy(absent)).to.contain('gone.jsonl: there is no such file; "sluice run --record');
    const nowhere = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), '--spec', inFolder('no/x.spec.ts'));
    expect(await nowhere.exit).to.equal(2);
    expect(saidBy(nowhere)).to.contain(`x.spec.ts: there is no folder ${inFolder('no')}; make it, or`);
    expect(saidBy(nowhere)).to.not.contain('    at ');
  });

  it('names a message that is asked for and is not in it', async () => {
    const replay = sluice('replay', inFolder('day.jsonl'), fixture('recorded'), '--message', 'm-9');
    expect(await replay.exit).to.equal(1);
    const said = saidBy(replay);
    expect(said).to.contain(
      'left out: 2 messages, not asked for\nnothing was replayed\nno spec: no message was replayed',
    );
    expect(said).to.contain(`--message: no message m-9 is in ${inFolder('day.jsonl')}`);
  });

  it('names messages it leaves out', async () => {
    const lines = readFileSync(inFolder('day.jsonl'), 'utf8').split('\n');
    const torn = lines.filter((line) => !(line.includes('"settled"') && line.includes('"m-2"')));
    writeFileSync(inFolder('torn.jsonl'), torn.join('\n'));
    const replay = sluice('replay', inFolder('torn.jsonl'), fixture('recorded'), '--tolerance', '1h');
    expect(await replay.exit, saidBy(replay)).to.equal(0);
    expect(saidBy(replay)).to.contain('left out: 1 message (m-2), not settled when the recording ended');
  });
});

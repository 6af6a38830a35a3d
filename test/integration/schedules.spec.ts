/** A schedule and its workers: processes of their own that share a broker and a journal file; one is stopped in the middle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/testing/index.ts';
import { type BrokerClient, type Collector, connectClient } from '../support/broker-client.ts';
import { startSluice, type WorkerProcess } from '../support/worker-process.ts';

describe('a schedule and its workers', () => {
  const broker = createEmbeddedBroker();
  const workers: WorkerProcess[] = [];
  let url: string;
  let folder: string;
  let client: BrokerClient;
  let beats: Collector;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-schedule-'));
    ({ url } = await broker.start());
    client = await connectClient(url);
    beats = await client.collect('beats');
  });
  after(async () => {
    for (const worker of workers) await worker.kill();
    await client?.close();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (): WorkerProcess => {
    const worker = startSluice(['run', 'test/fixtures/beat'], {
      AMQP_URL: url,
      SLUICE_JOURNAL_FILE: join(folder, 'journal.db'),
    });
    workers.push(worker);
    return worker;
  };
  it('fires once for each moment, in order, and goes on when one of them is stopped', async function () {
    this.timeout(120_000);
    const first = start();
    start();
    await beats.next(3);
    first.signal('SIGTERM');
    expect(await first.exit).to.equal(0);
    const all = (await beats.next(beats.messages.length + 3)).map(({ body }) => String(body));
    expect(all).to.deep.equal([...new Set(all)].sort());
  });
});

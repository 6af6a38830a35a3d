/** A worker that is started with an SDK, as docs/tracing.md shows it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('sluice run with an SDK', () => {
  const broker = createEmbeddedBroker();
  let client: BrokerClient;
  let worker: WorkerProcess;

  before(async () => {
    const { url } = await broker.start();
    client = await connectClient(url);
    worker = startSluice(['run', fixture('flaky')], {
      AMQP_URL: url,
      NODE_OPTIONS: `--import=${fixture('tracing/collect-spans.mjs')}`,
    });
  });
  after(async () => {
    await worker.kill();
    await client.close();
    await broker.stop();
  });

  it('records the tries of a message and what it published as one trace, that its log lines name', async () => {
    await consuming(worker, ['flaky']);
    const results = await client.collect('flaky.out');
    const body = Buffer.from(JSON.stringify({ succeedsAt: 2 }));
    client.channel.publish('flaky.in', 'work.now', body, { messageId: 'm1' });
    const [result] = await results.next(1);
    const publish = await worker.line(({ span }) => span === 'publish flaky.out');
    await worker.line(({ msg }) => msg === 'done');
    await worker.line(({ span, spanId }) => span === 'process flaky' && spanId === publish.parentId);

    const spans = worker.lines.filter(({ span }) => span !== undefined);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).to.equal(1);
    const [first, second] = spans.filter(({ span }) => span === 'process flaky');
    expect(first?.parentId).to.equal(undefined);
    expect(second?.parentId).to.equal(first?.spanId);
    expect(result?.headers.traceparent).to.equal(`00-${String(publish.traceId)}-${String(publish.spanId)}-01`);
    expect(worker.lines.filter(({ messageId }) => messageId === 'm1').map(({ traceId }) => traceId)).to.include(
      publish.traceId,
    );

    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
  });
});

describe('the last spans of a process', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  const running: WorkerProcess[] = [];
  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  afterEach(() => Promise.all(running.splice(0).map((run) => run.kill())));
  after(async () => {
    await client.close();
    await broker.stop();
  });

  const start = (exporter: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const run = startSluice(args, {
      AMQP_URL: url,
      EXPORTER: exporter,
      NODE_OPTIONS: `--import=${fixture('tracing/batched-spans.mjs')}`,
      ...more,
    });
    running.push(run);
    return run;
  };
  const handleOne = async (worker: WorkerProcess): Promise<void> => {
    await consuming(worker, ['flaky']);
    await client.collect('flaky.out');
    client.channel.publish('flaky.in', 'work.now', Buffer.from(JSON.stringify({ succeedsAt: 1 })));
    await worker.line(({ msg }) => msg === 'done');
  };
  const spansOf = ({ lines }: WorkerProcess): unknown[] => lines.flatMap(({ span }) => span ?? []);
  const reasonsOf = ({ lines }: WorkerProcess): unknown[] =>
    lines.filter(({ msg }) => msg === 'the last spans may not have been sent').map(({ reason }) => reason);

  for (const args of [['run'], ['run', '--workers', '1']])
    it(`are sent before it ends, however slowly: ${args.join(' ')}`, async () => {
      const worker = start('is slow', [...args, fixture('flaky')]);
      await handleOne(worker);
      worker.signal('SIGTERM');
      expect(await worker.exit).to.equal(0);
      expect(spansOf(worker)).to.include.members(['own', 'process flaky', 'publish flaky.out']);
      expect(reasonsOf(worker)).to.deep.equal([]);
    });

  it('are sent by a front door alone', async () => {
    const more = { SLUICE_DOOR_PORT: '0', SHOP_KEY: 'shop-key-0123456789' };
    const door = start('is slow', ['serve', fixture('entered')], more);
    await door.line(({ msg }) => msg === 'the front door is open');
    door.signal('SIGTERM');
    expect(await door.exit).to.equal(0);
    expect(spansOf(door)).to.deep.equal(['own']);
  });

  it('arrive, those of a batch that is on its way already too', async () => {
    const worker = start('is on its way', ['run', fixture('flaky')]);
    await handleOne(worker);
    await worker.line(({ exporting }) => Array.isArray(exporting) && exporting.includes('own'));
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
    expect(spansOf(worker)).to.include.members(['own', 'process flaky', 'publish flaky.out']);
  });

  for (const [exporter, reason] of [
    ['fails', 'the collector is away'],
    ['throws', 'a mistake of the exporter'],
    ['hangs', 'not done within 3000 ms'],
  ] as const)
    it(`are told of in one line, and change nothing, where their exporter ${exporter}`, async () => {
      const worker = start(exporter, ['run', fixture('flaky')]);
      await handleOne(worker);
      worker.signal('SIGTERM');
      expect(await worker.exit).to.equal(0);
      expect(reasonsOf(worker)).to.deep.equal([reason]);
    });

  it('keep nobody who asks again the parent of the workers', async () => {
    const worker = start('hangs', ['run', '--workers', '1', fixture('flaky')]);
    await consuming(worker, ['flaky']);
    worker.signal('SIGTERM');
    await worker.line(({ exporting }) => exporting !== undefined);
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
    expect(reasonsOf(worker)).to.deep.equal(['SIGTERM came twice']);
  });

  it('keep nobody who asks again, nor does the exit code change of a worker that was cut short', async () => {
    const worker = start('hangs', ['run', fixture('hanging')]);
    await consuming(worker, ['hanging']);
    client.channel.sendToQueue('hanging', Buffer.from(JSON.stringify({ hangs: true })));
    await worker.line(({ msg }) => msg === 'handled');
    worker.signal('SIGTERM');
    await worker.line(({ msg }) => msg?.startsWith('asked to stop') === true);
    worker.signal('SIGTERM');
    await worker.line(({ exporting }) => exporting !== undefined);
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(3);
    expect(reasonsOf(worker)).to.deep.equal(['SIGTERM came again']);
  });
});

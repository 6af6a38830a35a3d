/** A worker that is started with an SDK, as docs/tracing.md shows it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('sluice run with an SDK', function () {
  this.timeout(30_000);
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

/** A real worker, looked at from outside: its log, its metrics, its health; and the secrets that must be in none of them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('a worker, looked at from outside', function () {
  this.timeout(120_000);
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  let apiServer: Server;
  let apiUrl: string;
  const seenByApi: string[] = [];
  const started: WorkerProcess[] = [];

  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
    // Answers with what it was told: an API may echo a key.
    apiServer = createServer((request, response) => {
      seenByApi.push(JSON.stringify(request.headers));
      response.writeHead(request.url?.includes('fails') ? 500 : request.url?.includes('refuses') ? 422 : 200, {
        'content-type': 'application/json',
        'x-echo': String(request.headers['x-api-key'] ?? request.headers.authorization),
      });
      response.end(JSON.stringify({ echo: request.headers }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => apiServer.once('listening', resolve));
    apiUrl = `http://127.0.0.1:${(apiServer.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
  });
  after(async () => {
    await client.close();
    await broker.stop();
    apiServer.closeAllConnections();
    apiServer.close();
  });

  const sluice = (args: readonly string[], environment: Record<string, string> = {}): WorkerProcess => {
    const worker = startSluice(args, { AMQP_URL: url, ...environment });
    started.push(worker);
    return worker;
  };

  it('shows no secret of any configuration slot in any output', async () => {
    const canaries = {
      key: 'canary-key-5d1f',
      header: 'canary-header-93ab',
      bearer: 'canary-bearer-77e0',
      amqp: 'canary-amqp-c0de',
      token: 'canary-token-31415926',
    };
    const password = new URL(url);
    password.username = 'guest';
    password.password = 'guest';
    const worker = sluice(['run', fixture('canary')], {
      LOG_LEVEL: 'trace',
      // The first broker is not there: its failure is told too.
      AMQP_URL: `amqp://canary:${canaries.amqp}@127.0.0.1:1/%2F,${password.href}`,
      SLUICE_TOKEN: canaries.token,
      CANARY_API_URL: apiUrl,
      CANARY_API_KEY: canaries.key,
      CANARY_HEADER: canaries.header,
      CANARY_BEARER: canaries.bearer,
    });
    await consuming(worker, ['canary']);
    const { dashboard: health } = await worker.line(({ msg }) => msg === 'sluice is starting');
    const paths = ['/ok', '/fails', '/refuses', '/borne/ok', '/borne/fails', '/borne/refuses'];
    for (const path of paths) await client.send('canary', { path }, { messageId: path });
    await client.send('canary', { wrong: true }, { messageId: 'wrong' });
    await eventually(
      'they are dead-lettered',
      async () => (await client.channel.checkQueue('canary.dead')).messageCount === 7,
      30_000,
    );
    const authorization = `Bearer ${canaries.token}`;
    const outputs: string[] = [];
    for (const path of ['/metrics', '/readyz', '/livez', '/nowhere'])
      for (const headers of [{ authorization }, {}])
        outputs.push(await (await fetch(`${health}${path}`, { headers })).text());
    outputs.push(await (await fetch(`${health}/metrics`, { method: 'POST', headers: { authorization } })).text());
    const letters = await client.drain('canary.dead');
    outputs.push(...letters.map(({ headers, properties }) => JSON.stringify({ headers, properties })));
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
    outputs.push(...worker.lines.map((line) => JSON.stringify(line)));

    // They were used, and an author's log line that holds one shows its mask.
    for (const used of [canaries.key, canaries.header, canaries.bearer])
      expect(
        seenByApi.some((headers) => headers.includes(used)),
        used,
      ).to.equal(true);
    expect(worker.lines.find(({ msg }) => msg === 'an author logs a secret')?.key).to.equal('[secret]');
    expect(outputs.join('\n')).to.include('sluice_settlements_total').and.include('ERR_HTTP_STATUS');
    for (const canary of Object.values(canaries))
      for (const output of outputs)
        expect(output.includes(canary), `${canary} in ${output.slice(0, 300)}`).to.equal(false);
  });

  it('carries pipeline, message, conversation, trace and attempt in every line of a message', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const worker = sluice(['run', fixture('canary')], {
      LOG_LEVEL: 'trace',
      CANARY_API_URL: apiUrl,
      CANARY_API_KEY: 'k',
      CANARY_HEADER: 'h',
      CANARY_BEARER: 'b',
    });
    await consuming(worker, ['canary']);
    const body = Buffer.from(JSON.stringify({ path: '/fails' }));
    client.channel.sendToQueue('canary', body, { messageId: 'm-1', correlationId: 'c-1', headers: { traceparent } });
    await worker.line(({ msg }) => msg === 'dead-lettered');
    const lines = worker.lines.filter(({ messageId }) => messageId !== undefined);
    const about = { pipeline: 'canary', messageId: 'm-1', correlationId: 'c-1', traceId: traceparent.split('-')[1] };
    for (const line of lines) {
      expect(line).to.deep.include(about);
      expect(line.attempt).to.be.within(1, 2);
    }
    const loud = lines.filter(({ level = 0 }) => level >= 40).map(({ msg, attempt }) => [msg, attempt]);
    expect(loud).to.deep.equal([
      ['call failed, another attempt follows', 1],
      ['failed, will be tried again', 1],
      ['call failed, another attempt follows', 2],
      ['dead-lettered', 2],
    ]);
    await client.drain('canary.dead');
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
    expect(worker.lines.find(({ msg }) => msg === 'in the last 10 s')).to.deep.include({ retried: 1, deadLettered: 1 });
  });

  it('answers /metrics with books that balance, and with what lies in its queues', async () => {
    const worker = sluice(['run', fixture('hanging')]);
    await consuming(worker, ['hanging']);
    const { dashboard: health } = await worker.line(({ msg }) => msg === 'sluice is starting');
    for (let n = 0; n < 20; n++) await client.send('hanging', { hangs: false }, { messageId: `f${n}` });
    const read = async (): Promise<string> => (await fetch(`${health}/metrics`)).text();
    await eventually('all are done', async () =>
      (await read()).includes('sluice_ledger{pipeline="hanging",account="acked"} 20'),
    );
    const text = await read();
    expect(text).to.include('sluice_settlements_total{pipeline="hanging",settlement="ack",code=""} 20');
    expect(text).to.include('sluice_processing_seconds_count{pipeline="hanging",settlement="ack"} 20');
    expect(text).to.include('sluice_ledger_unbalanced{pipeline="hanging"} 0');
    await eventually('it has looked into its queues', async () =>
      (await read()).includes('sluice_queue_messages{queue="hanging.dead"} 0'),
    );
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
  });

  it('loses no line at its end, however fast they come', async () => {
    const worker = sluice(['run', fixture('crashing')], { LOG_LEVEL: 'trace' });
    await worker.line(({ msg }) => msg === 'consuming');
    await client.send('crashing', { crash: true });
    expect(await worker.exit).to.equal(1);
    expect(worker.lines.some(({ msg }) => msg === 'the worker cannot go on')).to.equal(true);
    expect(worker.lines.slice(-2).map(({ msg }) => msg)).to.deep.equal(['in the last 10 s', 'worker stopped']);
  });

  it('writes for people where it is asked to: what was loaded, what it connects to, where to look', async () => {
    const worker = sluice(['run', 'pipelines'], { LOG_FORMAT: 'pretty', NO_COLOR: '1' });
    const text = (): string => worker.lines.map((line) => String(line.text)).join('\n');
    await eventually('it has started', () => text().includes('worker running'), 30_000);
    expect(text()).to.match(/order-processing +orders\.placed → inventory, payment, shipping/);
    expect(text()).to.match(/broker +amqp:\/\/127\.0\.0\.1:\d+/);
    expect(text()).to.match(/look at +http:\/\/127\.0\.0\.1:\d+/);
    expect(text()).to.match(/\d\d:\d\d:\d\d\.\d{3} INFO {2}worker running/);
    expect(text()).not.to.include('guest');
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
  });
});

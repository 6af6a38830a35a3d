/** A real worker, looked at from outside: its log, its metrics, its health; and the secrets that must be in none of them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { Frame } from '../../src/dashboard/wire.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

/** The token an API's authorization server gives. */
const GRANTED = 'canary-granted-2b7e1516';

/** What the APIs of the fixture are told, where it does not matter what. */
const told = (apiUrl: string): Record<string, string> => ({
  CANARY_API_URL: apiUrl,
  CANARY_TOKEN_URL: `${apiUrl}/token`,
  CANARY_API_KEY: 'k',
  CANARY_HEADER: 'h',
  CANARY_BEARER: 'b',
  CANARY_BASIC: 'p',
  CANARY_CLIENT_SECRET: 's',
});

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
      if (request.url === '/token') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ access_token: GRANTED, token_type: 'bearer', expires_in: 3_600 }));
        return;
      }
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

  /** What a browser that comes is told first. */
  const firstFrame = async (events: string, authorization: string): Promise<string> => {
    const leaving = new AbortController();
    const response = await fetch(events, { headers: { authorization }, signal: leaving.signal });
    let text = '';
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      if (text.includes('\n\n')) break;
    }
    leaving.abort();
    return text.slice(text.indexOf('data: ') + 6, text.indexOf('\n\n'));
  };
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
      basic: 'canary-basic-27182818',
      client: 'canary-client-16180339',
      granted: GRANTED,
      keySecret: 'canary-key-secret-14142135',
    };
    const basic = Buffer.from(`somebody:${canaries.basic}`).toString('base64');
    const client64 = Buffer.from(`somebody:${canaries.client}`).toString('base64');
    const password = new URL(url);
    password.username = 'guest';
    password.password = 'guest';
    const worker = sluice(['run', fixture('canary')], {
      LOG_LEVEL: 'trace',
      // As in our images.
      NODE_OPTIONS: '--disable-proto=delete',
      // The first broker is not there: its failure is told too.
      AMQP_URL: `amqp://canary:${canaries.amqp}@127.0.0.1:1/%2F,${password.href}`,
      SLUICE_TOKEN: canaries.token,
      SLUICE_KEY_SECRET: canaries.keySecret,
      ...told(apiUrl),
      CANARY_API_KEY: canaries.key,
      CANARY_HEADER: canaries.header,
      CANARY_BEARER: canaries.bearer,
      CANARY_BASIC: canaries.basic,
      CANARY_CLIENT_SECRET: canaries.client,
    });
    await consuming(worker, ['canary']);
    const { dashboard: health } = await worker.line(({ msg }) => msg === 'sluice is starting');
    const paths = ['', '/borne', '/known', '/granted'].flatMap((api) =>
      ['/ok', '/fails', '/refuses'].map((end) => `${api}${end}`),
    );
    for (const path of paths) await client.send('canary', { path }, { messageId: path });
    await client.send('canary', { wrong: true }, { messageId: 'wrong' });
    await eventually(
      'they are dead-lettered',
      async () => (await client.channel.checkQueue('canary.dead')).messageCount === paths.length + 1,
      30_000,
    );
    const authorization = `Bearer ${canaries.token}`;
    const outputs: string[] = [];
    // The dashboard, and the story of every message it knows.
    const frame = await firstFrame(`${String(health)}/events`, authorization);
    const { recent = [] } = JSON.parse(frame) as Frame;
    expect(new Set(recent.map(({ messageId }) => messageId))).to.include.all.keys(paths);
    outputs.push(frame);
    for (const { key } of recent) {
      const [pipeline = '', id = '', tag = ''] = JSON.parse(key) as string[];
      const query = new URLSearchParams({ pipeline, id, tag });
      outputs.push(await (await fetch(`${String(health)}/story?${query}`, { headers: { authorization } })).text());
    }
    expect(outputs.at(-1)).to.include('"facts"');
    for (const path of ['/metrics', '/readyz', '/livez', '/nowhere', '/dead-letters', '/sagas'])
      for (const headers of [{ authorization }, {}])
        outputs.push(await (await fetch(`${health}${path}`, { headers })).text());
    outputs.push(await (await fetch(`${health}/metrics`, { method: 'POST', headers: { authorization } })).text());
    const letters = await client.drain('canary.dead');
    outputs.push(...letters.map(({ headers, properties }) => JSON.stringify({ headers, properties })));
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
    outputs.push(...worker.lines.map((line) => JSON.stringify(line)));

    // They were used, and an author's log line that holds one shows its mask.
    for (const used of [canaries.key, canaries.header, canaries.bearer, basic, canaries.granted])
      expect(
        seenByApi.some((headers) => headers.includes(used)),
        used,
      ).to.equal(true);
    expect(worker.lines.find(({ msg }) => msg === 'an author logs a secret')?.key).to.equal('[secret]');
    expect(outputs.join('\n')).to.include('sluice_settlements_total').and.include('ERR_HTTP_STATUS');
    for (const canary of [...Object.values(canaries), basic, client64])
      for (const output of outputs)
        expect(output.includes(canary), `${canary} in ${output.slice(0, 300)}`).to.equal(false);
  });

  it('shows no password of a journal that cannot be reached', async () => {
    const canary = 'canary-journal-31622776';
    const journal = { SLUICE_JOURNAL_URL: `postgres://somebody:${canary}@127.0.0.1:1/orders` };
    const run = sluice(['run', fixture('canary')], { ...told(apiUrl), ...journal, LOG_LEVEL: 'trace' });
    const asked = ['journal compact', 'journal migrate', 'saga ls --json'].map((line) =>
      sluice(line.split(' '), journal),
    );
    const away = /journal|127\.0\.0\.1:1/;
    await run.line((line) => away.test(JSON.stringify(line)));
    run.signal('SIGTERM');
    for (const command of [run, ...asked]) {
      await command.exit;
      const text = JSON.stringify(command.lines);
      expect(text).to.match(away);
      expect(text).not.to.include(canary);
    }
  });

  it('S1: shows nothing but health and pages without data to who has no token, of all that it serves', async () => {
    const token = 'token-of-this-test-0815';
    const worker = sluice(['run', fixture('beat')], { SLUICE_TOKEN: token });
    const { dashboard: base } = await worker.line(({ msg }) => msg === 'sluice is starting');
    await consuming(worker, ['beat']);
    const authorization = `Bearer ${token}`;
    const { error } = (await (await fetch(`${base}/nowhere`, { headers: { authorization } })).json()) as {
      error: string;
    };
    const paths = error.replace('there are ', '').split(', ');
    expect(paths).to.include.members([
      '/',
      '/livez',
      '/metrics',
      '/events',
      '/story',
      '/dead-letters/replay',
      '/sagas',
    ]);
    const open: string[] = [];
    for (const path of paths)
      for (const method of ['GET', 'POST']) {
        const body = method === 'POST' ? '{}' : null;
        const headers = { 'content-type': 'application/json', authorization: 'Bearer wrong' };
        const { status } = await fetch(`${base}${path}`, { method, headers, body, redirect: 'manual' });
        expect(status, `${method} ${path}`).to.be.oneOf([200, 401, 405, 503]);
        if (status === 200 || status === 503) open.push(`${method} ${path}`);
      }
    expect(open.sort()).to.deep.equal(
      ['/', '/dashboard.js', '/favicon.ico', '/icon.svg', '/livez', '/readyz', '/style.css'].map(
        (path) => `GET ${path}`,
      ),
    );
    for (const path of ['/livez', '/readyz'])
      expect(Object.keys((await (await fetch(`${base}${path}`)).json()) as object), path).to.deep.equal(['status']);
    worker.signal('SIGTERM');
    expect(await worker.exit).to.equal(0);
  });

  it('carries pipeline, message, conversation, trace and attempt in every line of a message', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const worker = sluice(['run', fixture('canary')], {
      LOG_LEVEL: 'trace',
      ...told(apiUrl),
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

/** Secrets that stand in files, private keys among them: a worker that reads and uses all of them shows none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Server as ApiServer, createServer as createApiServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type Server } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type Certified, describeWithAuthority } from '../http/test-authority.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const SEALED = fileURLToPath(new URL('../fixtures/sealed', import.meta.url));

describeWithAuthority('secrets in files', (authority) => {
  const broker = createEmbeddedBroker();
  let folder: string;
  let client: BrokerClient;
  let door: Server;
  let api: ApiServer;
  let run: WorkerProcess | undefined;
  /** Connections of the worker to the broker. */
  const inside = new Set<Socket>();
  const seenByApi: (string | undefined)[] = [];

  const portOf = async (server: Server): Promise<number> => {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    return (server.address() as AddressInfo).port;
  };
  const inFile = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
    const { url } = await broker.start();
    client = await connectClient(url);
    const asking = {
      ...authority().issue('localhost'),
      ca: authority().ca,
      requestCert: true,
      rejectUnauthorized: true,
    };
    // The embedded broker speaks no TLS: this does it for it.
    door = createTlsServer(asking, (outer) => {
      const inner = connect(Number(new URL(url).port), '127.0.0.1');
      for (const socket of [inner, outer]) socket.on('error', () => undefined);
      inside.add(outer);
      outer.on('close', () => inner.destroy());
      inner.on('close', () => outer.destroy());
      outer.pipe(inner).pipe(outer);
    });
    api = createApiServer(asking, (request, response) => {
      seenByApi.push(String(request.headers['x-api-key']));
      response.writeHead(request.url === '/fails' ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ echo: request.headers }));
    });
  });
  afterEach(() => run?.kill());
  after(async () => {
    await client.close();
    api.closeAllConnections();
    await Promise.all([door, api].map((server) => new Promise((resolve) => server.close(resolve))));
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  it('S4: are used, and shown in no output: passwords, tokens, keys, and the private keys of certificates', async function usesFiles() {
    this.timeout(120_000);
    const [amqp, outward] = [authority().issue('worker'), authority().issue('caller')];
    const canaries = { token: 'canary-token-27182818', apiKey: 'canary-key-31415926', salt: 'canary-salt-16180339' };
    const url = `amqps://guest:guest@localhost:${await portOf(door)}`;
    const absent = 'amqps://canary:canary-amqp-14142135@127.0.0.1:1';
    run = startSluice(['run', SEALED], {
      LOG_LEVEL: 'trace',
      AMQP_URL_FILE: inFile('url', `${absent},${url}\n`),
      SLUICE_AMQP_CA_FILE: inFile('ca.pem', authority().ca),
      SLUICE_AMQP_CERT_FILE: inFile('amqp.pem', amqp.cert),
      SLUICE_AMQP_KEY_FILE: inFile('amqp.key', amqp.key),
      SLUICE_TOKEN_FILE: inFile('token', canaries.token),
      SLUICE_KEY_SECRET_FILE: inFile('salt', canaries.salt),
      SEALED_API_URL: `https://localhost:${await portOf(api)}`,
      SEALED_API_KEY_FILE: inFile('key', canaries.apiKey),
      SEALED_CA_FILE: join(folder, 'ca.pem'),
      SEALED_CERT_FILE: inFile('out.pem', outward.cert),
      SEALED_KEY_FILE: inFile('out.key', outward.key),
    });
    const { dashboard } = await run.line(({ msg }) => msg === 'sluice is starting');
    await run.line(({ msg }) => msg === 'consuming');
    // At start the absent broker has made it log both outage and recovery already: only what comes after a mark counts.
    const mark = () => {
      const { lines } = run as WorkerProcess;
      const from = lines.length;
      return (what: string, fits: (line: LogLine) => boolean) =>
        eventually(what, () => lines.slice(from).some(fits), 60_000);
    };
    const dead = async (): Promise<number> => (await client.channel.checkQueue('sealed.dead')).messageCount;
    await client.send('sealed', { path: '/fine' }, { messageId: 'fine' });
    await client.send('sealed', { path: '/fails' }, { messageId: 'fails' });
    await eventually('one failed', async () => (await dead()) === 1, 30_000);
    // Halves of two pairs, as a rotation that went wrong leaves them, and then no key at all: what TLS says of them is told, too.
    inFile('amqp.key', outward.key);
    inFile('out.key', amqp.key);
    const swapped = mark();
    for (const socket of inside) socket.destroy();
    await swapped('its key is refused', ({ reason }) => /SLUICE_AMQP_KEY/.test(String(reason)));
    const mended = mark();
    inFile('amqp.key', amqp.key);
    inFile('out.key', `-----BEGIN PRIVATE KEY-----\ncanary-broken-17320508\n-----END PRIVATE KEY-----\n`);
    await mended('it is connected again', ({ msg }) => msg === 'connected to the broker again');
    // The API cuts what stands, so that the next call needs a new connection, and with it the key.
    api.closeAllConnections();
    await client.send('sealed', { path: '/fails' }, { messageId: 'broken' });
    // Not by the number of letters: the ack of the one before may have gone down with its connection, and then there are two of it.
    const isItsEnd = ({ messageId, settlement }: LogLine): boolean =>
      messageId === 'broken' && settlement === 'deadLetter';
    await eventually('it cannot call any more', () => (run as WorkerProcess).lines.some(isItsEnd), 30_000);

    const outputs: string[] = [];
    for (const path of ['/metrics', '/readyz', '/livez', '/nowhere', '/dead-letters', '/sagas'])
      for (const authorization of ['', `Bearer ${canaries.token}`])
        outputs.push(await (await fetch(`${String(dashboard)}${path}`, { headers: { authorization } })).text());
    const letters = await client.drain('sealed.dead');
    outputs.push(...letters.map(({ headers, properties }) => JSON.stringify({ headers, properties })));
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
    outputs.push(...run.lines.map((line) => JSON.stringify(line)));

    expect(seenByApi.slice(0, 2)).to.deep.equal([canaries.apiKey, canaries.apiKey]);
    expect(outputs.join('\n')).to.include('sluice_settlements_total').and.include('ERR_HTTP_STATUS');
    expect(run.lines.find(({ msg }) => msg === 'an author logs a key')?.key).to.equal('[secret]');
    const hidden = [...Object.values(canaries), 'canary-amqp-14142135', 'canary-broken-17320508'];
    for (const secret of [...hidden, ...[amqp, outward].flatMap(linesOfKey)])
      for (const output of outputs)
        expect(output.includes(secret), `${secret.slice(0, 24)} in ${output.slice(0, 300)}`).to.equal(false);
  });
});

/** Any of them in an output would be a piece of the key. */
const linesOfKey = ({ key }: Certified): readonly string[] =>
  key.split('\n').filter((line) => line.length > 30 && !line.startsWith('-----'));

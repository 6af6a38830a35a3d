import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Rates } from '../../../src/cli/rates.ts';
import { askWorker, faultOfAddress, metricsUrl } from '../../../src/cli/top/ask-worker.ts';
import { overviewOf } from '../../../src/cli/top/overview.ts';
import { Secret } from '../../../src/setting.ts';
import { describeWithAuthority } from '../../http/test-authority.ts';

const STRANGER = 'answers, and tells nothing of sluice: is that a worker of sluice?';
const NOBODY = 'does not answer; is a worker running there?';

const rejectionOf = (asked: Promise<unknown>): Promise<Error> =>
  asked.then(
    () => expect.fail('it was answered'),
    (error: Error) => error,
  );

describe('asking a worker for its metrics', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  const serve = async (answer: RequestListener): Promise<string> => {
    const server = createServer(answer).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const ask = async (answer: RequestListener, withinMs = 60_000) =>
    askWorker(metricsUrl(await serve(answer)), { stop: new AbortController().signal, withinMs });
  const refusalOf = async (answer: RequestListener, withinMs?: number): Promise<string> =>
    (await rejectionOf(ask(answer, withinMs))).message;

  it('reads a worker, and a parent none of whose workers runs, which tells nothing of the broker', async () => {
    const overview = async (text: string) =>
      overviewOf(await ask((_request, response) => response.end(text)), new Rates(), 0);
    expect(await overview('sluice_broker_connected 0\n')).to.include({ isConnected: false });
    expect(await overview('sluice_broker_connected 1\n')).to.include({ isConnected: true });
    expect(await overview('sluice_fleet_running{worker="1"} 0\n')).to.include({
      state: 'unknown',
      isConnected: undefined,
    });
  });

  it('takes no page that has the name in it for a worker, nor a program whose metrics begin so', async () => {
    for (const text of ['', '<pre>\nsluice_broker_connected\n</pre>', 'sluice_gates_open 3\n', 'up 1\n'])
      expect(await refusalOf((_request, response) => response.end(text)), text).to.equal(STRANGER);
  });

  it('follows no redirect', async () => {
    const refusal = await refusalOf((_request, response) => response.writeHead(302, { location: '/login' }).end());
    expect(refusal).to.equal('answered 302: is that a worker of sluice?');
  });

  it('reads no more than any worker tells', async () => {
    const chunk = Buffer.alloc(1_048_576, 'sluice_broker_connected 1\n');
    const refusal = await refusalOf((_request, response) => {
      // Without an end, as fast as it is read.
      const go = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', go);
      go();
    });
    expect(refusal).to.equal(STRANGER);
  });

  it('says of a body that stalls or breaks what it says of a head that does', async () => {
    const stalls: RequestListener = (_request, response) => void response.write('sluice_broker_connected 1\n');
    expect(await refusalOf(stalls, 100)).to.equal(NOBODY);
    expect(await refusalOf((request) => void request.socket.destroy())).to.equal(NOBODY);
    const breaks: RequestListener = (request, response) =>
      void response.write('sluice_broker_connected 1\n', () => request.socket.destroy());
    expect(await refusalOf(breaks)).to.equal(NOBODY);
  });

  it('gives up at once when it is told to', async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort());
    const asked = askWorker(metricsUrl(url), { stop: stop.signal, withinMs: 60_000 });
    expect((await rejectionOf(asked)).message).to.equal(NOBODY);
  });

  it('takes no user name and no password in its address, and shows none', () => {
    expect(faultOfAddress('http://127.0.0.1:8080')).to.equal(undefined);
    expect(faultOfAddress('https://ops.example/sluice')).to.equal(undefined);
    const refused = /^must not hold a user name or password: .* SLUICE_TOKEN/;
    for (const user of ['ops:canary', 'canary', ':canary', 'ops:ca%20nary'])
      expect(faultOfAddress(`http://${user}@127.0.0.1:8080`), user)
        .to.match(refused)
        .and.not.include('nary');
    const expected = 'expected the address that "sluice run" prints, like http://127.0.0.1:8080';
    for (const none of ['ftp://ops:canary@worker-3', 'ops:canary@worker-3:8080', 'http://ops:canary@worker 3'])
      expect(faultOfAddress(none), none).to.equal(expected);
    expect(faultOfAddress('worker-3:8080')).to.equal(`${expected}, got "worker-3:8080"`);
  });

  it('asks below the path that a proxy has given the worker', () => {
    expect(metricsUrl('http://127.0.0.1:8080').href).to.equal('http://127.0.0.1:8080/metrics');
    expect(metricsUrl('https://ops.example/sluice').href).to.equal('https://ops.example/sluice/metrics');
    expect(metricsUrl('https://ops.example/sluice/?a#b').href).to.equal('https://ops.example/sluice/metrics');
  });
});

describeWithAuthority('asking a worker behind TLS', (authority) => {
  it('S11: shows its token to nobody who is not certified, whatever the environment says, and tells why', async () => {
    let asked = 0;
    const server = createTlsServer(authority().issue('localhost'), (_request, response) => {
      asked++;
      response.end('sluice_broker_connected 1\n');
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `https://localhost:${(server.address() as AddressInfo).port}`;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const token = new Secret('canary-token-27182818');
      const refusal = await rejectionOf(askWorker(metricsUrl(address), { token, stop: new AbortController().signal }));
      expect(refusal.message).to.match(
        /^is not asked: certificate of localhost:\d+ is refused: its authority is not trusted .* NODE_EXTRA_CA_CERTS/,
      );
      expect(asked).to.equal(0);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      server.close();
      server.closeAllConnections();
    }
  });
});

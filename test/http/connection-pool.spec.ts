import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect } from 'chai';
import { firstValueFrom, type Subscription } from 'rxjs';
import { type Client, errors } from 'undici';
import { ConnectionPool } from '../../src/http/connection-pool.ts';
import { TransportError } from '../../src/http/transport.ts';
import { createUndiciLane, type UndiciLane } from '../../src/http/undici-lane.ts';

const request = (path: string) => ({ method: 'GET', path, body: undefined }) as const;

/** Connections that only say who has them: what breaks the pool shows in the same turn, and nobody waits for a socket. */
describe('ConnectionPool, of connections without sockets', () => {
  class Connection extends EventEmitter {
    isDestroyed = false;

    async destroy(): Promise<void> {
      this.isDestroyed = true;
    }
  }

  const poolOf = (connections: number) => {
    const opened: Connection[] = [];
    const pool = new ConnectionPool({
      open: () => {
        const connection = new Connection();
        opened.push(connection);
        return connection as unknown as Client;
      },
      connections,
      keepAliveMs: 1,
      connect: () => {},
    });
    const enter = () => {
      const sender = {
        before: undefined,
        behind: undefined,
        client: undefined as Client | undefined,
        failure: undefined as TransportError | undefined,
        sendOver: (client: Client) => {
          sender.client = client;
        },
        refuse: (failure: TransportError) => {
          sender.failure = failure;
        },
      };
      pool.enter(sender);
      return sender;
    };
    return { pool, opened, enter };
  };
  const given = ({ client }: { readonly client: Client | undefined }): Client => {
    if (client === undefined) throw new Error('it was given no connection');
    return client;
  };
  const aTurn = () => new Promise(setImmediate);

  it('hands one on whose request failed, to who waits and to who comes later', async () => {
    const { pool, opened, enter } = poolOf(1);
    const first = given(enter());
    const waiting = enter();
    pool.giveBackBroken(first);
    await aTurn();
    expect(given(waiting)).to.equal(first);
    pool.giveBackBroken(first);
    await aTurn();
    expect(given(enter())).to.equal(first);
    expect(opened).to.have.length(1);
  });

  it('takes one whose request failed after those that are open', async () => {
    const { pool, enter } = poolOf(2);
    const [broken, open] = [given(enter()), given(enter())];
    pool.giveBack(open);
    pool.giveBackBroken(broken);
    await aTurn();
    expect([given(enter()), given(enter())]).to.deep.equal([open, broken]);
  });

  it('opens another for one that could not connect', async () => {
    const { pool, opened, enter } = poolOf(1);
    const first = given(enter());
    const waiting = enter();
    pool.giveBackBroken(first);
    first.emit('connectionError', new URL('http://x'), [], new errors.SocketError('refused'));
    await aTurn();
    expect(given(waiting)).to.equal(opened[1]);
  });

  it('refuses who waits and who comes, once it is destroyed, and opens nothing for them', async () => {
    const { pool, opened, enter } = poolOf(1);
    given(enter());
    const waiting = enter();
    const destroyed = pool.destroy();
    const late = enter();
    for (const { failure } of [waiting, late])
      expect(failure).to.be.instanceOf(TransportError).with.property('message', 'connections are closed');
    expect(late.client).to.equal(undefined);
    await destroyed;
    expect(opened.map(({ isDestroyed }) => isDestroyed)).to.deep.equal([true]);
  });

  it('refuses who comes though nothing was ever opened, once it is destroyed', async () => {
    const { pool, opened, enter } = poolOf(1);
    await pool.destroy();
    expect(enter().failure).to.be.instanceOf(TransportError);
    expect(opened).to.deep.equal([]);
  });
});

describe('ConnectionPool', () => {
  const opened: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });

  const laneTo = (port: number, connections: number): UndiciLane => {
    const origin = `http://127.0.0.1:${port}`;
    const lane = createUndiciLane({
      origin,
      connections,
      connectTimeoutMs: 5_000,
      keepAliveMs: 5_000,
      maxResponseBytes: 1_000,
    });
    opened.push(() => lane.destroy());
    return lane;
  };

  /** A server that answers when it is told to; `arrived` resolves with the request of a path. */
  async function serve(port = 0) {
    const seen: { readonly path: string; readonly port: number | undefined; answer(): void }[] = [];
    const waiting = new Map<string, () => void>();
    const server = createServer(({ url = '', socket: { remotePort } }: IncomingMessage, response: ServerResponse) => {
      seen.push({ path: url, port: remotePort, answer: () => response.end('{}') });
      waiting.get(url)?.();
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    opened.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const arrived = async (path: string) => {
      const known = (): (typeof seen)[number] | undefined => seen.find((each) => each.path === path);
      if (known() === undefined) await new Promise<void>((resolve) => waiting.set(path, resolve));
      const found = known();
      if (found === undefined) throw new Error(`${path} did not arrive`);
      return found;
    };
    return { port: (server.address() as AddressInfo).port, seen, arrived };
  }

  /** Sends, and keeps what becomes of it. */
  const send = (lane: UndiciLane, path: string) => {
    const outcome = { status: 0, failure: undefined as unknown };
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const subscription: Subscription = lane.send(request(path), []).subscribe({
      next: ({ status }) => (outcome.status = status),
      error: (failure: unknown) => {
        outcome.failure = failure;
        settle();
      },
      complete: settle,
    });
    return { outcome, settled, subscription };
  };

  it('sends one request after the other over the same connection, however many it may open', async () => {
    const { port, arrived, seen } = await serve();
    const lane = laneTo(port, 8);
    for (const path of ['/1', '/2', '/3']) {
      const { settled } = send(lane, path);
      (await arrived(path)).answer();
      await settled;
    }
    expect(new Set(seen.map((each) => each.port)).size).to.equal(1);
  });

  it('opens no more than it may, and serves who waits in the order they came', async () => {
    const { port, arrived, seen } = await serve();
    const lane = laneTo(port, 2);
    const sent = ['/1', '/2', '/3', '/4', '/5'].map((path) => send(lane, path));
    await Promise.all([arrived('/1'), arrived('/2')]);
    for (const path of ['/1', '/2', '/3', '/4', '/5']) (await arrived(path)).answer();
    await Promise.all(sent.map(({ settled }) => settled));
    expect(sent.map(({ outcome }) => outcome.status)).to.deep.equal([200, 200, 200, 200, 200]);
    expect(seen.slice(2).map(({ path }) => path)).to.deep.equal(['/3', '/4', '/5']);
    expect(new Set(seen.map((each) => each.port)).size).to.equal(2);
  });

  it('never sends what was given up in line, and serves who stood behind it', async () => {
    const { port, arrived, seen } = await serve();
    const lane = laneTo(port, 1);
    const first = send(lane, '/first');
    const given = send(lane, '/given-up');
    const last = send(lane, '/last');
    const served = await arrived('/first');
    given.subscription.unsubscribe();
    served.answer();
    (await arrived('/last')).answer();
    await Promise.all([first.settled, last.settled]);
    expect(seen.map(({ path }) => path)).to.deep.equal(['/first', '/last']);
    expect(new Set(seen.map((each) => each.port)).size).to.equal(1);
  });

  it('takes a connection that is open before one whose request was aborted', async () => {
    const { port, arrived } = await serve();
    const lane = laneTo(port, 2);
    const aborted = send(lane, '/aborted');
    const kept = send(lane, '/kept');
    const { port: open, answer } = await arrived('/kept');
    await arrived('/aborted');
    answer();
    await kept.settled;
    await new Promise(setImmediate);
    aborted.subscription.unsubscribe();
    await new Promise(setImmediate);
    const next = send(lane, '/next');
    const arrival = await arrived('/next');
    arrival.answer();
    await next.settled;
    expect(arrival.port).to.equal(open);
  });

  it('connects again over what could not connect', async () => {
    const probe = createTcpServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const lane = laneTo(port, 1);
    const refused = [send(lane, '/1'), send(lane, '/2')];
    await Promise.all(refused.map(({ settled }) => settled));
    for (const { outcome } of refused)
      expect(outcome.failure)
        .to.be.instanceOf(TransportError)
        .with.property('message', 'connection refused (ECONNREFUSED)');

    const { arrived } = await serve(port);
    const answered = firstValueFrom(lane.send(request('/3'), []));
    (await arrived('/3')).answer();
    expect((await answered).status).to.equal(200);
  });

  it('fails who has a connection, who waits for one and who comes later, once it is destroyed', async () => {
    const { port, arrived, seen } = await serve();
    const lane = laneTo(port, 1);
    const sent = [send(lane, '/1'), send(lane, '/2')];
    await arrived('/1');
    await lane.destroy();
    const unused = laneTo(port, 1);
    await unused.destroy();
    sent.push(send(lane, '/3'), send(unused, '/4'));
    await Promise.all(sent.map(({ settled }) => settled));
    for (const { outcome } of sent)
      expect(outcome.failure).to.be.instanceOf(TransportError).with.property('fault', 'network');
    expect(seen).to.have.length(1);
  });
});

/** One GET over a connection of its own: it ends in time, and leaves nothing open. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { firstValueFrom, timer } from 'rxjs';
import { TimeoutExceededError } from '../../src/errors.ts';
import { fetchOnce } from '../../src/http/fetch-once.ts';
import { eventually } from '../support/eventually.ts';

describe('fetchOnce', () => {
  let server: Server;
  const sockets = new Set<Socket>();
  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  const fetching = async (answer: RequestListener, withinMs = 5_000) => {
    server = createServer({ keepAliveTimeout: 60_000 }, answer);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?of=shop#there`);
    return fetchOnce({ url, headers: { accept: 'application/json' }, maxBytes: 1_000, withinMs });
  };

  it('asks for path and query, emits what is answered, and closes its connection', async () => {
    const ask = await fetching((request, response) => response.end(`${request.url} ${request.headers.accept}`));
    const { status, body } = await firstValueFrom(ask);
    expect([status, Buffer.from(body).toString()]).to.deep.equal([200, '/keys?of=shop application/json']);
    await eventually('the connection is closed', () => sockets.size === 0);
  });

  it('gives up in time, however slowly the answer drips, and hangs up', async () => {
    const ask = await fetching((_request, response) => {
      const dripping = timer(0, 50).subscribe(() => response.write(' '));
      response.on('close', () => dripping.unsubscribe());
    }, 300);
    const failure: unknown = await firstValueFrom(ask).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(TimeoutExceededError);
    await eventually('the connection is closed', () => sockets.size === 0);
  });

  it('hangs up when it is left', async () => {
    let isAsked = false;
    const ask = await fetching(() => {
      isAsked = true;
    });
    const asking = ask.subscribe();
    await eventually('it has asked', () => isAsked);
    asking.unsubscribe();
    await eventually('the connection is closed', () => sockets.size === 0);
  });
});

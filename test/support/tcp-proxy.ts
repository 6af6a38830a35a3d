/** A TCP proxy on loopback that misbehaves on command: passes, cuts, freezes one or both ways, slows down. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down' | 'both';

export interface TcpProxy {
  readonly port: number;
  /** Connections through it now. */
  readonly connections: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Of those, the ones on which the server has said anything: attempts that met nobody are not among them. */
  readonly answered: number;
  /** Ends all connections: with a RST, or with a FIN both ways. */
  cut(how?: 'reset' | 'end'): void;
  /** Swallows nothing, forwards nothing: a black hole. Connections made meanwhile are accepted and frozen too. */
  freeze(direction: Direction): void;
  /** Forwards again; what piled up goes first. */
  thaw(): void;
  /** At most so many bytes a second each way, delivered in chunks with a pause between, each up to `jitterMs` longer. 0: full speed. */
  slow(bytesPerSecond: number, jitterMs?: number): void;
  /** Refuses new connections until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

const CHUNKS_PER_SECOND = 20;
const GOLDEN_RATIO = 0.618_034;

export interface TcpProxyOptions {
  /** Called with anything that came before it is passed on, which does not happen where this cuts the connections. */
  readonly beforeChunk?: (chunk: Buffer) => void;
}

export async function startTcpProxy(
  targetPort: number,
  { beforeChunk = () => {} }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let frozen: Direction | undefined;
  let bytesPerSecond = 0;
  let jitterMs = 0;
  let pauses = 0;
  let accepted = 0;
  let answered = 0;

  const isFrozen = (direction: 'up' | 'down'): boolean => frozen === direction || frozen === 'both';
  /** An end that was swallowed meanwhile is told of now. */
  const passOn = (from: Socket, to: Socket): void => {
    if (from.readableEnded) to.end();
    else from.resume();
  };
  const steer = ({ client, server }: Pair): void => {
    if (frozen === undefined && (client.destroyed || server.destroyed)) {
      client.destroy();
      server.destroy();
      return;
    }
    if (isFrozen('up')) client.pause();
    else passOn(client, server);
    if (isFrozen('down')) server.pause();
    else passOn(server, client);
  };

  /** Spread over its range, and the same in every run. */
  const nextJitterMs = (): number => jitterMs * ((pauses++ * GOLDEN_RATIO) % 1);

  const forward = (from: Socket, to: Socket, direction: 'up' | 'down'): void => {
    from.on('data', (chunk: Buffer) => {
      beforeChunk(chunk);
      if (!to.destroyed) to.write(chunk);
      if (bytesPerSecond === 0) return;
      from.pause();
      setTimeout(
        () => {
          if (!isFrozen(direction)) from.resume();
        },
        Math.max(1000 / CHUNKS_PER_SECOND, (chunk.length / bytesPerSecond) * 1000) + nextJitterMs(),
      );
    });
    // A black hole swallows the end of a connection too; it is told of after the thaw.
    from.on('end', () => {
      if (!isFrozen(direction)) to.end();
    });
    from.on('error', () => {});
    from.on('close', () => {
      if (!isFrozen(direction)) to.destroy();
    });
  };

  const onConnection = (client: Socket): void => {
    accepted++;
    const server = connect({ port: targetPort, host: '127.0.0.1' });
    client.setNoDelay(true);
    server.setNoDelay(true);
    const pair: Pair = { client, server };
    pairs.add(pair);
    server.once('data', () => {
      answered++;
    });
    const forget = (): void => {
      if (client.destroyed && server.destroyed) pairs.delete(pair);
    };
    client.on('close', forget);
    server.on('close', forget);
    forward(client, server, 'up');
    forward(server, client, 'down');
    steer(pair);
  };

  let server = await listen(0, onConnection);
  const port = portOf(server);
  const proxy: TcpProxy = {
    port,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    get answered() {
      return answered;
    },
    cut(how = 'reset') {
      for (const { client, server: upstream } of pairs) {
        if (how === 'reset') client.resetAndDestroy();
        else client.end();
        upstream.destroy();
      }
    },
    freeze(direction) {
      frozen = direction;
      for (const pair of pairs) steer(pair);
    },
    thaw() {
      frozen = undefined;
      for (const pair of pairs) steer(pair);
    },
    slow(rate, jitter = 0) {
      bytesPerSecond = rate;
      jitterMs = jitter;
    },
    async refuse() {
      if (!server.listening) return;
      server.close();
      proxy.cut();
      await once(server, 'close');
    },
    async accept() {
      if (!server.listening) server = await listen(port, onConnection);
    },
    async stop() {
      for (const { client, server: upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

async function listen(port: number, onConnection: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

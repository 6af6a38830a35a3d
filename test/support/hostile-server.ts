/** An HTTP server that does to its callers whatever servers have been seen to do: one route for each. Loopback only. */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

export interface RecordedCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface HostileServer {
  readonly url: string;
  /** Every request that came in completely, oldest first. */
  readonly calls: RecordedCall[];
  /** How often each idempotency key took effect, at the routes that have one. */
  readonly effects: Map<string, number>;
  readonly openSockets: ReadonlySet<Socket>;
  /** Requests that came in whose connection is open and whose answer is not complete. */
  readonly unanswered: number;
  /** Bytes given to the sockets that are closed by now, those that never left included. */
  readonly sentBytes: number;
  /** Resolves when a request comes in. */
  nextCall(): Promise<unknown>;
  /** Resolves when a request's connection is gone before its answer was complete. */
  nextAbort(): Promise<unknown>;
  close(): Promise<void>;
}

type Route = (request: IncomingMessage, response: ServerResponse, call: RecordedCall) => void;

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};

/** Answers with bytes of our own making, headers included. */
const raw =
  (...parts: readonly (string | Buffer)[]): Route =>
  ({ socket }) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

const encoded =
  (encoding: string, body: Uint8Array): Route =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body);
  };

const zeros = Buffer.alloc(64 * 1024);

/** As much as the peer takes, until it goes away. */
function pour(response: ServerResponse): void {
  response.on('drain', () => {
    while (!response.destroyed && response.write(zeros));
  });
  response.write(Buffer.concat([zeros, zeros]));
}

const INTERIM = 'HTTP/1.1 100 Continue\r\nx-unasked: yes\r\n\r\n';
const PLAIN = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
const small = Buffer.from('{"packed":true}');

const routes: Readonly<Record<string, Route>> = {
  '/echo': (_, response, call) => json(response, { ...call, body: call.body.toString() }),
  '/token': (_, response) => json(response, { access_token: 't-1', token_type: 'Bearer', expires_in: 60 }),
  '/redirect-loop': (_, response) => response.writeHead(302, { location: '/api/redirect-loop' }).end(),
  '/hang': () => {},
  '/hang-in-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"half":');
  },
  '/drip': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const dripping = setInterval(() => response.write(' '), 5);
    response.once('close', () => clearInterval(dripping));
  },
  '/reset': ({ socket }) => socket.resetAndDestroy(),
  '/reset-in-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"half":', () => response.socket?.resetAndDestroy());
  },
  '/short': raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"half":'),
  '/bad-json': raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"half":'),
  '/html': (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>maintenance</h1>'),
  '/html-as-json': (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('<h1>maintenance</h1>'),
  '/text': (_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('žluťoučký'),
  '/bytes': (_, response) =>
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.from([0, 255])),
  '/empty': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(),
  '/204': (_, response) => response.writeHead(204).end(),
  '/proto': raw(
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 37\r\n\r\n{"__proto__":{"polluted":true},"a":1}',
  ),
  '/deep': (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('['.repeat(100_000) + ']'.repeat(100_000)),
  '/big-integer': (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":9007199254740993}'),
  '/gzip': encoded('gzip', gzipSync(small)),
  '/deflate': encoded('deflate', deflateSync(small)),
  '/deflate-raw': encoded('deflate', deflateRawSync(small)),
  '/br': encoded('br', brotliCompressSync(small)),
  '/bomb': encoded('gzip', gzipSync(Buffer.alloc(20 * 2 ** 20))),
  '/bomb-br': encoded('br', brotliCompressSync(Buffer.alloc(4 * 2 ** 20))),
  '/garbled-gzip': encoded('gzip', Buffer.from('this is no gzip at all')),
  '/half-gzip': encoded('gzip', gzipSync(small).subarray(0, 15)),
  '/endless': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    pour(response);
  },
  '/announced': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) });
    pour(response);
  },
  '/announced-alone': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) });
    response.flushHeaders();
  },
  // As to HEAD: a length, and no body.
  '/length-alone': raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n'),
  '/two-lengths': raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
  '/garbage': raw('SSH-2.0-OpenSSH_9.2\r\n'),
  '/big-header': raw(`HTTP/1.1 200 OK\r\nx-big: ${'x'.repeat(20_000)}\r\ncontent-length: 2\r\n\r\n{}`),
  '/early-hints': raw(
    'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
  ),
  '/continue': raw(`${INTERIM}${INTERIM}HTTP/1.1 102 Processing\r\n\r\n${PLAIN}`),
  '/interim-for-ever': (_, response) => {
    const { socket } = response;
    const pourOn = (): void => {
      while (socket?.destroyed === false && socket.write(INTERIM.repeat(100)));
      socket?.once('drain', pourOn);
    };
    pourOn();
  },
  // Keeps the connection, says nothing of closing it, and closes it: the next request on it is lost.
  '/close-race': ({ socket }, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{}', () => setImmediate(() => socket.destroy()));
  },
};

export async function startHostileServer(port = 0): Promise<HostileServer> {
  const calls: RecordedCall[] = [];
  const effects = new Map<string, number>();
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let unanswered = 0;
  let every = 0;
  const events = new EventEmitter();

  const server = createServer((request, response) => {
    unanswered++;
    response.once('close', () => {
      unanswered--;
      if (!response.writableFinished) events.emit('abort');
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const call = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      calls.push(call);
      events.emit('call');
      const { pathname, searchParams } = new URL(call.url, 'http://localhost');
      const path = pathname.replace(/^\/api/, '');
      const key = String(call.headers['idempotency-key']);

      if (path === '/reset-after-effect') {
        // Acts once for each key, and loses the first answer.
        const isNew = !effects.has(key);
        effects.set(key, effects.get(key) ?? 1);
        return isNew ? request.socket.resetAndDestroy() : json(response, { charged: true });
      }
      if (path === '/redirect')
        return void response
          .writeHead(Number(searchParams.get('status') ?? 302), { location: searchParams.get('to') ?? '' })
          .end();
      if (path.startsWith('/status/')) {
        const retryAfter = searchParams.get('retry-after');
        return void response
          .writeHead(Number(path.slice('/status/'.length)), retryAfter === null ? {} : { 'retry-after': retryAfter })
          .end('no');
      }
      if (path === '/every-other') return void response.writeHead(every++ % 2 === 0 ? 500 : 204).end();
      if (path === '/flaky') {
        effects.set(key, (effects.get(key) ?? 0) + 1);
        return effects.get(key) === 1 ? void response.writeHead(503).end() : json(response, { at: effects.get(key) });
      }
      (routes[path] ?? routes['/echo'])?.(request, response, call);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      sentBytes += socket.bytesWritten;
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    effects,
    openSockets: sockets,
    get unanswered() {
      return unanswered;
    },
    get sentBytes() {
      return sentBytes;
    },
    nextCall: () => once(events, 'call'),
    nextAbort: () => once(events, 'abort'),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/**
 * Health over HTTP, on loopback: `/livez` while the event loop turns, `/readyz` while every pipeline consumes.
 * Small on purpose: GET alone, no bodies, short deadlines, few connections.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readiness } from './worker.ts';

export interface HealthServerOptions {
  readonly readiness: () => Readiness;
  /** Undefined: 8080, or a free port where that is taken. 0: a free port. */
  readonly port: number | undefined;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const DEFAULT_PORT = 8080;

/** @throws when the port asked for is taken. */
export async function startHealthServer({ readiness, port }: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => answer(request, response, readiness));
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  server.keepAliveTimeout = 1_000;
  server.maxConnections = 100;
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port that was asked for has to be had; the default one gives way, so that two workers run side by side. */
async function listen(server: Server, port: number | undefined): Promise<void> {
  if (port !== undefined) return listenOn(server, port);
  try {
    await listenOn(server, DEFAULT_PORT);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    await listenOn(server, 0);
  }
}

const listenOn = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });

interface Answer {
  readonly status: number;
  readonly body: object;
}

function answer(request: IncomingMessage, response: ServerResponse, readiness: () => Readiness): void {
  request.resume();
  const { status, body } = answerTo(request, readiness);
  const text = JSON.stringify(body);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  };
  response.writeHead(status, headers);
  response.end(request.method === 'HEAD' ? undefined : text);
}

function answerTo({ method, url }: IncomingMessage, readiness: () => Readiness): Answer {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: { error: 'GET or HEAD only' } };
  switch (url) {
    case '/livez':
      return { status: 200, body: { status: 'live' } };
    case '/readyz': {
      const { isReady, state, waiting } = readiness();
      return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', state, waiting } };
    }
    default:
      return { status: 404, body: { error: 'there are /livez and /readyz' } };
  }
}

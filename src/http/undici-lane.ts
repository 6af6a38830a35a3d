/**
 * The fast lane: undici's dispatch over connections of one origin, settled by its callbacks. No promise, no stream and no AbortController for a call.
 * Bounds of ours: bytes before and after decompression. The deadline is the caller's, who unsubscribes.
 */
import { createRequire } from 'node:module';
import { Observable, type Subscriber, type Unsubscribable } from 'rxjs';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { transportErrorOf } from './classify.ts';
import { type ConnectSettings, connectOptions } from './connecting.ts';
import { ConnectionPool, type Sender } from './connection-pool.ts';
import { decompress } from './decompress.ts';
import { headerOf, TransportError, type TransportRequest, type TransportResponse } from './transport.ts';

export interface UndiciLaneOptions extends ConnectSettings {
  readonly origin: string;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** An idle connection is closed after this long. */
  readonly keepAliveMs: number;
  readonly maxResponseBytes: number;
}

export interface UndiciLane {
  /** Cold; emits the response once, then completes; unsubscribing aborts. Headers are name, value, name, value. */
  send(request: Omit<TransportRequest, 'headers' | 'origin'>, headers: string[]): Observable<TransportResponse>;
  /** Aborts what is under way and closes all connections. */
  destroy(): Promise<void>;
}

/**
 * The two parts of undici at work here, loaded when the first lane is made. All of it would take three times as long, for fetch, caches,
 * web sockets and mocks that nobody calls. They are what `undici` exports, and its version is pinned.
 */
export function partsOfUndici(): Pick<typeof import('undici'), 'Client' | 'buildConnector'> {
  const load = createRequire(import.meta.url);
  return {
    Client: load('undici/lib/dispatcher/client.js') as typeof import('undici').Client,
    buildConnector: load('undici/lib/core/connect.js') as typeof import('undici').buildConnector,
  };
}

export function createUndiciLane(options: UndiciLaneOptions): UndiciLane {
  const { origin, maxResponseBytes } = options;
  const { Client, buildConnector } = partsOfUndici();
  const { host } = new URL(origin);
  const connect = connectorOf(options, buildConnector);
  const connections = new ConnectionPool({ ...options, connect, open: (settings) => new Client(origin, settings) });
  return {
    send: ({ method, path, body }, headers) =>
      new Observable((sink) => {
        const request = { method, path, headers, body: body ?? null };
        const exchange = new Exchange(sink, request, connections, host, maxResponseBytes);
        connections.enter(exchange);
        return exchange;
      }),
    destroy: () => connections.destroy(),
  };
}

/** Where certificates may change, a connector for those of this moment: sessions of others are not resumed under it. */
function connectorOf(options: UndiciLaneOptions, build: typeof buildConnector): buildConnector.connector {
  const { tlsNow, connectTimeoutMs: timeout } = options;
  if (tlsNow === undefined) return build({ ...connectOptions(options), timeout });
  return (target, done) => {
    let connector: buildConnector.connector;
    try {
      connector = build({ ...connectOptions({ ...options, tls: tlsNow() }), timeout });
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connector(target, done);
  };
}

const NOTHING = new Uint8Array();
const ABORTED = new Error('aborted');

/** One request and its response. Settles its subscriber once; as the subscriber's teardown it aborts what is not settled. */
class Exchange implements Dispatcher.DispatchHandler, Sender, Unsubscribable {
  before: Sender | undefined = undefined;
  behind: Sender | undefined = undefined;
  readonly #sink: Subscriber<TransportResponse>;
  readonly #request: Dispatcher.DispatchOptions;
  readonly #connections: ConnectionPool;
  readonly #host: string;
  readonly #maxBytes: number;
  #isInLine = true;
  /** Its connection, until that is given back. */
  #client: Client | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isSettled = false;
  #status = 0;
  #headers: TransportResponse['headers'] = {};
  /** One chunk is the common case and is not copied. */
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  #bytes = 0;

  constructor(
    sink: Subscriber<TransportResponse>,
    request: Dispatcher.DispatchOptions,
    connections: ConnectionPool,
    host: string,
    maxBytes: number,
  ) {
    this.#sink = sink;
    this.#request = request;
    this.#connections = connections;
    this.#host = host;
    this.#maxBytes = maxBytes;
  }

  unsubscribe(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#isInLine) this.#connections.leave(this);
    else this.#controller?.abort(ABORTED);
  }

  sendOver(client: Client): void {
    this.#isInLine = false;
    this.#client = client;
    client.dispatch(this.#request, this);
  }

  refuse(failure: TransportError): void {
    this.#isInLine = false;
    this.#settle(failure, NOTHING);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for its connection.
    if (this.#isSettled) controller.abort(ABORTED);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: TransportResponse['headers'],
  ): void {
    // Interim responses (103) come before the one that counts.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(headerOf(headers, 'content-length')) > this.#maxBytes) this.#breakOff();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#isSettled) return;
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#maxBytes) this.#breakOff();
    else if (this.#first === undefined) this.#first = chunk;
    else if (this.#rest === undefined) this.#rest = [this.#first, chunk];
    else this.#rest.push(chunk);
  }

  onResponseEnd(): void {
    const client = this.#takeClient();
    if (client !== undefined) this.#connections.giveBack(client);
    if (this.#isSettled) return;
    const body = this.#rest === undefined ? (this.#first ?? NOTHING) : Buffer.concat(this.#rest, this.#bytes);
    const encoding = body.byteLength === 0 ? undefined : headerOf(this.#headers, 'content-encoding');
    if (encoding === undefined || encoding === 'identity') this.#settle(undefined, body);
    else decompress(body, encoding, this.#maxBytes, (failure, plain) => this.#settle(failure, plain));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const client = this.#takeClient();
    if (client !== undefined) this.#connections.giveBackBroken(client);
    this.#settle(transportErrorOf(error, this.#host), NOTHING);
  }

  /** Undefined: it is given back already. A listener that throws at its answer makes a failure of it too. */
  #takeClient(): Client | undefined {
    const client = this.#client;
    this.#client = undefined;
    return client;
  }

  #breakOff(): void {
    const controller = this.#controller;
    this.#settle(new TransportError('size', 'answer is too large'), NOTHING);
    controller?.abort(ABORTED);
  }

  #settle(failure: TransportError | undefined, body: Uint8Array): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (failure !== undefined) {
      this.#sink.error(failure);
      return;
    }
    this.#sink.next({ status: this.#status, headers: this.#headers, body });
    this.#sink.complete();
  }
}

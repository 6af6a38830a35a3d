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
import { InterimAnswers, passOverContinue } from './interim-answers.ts';
import { announcedBytes, LaneResponse, type ReadHeaders, rawHeader } from './lane-response.ts';
import { giveOneShape } from './one-shape.ts';
import { ONE_MEMORY, readStraight } from './straight-reads.ts';
import { TransportError, type TransportRequest, type TransportResponse } from './transport.ts';
import { writeWhole } from './whole-writes.ts';

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
 * The parts of undici at work here, loaded when the first lane is made. All of it would take three times as long, for fetch, caches,
 * web sockets and mocks that nobody calls. They are what `undici` exports, and its version is pinned.
 */
export function partsOfUndici(): Pick<Undici, 'Client' | 'buildConnector'> & Pick<Undici['util'], 'parseHeaders'> {
  const load = createRequire(import.meta.url);
  const { parseHeaders } = load('undici/lib/core/util.js') as Undici['util'];
  return {
    Client: load('undici/lib/dispatcher/client.js') as Undici['Client'],
    buildConnector: load('undici/lib/core/connect.js') as Undici['buildConnector'],
    parseHeaders,
  };
}

type Undici = typeof import('undici');

export function createUndiciLane(options: UndiciLaneOptions): UndiciLane {
  const { origin, maxResponseBytes } = options;
  const { Client, buildConnector, parseHeaders } = partsOfUndici();
  const url = withKnownParts(new URL(origin));
  const { host } = url;
  const connect = writingWhole(connectorOf(options, buildConnector));
  const open = (settings: Client.Options): Client => {
    const client = new Client(url, settings);
    return client.on('connect', () => giveOneShape(client));
  };
  const connections = new ConnectionPool({ ...options, connect, open });
  const parts = { connections, host, maxResponseBytes, readHeaders: parseHeaders };
  return {
    send: ({ method, path, body }, headers) =>
      new Observable((sink) => {
        const request = { method, path, headers, body: body ?? null };
        const exchange = new Exchange(sink, request, parts);
        connections.enter(exchange);
        return exchange;
      }),
    destroy: () => connections.destroy(),
  };
}

/** Clients ask for origin and protocol at each request, and a URL puts them together each time. */
const withKnownParts = (url: URL): URL =>
  Object.defineProperties(url, { origin: { value: url.origin }, protocol: { value: url.protocol } });

/** Where certificates may change, a connector for those of this moment: sessions of others are not resumed under it. */
function connectorOf(options: UndiciLaneOptions, build: typeof buildConnector): buildConnector.connector {
  const { tlsNow, connectTimeoutMs: timeout } = options;
  if (tlsNow === undefined) return build({ ...connectOptions(options), onread: ONE_MEMORY, timeout });
  return (target, done) => {
    let connector: buildConnector.connector;
    try {
      connector = build({ ...connectOptions({ ...options, tls: tlsNow() }), onread: ONE_MEMORY, timeout });
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connector(target, done);
  };
}

const writingWhole =
  (connect: buildConnector.connector): buildConnector.connector =>
  (target, done) =>
    connect(target, (...connected) => {
      const [failure, socket] = connected;
      if (failure === null) {
        writeWhole(socket);
        readStraight(socket);
      }
      done(...connected);
      if (failure === null) passOverContinue(socket);
    });

const NOTHING = new Uint8Array();
const ABORTED = new Error('aborted');
const tooLarge = (): TransportError => new TransportError('size', 'answer is too large');

/** What all exchanges of a lane share. */
interface LaneParts {
  readonly connections: ConnectionPool;
  readonly host: string;
  readonly maxResponseBytes: number;
  readonly readHeaders: ReadHeaders;
}

/**
 * One request and its response. Settles its subscriber once; as the subscriber's teardown it aborts what is not settled.
 *
 * It listens by the names that undici's own calls use. For those of its newer interface undici puts two objects between for each request, and
 * reads all headers.
 */
class Exchange implements Dispatcher.DispatchHandler, Sender, Unsubscribable {
  before: Sender | undefined = undefined;
  behind: Sender | undefined = undefined;
  readonly #sink: Subscriber<TransportResponse>;
  readonly #request: Dispatcher.DispatchOptions;
  readonly #parts: LaneParts;
  #isInLine = true;
  /** Its connection, until that is given back. */
  #client: Client | undefined;
  #abort: ((reason: Error) => void) | undefined;
  #isSettled = false;
  /** 0: not a word of an answer has come. */
  #status = 0;
  #interim: InterimAnswers | undefined;
  #headers: Buffer[] = [];
  /** One chunk is the common case and is not copied. */
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  #bytes = 0;

  constructor(sink: Subscriber<TransportResponse>, request: Dispatcher.DispatchOptions, parts: LaneParts) {
    this.#sink = sink;
    this.#request = request;
    this.#parts = parts;
  }

  /** There is nothing left to abort. */
  get closed(): boolean {
    return this.#isSettled;
  }

  unsubscribe(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#isInLine) this.#parts.connections.leave(this);
    else this.#abort?.(ABORTED);
  }

  sendOver(client: Client): void {
    this.#isInLine = false;
    this.#client = client;
    client.dispatch(this.#request, this);
  }

  refuse(failure: TransportError): void {
    this.#isInLine = false;
    this.#fail(failure);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    // Given up while it waited for its connection.
    if (this.#isSettled) abort(ABORTED);
  }

  /** True: go on. */
  onHeaders(status: number, headers: Buffer[]): boolean {
    this.#status = status;
    if (status < 200) {
      this.#interim ??= new InterimAnswers();
      const flood = this.#interim.another();
      if (flood !== undefined) this.#breakOff(flood);
      return true;
    }
    this.#headers = headers;
    if (announcedBytes(headers) > this.#parts.maxResponseBytes) this.#breakOff(tooLarge());
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#isSettled) return true;
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#parts.maxResponseBytes) this.#breakOff(tooLarge());
    else if (this.#first === undefined) this.#first = chunk;
    else if (this.#rest === undefined) this.#rest = [this.#first, chunk];
    else this.#rest.push(chunk);
    return true;
  }

  onComplete(): void {
    const client = this.#takeClient();
    if (client !== undefined) this.#parts.connections.giveBack(client);
    if (this.#isSettled) return;
    const body = this.#rest === undefined ? (this.#first ?? NOTHING) : Buffer.concat(this.#rest, this.#bytes);
    const encoding = body.byteLength === 0 ? undefined : rawHeader(this.#headers, 'content-encoding');
    if (encoding === undefined || encoding === 'identity') this.#answer(body);
    else
      decompress(body, encoding, this.#parts.maxResponseBytes, (failure, plain) =>
        failure === undefined ? this.#answer(plain) : this.#fail(failure),
      );
  }

  onError(error: Error): void {
    const { connections, host } = this.#parts;
    const client = this.#takeClient();
    const isUnanswered = client !== undefined && this.#status === 0 && connections.hasAnswered(client);
    if (client !== undefined) connections.giveBackBroken(client);
    this.#fail(transportErrorOf(error, host, isUnanswered));
  }

  /** Undefined: it is given back already. A listener that throws at its answer makes a failure of it too. */
  #takeClient(): Client | undefined {
    const client = this.#client;
    this.#client = undefined;
    return client;
  }

  #breakOff(failure: TransportError): void {
    const abort = this.#abort;
    this.#fail(failure);
    abort?.(ABORTED);
  }

  #fail(failure: TransportError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#sink.error(failure);
  }

  #answer(body: Uint8Array): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#sink.next(new LaneResponse(this.#status, this.#headers, body, this.#parts.readHeaders));
    this.#sink.complete();
  }
}

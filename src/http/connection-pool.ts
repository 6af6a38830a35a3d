/**
 * The connections to an origin, each an undici client of its own. Whoever comes takes the one used last, whose socket and objects are warm; those
 * beyond what the load needs fall idle and are closed. Who finds none free waits in line.
 *
 * undici's own pool goes through the list of its clients at every request, past all that are busy.
 */
import type { buildConnector, Client } from 'undici';
import { type Waiting, WaitingLine } from '../operators/waiting-line.ts';
import { TransportError } from './transport.ts';

/** One request that wants a connection. */
export interface Sender extends Waiting<Sender> {
  /** Out of the line: the connection is its own until it gives it back. */
  sendOver(client: Client): void;
  /** Out of the line, and gets none. */
  refuse(failure: TransportError): void;
}

export interface ConnectionPoolOptions {
  /** Makes a client of the origin, which connects when it has something to send. */
  readonly open: (options: Client.Options) => Client;
  /** Open at once, at most. */
  readonly connections: number;
  /** An idle connection is closed after this long. */
  readonly keepAliveMs: number;
  readonly connect: buildConnector.connector;
}

export class ConnectionPool {
  readonly #open: ConnectionPoolOptions['open'];
  readonly #most: number;
  readonly #options: Client.Options;
  readonly #clients: Client[] = [];
  /** The one used last is at the end. */
  readonly #free: Client[] = [];
  /** Given back in this turn of the event loop. */
  readonly #returned: Client[] = [];
  readonly #broken: Client[] = [];
  /** Those whose open connection has answered. */
  readonly #proven = new Set<Client>();
  #isServeDue = false;
  readonly #line = new WaitingLine<Sender>();
  #isDestroyed = false;

  constructor({ open, connections, keepAliveMs, connect }: ConnectionPoolOptions) {
    this.#open = open;
    this.#most = connections;
    // No limits of undici's: deadlines are the caller's, who aborts.
    this.#options = { connect, pipelining: 1, keepAliveTimeout: keepAliveMs, headersTimeout: 0, bodyTimeout: 0 };
  }

  /** Gets a connection, now or in its turn. */
  enter(sender: Sender): void {
    if (this.#isDestroyed) {
      sender.refuse(closed());
      return;
    }
    this.#line.join(sender);
    this.#serve();
  }

  /** No longer wants one. It must be in line. */
  leave(sender: Sender): void {
    this.#line.leave(sender);
  }

  /** The connection's answer is complete. */
  giveBack(client: Client): void {
    this.#proven.add(client);
    this.#returned.push(client);
    this.#serveSoon();
  }

  /** Its request failed: the socket is closed or about to be, and the client makes another when it is needed, unless it could not connect. */
  giveBackBroken(client: Client): void {
    this.#broken.push(client);
    this.#serveSoon();
  }

  /** Whether its connection, as it is now or as its request fails of its end, has answered a request before. */
  hasAnswered(client: Client): boolean {
    return this.#proven.has(client);
  }

  /** Refuses who waits, fails who has a connection, and closes them all. */
  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    for (let next = this.#line.takeHead(); next !== undefined; next = this.#line.takeHead()) next.refuse(closed());
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  /**
   * When the event loop has been through all sockets: some servers close theirs after an answer without a word, and a client is not done
   * with a failure while it tells of it.
   */
  #serveSoon(): void {
    if (this.#isServeDue) return;
    this.#isServeDue = true;
    setImmediate(() => {
      this.#isServeDue = false;
      // What is connected comes before what is not.
      this.#free.unshift(...this.#broken.splice(0));
      this.#free.push(...this.#returned.splice(0));
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#line.length > 0) {
      const client = this.#free.pop() ?? this.#another();
      if (client === undefined) return;
      this.#line.takeHead()?.sendOver(client);
    }
  }

  /** None while others are about to be free. */
  #another(): Client | undefined {
    if (this.#isServeDue || this.#clients.length >= this.#most) return undefined;
    const client = this.#open(this.#options);
    client.on('disconnect', () => this.#proven.delete(client));
    client.on('connectionError', () => this.#forgetBroken(client));
    this.#clients.push(client);
    return client;
  }

  /**
   * It could not connect, and its request has been told. After a certificate for another host undici reckons that this request still runs, and
   * never connects again: another takes the client's place, as in undici's own pool. A client that goes on trying keeps its request, and its place.
   */
  #forgetBroken(client: Client): void {
    const at = this.#broken.indexOf(client);
    if (at === -1) return;
    this.#broken.splice(at, 1);
    this.#clients.splice(this.#clients.indexOf(client), 1);
  }
}

const closed = (): TransportError => new TransportError('network', 'connections are closed');

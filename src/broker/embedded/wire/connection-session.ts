/**
 * One client connection, from the protocol header to the end of the socket: handshake, frames to channels, heartbeats, blocking, freezing.
 * Whatever a client sends, the worst that happens is that its own connection is closed.
 */
import type { Socket } from 'node:net';
import type { BrokerModel } from '../model/broker-model.ts';
import type { Connection } from '../model/channel.ts';
import { AmqpFault, channelError, connectionForced, FrameFault } from '../model/fault.ts';
import { ByteReader } from './byte-reader.ts';
import type { ChannelHost } from './channel-session.ts';
import { ChannelTable } from './channel-table.ts';
import { checkFrame } from './check-frame.ts';
import type { ConnectionHost, Direction } from './connection-host.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { Handshake, type Negotiated } from './handshake.ts';
import { Heartbeats } from './heartbeats.ts';
import { Outlet } from './outlet.ts';
import { FRAME_HEARTBEAT, FRAME_METHOD, MAX_FRAME_BYTES, METHOD, PROTOCOL_HEADER } from './protocol.ts';

/** How much may wait for a client that does not read, before its deliveries pause. */
const MAX_UNSENT_BYTES = 1_048_576;
const CLOSE_WITHIN_MS = 3000;
const HANDSHAKE_WITHIN_MS = 10_000;

const NO_CONNECTION: Connection = { user: '', channels: new Set(), exclusiveQueues: new Set() };

export class ConnectionSession implements ChannelHost {
  readonly read = new ByteReader();
  readonly writer: FrameWriter;
  connection: Connection = NO_CONNECTION;
  hearsCancels = false;
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  readonly #host: ConnectionHost;
  readonly #reader: FrameReader;
  readonly #handshake: Handshake;
  readonly #channels = new ChannelTable(this);
  #model: BrokerModel | undefined;
  #heartbeats: Heartbeats | undefined;
  #hearsBlocked = false;
  #state: 'handshake' | 'running' | 'closing' | 'closed' = 'handshake';
  /** The method being read: faults name it. */
  #method = 0;
  #isBlocked = false;
  #isSlow = false;
  /** After a fault of framing nothing that follows can be read. */
  #isDeaf = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#outlet = new Outlet(socket);
    this.#host = host;
    this.#handshake = new Handshake(this, host);
    this.#reader = new FrameReader(
      MAX_FRAME_BYTES,
      () => this.#handshake.start(),
      (...frame) => this.#onFrame(...frame),
    );
    this.writer = new FrameWriter(MAX_FRAME_BYTES, (bytes) => this.#outlet.send(bytes));
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => {});
    socket.on('close', () => this.#onClosed());
    this.#endWithin(HANDSHAKE_WITHIN_MS);
  }

  get model(): BrokerModel {
    if (this.#model === undefined) throw channelError('no virtual host is open');
    return this.#model;
  }

  wrote(): void {
    this.#host.wrote(this);
  }

  /** Writes out what was gathered; the server calls it once per turn. */
  flush(): void {
    this.#channels.writeConfirms();
    this.writer.flush();
    if (this.#isSlow || this.#outlet.waitingBytes <= MAX_UNSENT_BYTES) return;
    this.#isSlow = true;
    this.#channels.setPaused(true);
  }

  /** The handshake is over: from here on frames go to channels. */
  run({ model, connection, maxFrameBytes, heartbeatS, capabilities }: Negotiated): void {
    this.#model = model;
    this.connection = connection;
    this.#reader.maxFrameBytes = maxFrameBytes;
    this.writer.maxFrameBytes = maxFrameBytes;
    this.hearsCancels = capabilities.has('consumer_cancel_notify');
    this.#hearsBlocked = capabilities.has('connection.blocked');
    this.#state = 'running';
    clearTimeout(this.#deadline);
    this.#heartbeats = new Heartbeats(heartbeatS, {
      beat: () => {
        this.writer.heartbeat();
        this.writer.flush();
      },
      silent: () => this.#socket.destroy(),
      sent: () => this.#outlet.sent,
    });
  }

  end(number: number): void {
    this.#channels.delete(number);
  }

  /** Closes the connection with a reason; what the client sends until it agrees is ignored. */
  fail(fault: AmqpFault, method = 0): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.#closeModel();
    this.writer.begin(0, METHOD.connectionClose).short(fault.code).shortString(fault.message);
    this.writer
      .short(method >>> 16)
      .short(method & 0xffff)
      .end();
    this.writer.flush();
    this.#endWithin(CLOSE_WITHIN_MS);
  }

  /** An orderly end, after what is written so far. */
  hangUp(): void {
    this.#state = 'closed';
    // What it sends after its goodbye is for nobody, and must not be kept.
    this.#isDeaf = true;
    this.flush();
    this.#socket.end();
    this.#endWithin(CLOSE_WITHIN_MS);
  }

  /** As an operator ends a connection. */
  shutDown(reason: string): void {
    if (this.#state === 'running') this.fail(connectionForced(reason));
    else this.#socket.destroy();
  }

  /** As a cable ends it: no word, no orderly end. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /** From now on bytes go nowhere in that direction, and nobody is told. */
  freeze(direction: Direction): void {
    if (direction !== 'down') {
      this.#socket.pause();
      this.#heartbeats?.suspend();
    }
    if (direction !== 'up') this.#outlet.freeze();
  }

  thaw(): void {
    this.#outlet.thaw();
    this.#heartbeats?.resume();
    if (!this.#isBlocked) this.#socket.resume();
  }

  unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    if (this.#hearsBlocked) this.writer.begin(0, METHOD.connectionUnblocked).end();
    this.#guarded(() => this.#reader.resume());
    this.#host.settle();
    if (!this.#isBlocked) this.#socket.resume();
    this.wrote();
  }

  #onData(chunk: Buffer): void {
    this.#heartbeats?.heard();
    if (this.#isDeaf) return;
    const sentBefore = this.#outlet.sent;
    this.#guarded(() => {
      if (this.#reader.push(chunk)) return;
      this.#socket.end(PROTOCOL_HEADER);
      this.#isDeaf = true;
      this.#state = 'closed';
    });
    this.#host.settle();
    // Acks need no answer, but a client whose socket gathers small writes (Nagle, the default of amqplib) sends nothing more
    // until TCP acknowledges them, which takes 40 ms unless something goes back. A heartbeat may go at any time.
    if (this.#outlet.sent === sentBefore && this.#state === 'running') this.#heartbeats?.beat();
  }

  /** @returns false to stop reading: the connection is blocked. */
  #onFrame(type: number, channel: number, bytes: Buffer, from: number, to: number): boolean {
    try {
      this.#dispatch(type, channel, bytes, from, to);
    } catch (error) {
      this.#onFault(error, channel);
    }
    if (this.#isBlocked) return false;
    return this.#state !== 'closed';
  }

  #dispatch(type: number, number: number, bytes: Buffer, from: number, to: number): void {
    if (this.#state === 'closed') return;
    checkFrame(type, number, bytes, from, to);
    if (type === FRAME_HEARTBEAT) return;
    // While content comes in, faults name the publish it belongs to.
    if (type === FRAME_METHOD && !this.#channels.awaitsContent(number)) this.#method = bytes.readUInt32BE(from);
    if (number === 0) {
      this.#connectionFrame(type, bytes, from, to);
      return;
    }
    if (this.#state !== 'running') return;
    this.#channels.frame(number, type, this.#method, bytes, from, to);
    if (this.#channels.awaitsContent(number)) this.#blockPublisher();
    this.wrote();
  }

  #connectionFrame(type: number, bytes: Buffer, from: number, to: number): void {
    if (type !== FRAME_METHOD) return;
    const method = this.#method;
    const read = this.read.over(bytes, from + 4, to);
    if (method === METHOD.connectionClose) {
      this.#closeModel();
      this.writer.begin(0, METHOD.connectionCloseOk).end();
      this.hangUp();
    } else if (method === METHOD.connectionCloseOk) {
      this.hangUp();
    } else if (this.#state === 'handshake') {
      this.#handshake.method(method, read);
      this.wrote();
    } else if (this.#state === 'running' && method === METHOD.connectionUpdateSecret) {
      this.writer.begin(0, METHOD.connectionUpdateSecretOk).end();
      this.wrote();
    } else if (this.#state === 'running') {
      throw channelError('unexpected method in connection state running');
    }
  }

  /** A publisher is stopped at its first publish under an alarm, with everything else it sends: acks too. */
  #blockPublisher(): void {
    const reason = this.#host.blockedBecause;
    if (reason === undefined || this.#isBlocked) return;
    this.#isBlocked = true;
    this.#socket.pause();
    this.#heartbeats?.suspend();
    if (this.#hearsBlocked) this.writer.begin(0, METHOD.connectionBlocked).shortString(reason).end();
  }

  #onFault(error: unknown, number: number): void {
    const fault = error instanceof AmqpFault ? error : new AmqpFault(541);
    const channel = this.#channels.get(number);
    const method = fault instanceof FrameFault || fault.code === 541 ? 0 : this.#method;
    if (fault.scope === 'channel' && channel !== undefined && this.#state === 'running') {
      channel.refuse(fault, method);
      this.wrote();
    } else if (this.#state === 'handshake') {
      this.#handshake.refuse(fault, method);
    } else {
      this.fail(fault, method);
    }
  }

  /** Faults of framing itself: no channel is to blame. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isDeaf = true;
      this.fail(error instanceof AmqpFault ? error : new AmqpFault(541));
    }
  }

  #onDrain(): void {
    if (!this.#isSlow) return;
    this.#isSlow = false;
    this.#channels.setPaused(false);
    this.#host.settle();
  }

  #endWithin(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#socket.destroy(), ms);
    this.#deadline.unref();
  }

  #closeModel(): void {
    this.#channels.clear();
    if (this.connection !== NO_CONNECTION) this.#model?.closeConnection(this.connection);
    this.connection = NO_CONNECTION;
  }

  #onClosed(): void {
    this.#state = 'closed';
    clearTimeout(this.#deadline);
    this.#heartbeats?.stop();
    this.#closeModel();
    this.#host.settle();
  }
}

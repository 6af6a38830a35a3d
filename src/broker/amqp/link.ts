/**
 * A link: one established connection, from its handshake to its end. Everything made on it (channels, deliveries, confirms)
 * belongs to this link and dies with it; the next connection is another link.
 */
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { type ChannelModel, connect, credentials, type SocketOptions } from 'amqplib';
import { AsyncSubject, asyncScheduler, type Observable } from 'rxjs';
import { BrokerUnavailableError } from '../../errors.ts';
import type { Endpoint } from './address.ts';
import { type Asking, createAsking } from './asking.ts';
import { batchWrites, type TurnWrites, unbatched } from './batch-writes.ts';
import { reasonOf } from './failures.ts';
import { type DefectListener, guarded } from './guarded.ts';
import { readDeliveries } from './read-deliveries.ts';
import { soundHeaders } from './sound-headers.ts';

/** RabbitMQ agrees on 128 KiB; a frame larger than this is an attack or a defect. */
const MAX_FRAME_BYTES = 2 ** 20;

export interface Link extends TurnWrites {
  readonly model: ChannelModel;
  readonly isOpen: boolean;
  /** Channels it may have open at once, as agreed upon in the handshake. */
  readonly maxChannels: number;
  /** Emits the reason once and completes when the link is lost. Late subscribers get it at once. Silent when we close it ourselves. */
  readonly lost: Observable<string>;
  /** Bounds the time an answer may take. */
  readonly ask: Asking['ask'];
  /** Gives the link up now: the socket is destroyed, whatever the peer does. */
  cut(reason: string): void;
  /** Closes it in order; after `withinMs` the socket is destroyed. Never fails. Channels must be closed before, or what they wrote last is lost. */
  close(withinMs: number): Promise<void>;
}

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly tls: SocketOptions;
  readonly auth: 'plain' | 'external';
  readonly handshakeTimeoutMs: number;
  readonly rpcTimeoutMs: number;
  /** The broker stops or resumes reading what we publish. */
  readonly onBlocked: (reason: string | undefined) => void;
  /** A listener of ours threw inside amqplib: a defect, reported. */
  readonly onDefect: DefectListener;
  /** Aborts the dialling. */
  readonly signal: AbortSignal;
}

/** Connects. @throws Error with the reason when the peer refuses, is silent, or the time is up. */
export async function dial(options: DialOptions): Promise<Link> {
  const { endpoint, name, tls, auth, handshakeTimeoutMs, rpcTimeoutMs, onBlocked, onDefect, signal } = options;
  // Node destroys the socket on abort: the one way to reach it during the handshake, and afterwards when the peer no longer answers.
  const socket = new AbortController();
  const giveUp = (): void => socket.abort();
  signal.addEventListener('abort', giveUp, { once: true });
  let isTooLate = false;
  const deadline = asyncScheduler.schedule(() => {
    isTooLate = true;
    socket.abort();
  }, handshakeTimeoutMs);

  const socketOptions: SocketOptions & { readonly signal: AbortSignal } = {
    ...(endpoint.isTls ? tls : {}),
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 30_000,
    clientProperties: { connection_name: name, product: 'sluice' },
    ...(auth === 'external' ? { credentials: credentials.external() } : {}),
    signal: socket.signal,
  };

  let model: ChannelModel;
  try {
    model = await connect({ ...endpoint.connect, maxFrameSize: MAX_FRAME_BYTES }, socketOptions);
  } catch (error) {
    throw isTooLate ? new BrokerUnavailableError(`no AMQP handshake within ${handshakeTimeoutMs} ms`) : error;
  } finally {
    deadline.unsubscribe();
    signal.removeEventListener('abort', giveUp);
  }

  // No await between the connection and its listeners: without one for `error` the next error would end the worker.
  const lost = new AsyncSubject<string>();
  let isOpen = true;
  let isClosing = false;
  const end = (reason: string): void => {
    if (!isOpen) return;
    isOpen = false;
    // A peer that went silent would keep the socket for minutes.
    socket.abort();
    asking.end(reason);
    if (isClosing) return;
    lost.next(reason);
    lost.complete();
  };
  const asking = createAsking(rpcTimeoutMs, end);
  const onError = (error: Error): void => end(reasonOf(error));
  const onClose = (error?: Error): void => end(error === undefined ? 'connection closed' : reasonOf(error));
  model.on('error', guarded(onError, onDefect));
  model.on('close', guarded(onClose, onDefect));
  model.on('blocked', guarded(onBlocked, onDefect));
  const onUnblocked = (): void => onBlocked(undefined);
  model.on('unblocked', guarded(onUnblocked, onDefect));
  // amqplib reports a throwing listener, reads its frames, and shows its socket, on the inner connection alone.
  let writes = unbatched;
  let maxChannels = Number.POSITIVE_INFINITY;
  const inner: unknown = model.connection;
  if (inner instanceof EventEmitter) {
    inner.on('handler-error', onDefect);
    soundHeaders(inner);
    readDeliveries(inner);
    if ('channelMax' in inner) maxChannels = Number(inner.channelMax);
    if ('stream' in inner && inner.stream instanceof Socket) writes = batchWrites(inner.stream);
  }
  if (signal.aborted) end('given up');

  return {
    model,
    get isOpen() {
      return isOpen;
    },
    maxChannels,
    lost,
    ask: asking.ask,
    atEndOfTurn: writes.atEndOfTurn,
    cut: end,
    async close(withinMs) {
      if (!isOpen) return;
      isClosing = true;
      const tooLate = asyncScheduler.schedule(() => end('closed'), withinMs);
      await asking.ask(model.close(), 'connection.close').catch(() => {});
      tooLate.unsubscribe();
      end('closed');
    },
  };
}

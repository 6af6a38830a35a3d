/**
 * The embedded broker: an AMQP 0-9-1 server on loopback, behaving as RabbitMQ does, with controls for tests.
 * Everything is in memory and gone with the process: it is for development, demos and tests, never for production.
 */
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Random } from '../../policies/random.ts';
import { requireKnown } from '../../policies/require-known.ts';
import type { Known } from '../../policies/unknown-option.ts';
import { BrokerModel, type QueueDepth } from './model/broker-model.ts';
import type { Ledger } from './model/ledger.ts';
import type { RestartOptions } from './model/lifecycle-commands.ts';
import type { ConnectionHost, Direction, Writing } from './wire/connection-host.ts';
import { ConnectionSession } from './wire/connection-session.ts';

export interface EmbeddedBrokerOptions {
  /** Default: 0, any free port. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
  /** Passwords by user. Default: anybody may come in. */
  readonly users?: Readonly<Record<string, string>>;
  /** Default: `/` alone. */
  readonly vhosts?: readonly string[];
  /** The clock of TTLs and x-death, milliseconds since 1970. Default: the wall clock. */
  readonly now?: () => number;
  /** For generated names. Default: Math.random. */
  readonly random?: Random;
}

const OPTIONS: Known<EmbeddedBrokerOptions> = {
  port: true,
  host: true,
  users: true,
  vhosts: true,
  now: true,
  random: true,
};

export interface EmbeddedBrokerStats {
  readonly connections: number;
  readonly queues: ReadonlyMap<string, QueueDepth>;
  readonly ledger: Readonly<Ledger>;
}

export interface EmbeddedRestart extends RestartOptions {
  /** Cuts the connections as a crash does, instead of closing them with 320. Default: false. */
  readonly crash?: boolean;
}

const RESTART: Known<EmbeddedRestart> = { keepDurable: true, dropUnsyncedAcks: true, crash: true };

/** A broker that can be started, talked to by any AMQP 0-9-1 client, and made to misbehave. */
export interface EmbeddedBroker {
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Closes all connections (320) and the port. */
  stop(): Promise<void>;
  /** Ends all connections without a word, as a broken cable does. */
  cutConnections(): void;
  /** Bytes of all present connections go nowhere in that direction (`up` is towards the broker), until `thaw`. */
  freezeConnections(direction: Direction): void;
  thaw(): void;
  /** Answers the next publishes with confirm by `basic.nack`; nothing is stored for them. */
  nackNextConfirms(count: number): void;
  /** Blocks publishing connections at their next publish (`connection.blocked`), as an alarm does. */
  block(reason: string): void;
  unblock(): void;
  /** While held, publishes are stored but not confirmed; letting go confirms them. */
  holdConfirms(isHeld: boolean): void;
  /** While held, settlements have no effect; letting go applies them. */
  holdAcks(isHeld: boolean): void;
  /** Ends a queue's consumers by the broker's own decision (`basic.cancel`). */
  cancelConsumers(queue: string): void;
  /** Durable classic queues remember their last acks, so that `restart` with `dropUnsyncedAcks` can undo them. */
  rememberUnsyncedAcks(count: number): void;
  /** Ends all connections, then goes on with what a broker would find on its disk. The port stays. @throws RangeError for an option it does not have. */
  restart(options: EmbeddedRestart): void;
  stats(vhost?: string): EmbeddedBrokerStats;
}

/** Timers of Node cannot be longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws RangeError for an option it does not have. */
export function createEmbeddedBroker(options: EmbeddedBrokerOptions = {}): EmbeddedBroker {
  requireKnown('createEmbeddedBroker', options, OPTIONS);
  const { port = 0, host = '127.0.0.1', users, vhosts = ['/'], now = () => Date.now(), random = Math.random } = options;
  const models = new Map(vhosts.map((vhost) => [vhost, new BrokerModel({ now, random, vhost })]));
  const sessions = new Set<ConnectionSession>();
  const written = new Set<Writing>();
  let server: Server | undefined;
  let blockedBecause: string | undefined;
  let alarm: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  /** Runs at the end of every turn: time, effects, bytes, in this order. */
  const settle = (): void => {
    guarded(() => {
      for (const model of models.values()) {
        model.flush();
        watchClock(model);
      }
      for (const session of written) session.flush();
    });
    written.clear();
  };

  /** A defect of the broker must not end the process it lives in: its connections end instead, as in a crash, and the defect is told. */
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), 'EmbeddedBrokerDefect');
      for (const session of [...sessions]) session.cut();
    }
  };

  const watchClock = (model: BrokerModel): void => {
    const at = model.nextExpiryAt();
    if (at === undefined || (alarm !== undefined && alarm.at <= at)) return;
    if (alarm !== undefined) clearTimeout(alarm.timer);
    const timer = setTimeout(onAlarm, Math.min(Math.max(at - now(), 0), MAX_TIMER_MS));
    timer.unref();
    alarm = { at, timer };
  };

  const onAlarm = (): void => {
    alarm = undefined;
    guarded(() => {
      for (const model of models.values()) model.advance();
    });
    settle();
  };

  const connectionHost: ConnectionHost = {
    isWelcome: (user, password) => users === undefined || (Object.hasOwn(users, user) && users[user] === password),
    modelOf: (vhost) => models.get(vhost),
    settle,
    wrote: (session) => void written.add(session),
    get blockedBecause() {
      return blockedBecause;
    },
  };

  const onEach = (act: (model: BrokerModel) => void): void => {
    for (const model of models.values()) act(model);
    settle();
  };

  return {
    start: () =>
      new Promise((resolve, reject) => {
        const listening = createServer((socket) => {
          const session = new ConnectionSession(socket, connectionHost);
          sessions.add(session);
          socket.once('close', () => sessions.delete(session));
        });
        listening.once('error', reject);
        listening.listen(port, host, () => {
          server = listening;
          // What was due while it was stopped, and the clock for what is to come.
          onAlarm();
          const { port: bound } = listening.address() as AddressInfo;
          resolve({ url: `amqp://guest:guest@${host}:${bound}`, port: bound });
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        if (alarm !== undefined) clearTimeout(alarm.timer);
        alarm = undefined;
        for (const session of sessions) session.shutDown(SHUTDOWN);
        if (server === undefined) resolve();
        else server.close(() => resolve());
        server = undefined;
      }),
    cutConnections: () => {
      for (const session of [...sessions]) session.cut();
    },
    freezeConnections: (direction) => {
      for (const session of sessions) session.freeze(direction);
    },
    thaw: () => {
      for (const session of sessions) session.thaw();
    },
    nackNextConfirms: (count) => onEach((model) => model.nackNextConfirms(count)),
    block: (reason) => {
      blockedBecause = reason;
    },
    unblock: () => {
      blockedBecause = undefined;
      for (const session of sessions) session.unblock();
      settle();
    },
    holdConfirms: (isHeld) => onEach((model) => model.holdConfirms(isHeld)),
    holdAcks: (isHeld) => onEach((model) => model.holdAcks(isHeld)),
    cancelConsumers: (queue) => onEach((model) => model.cancelConsumers(queue)),
    rememberUnsyncedAcks: (count) => onEach((model) => model.rememberUnsyncedAcks(count)),
    restart: (given) => {
      requireKnown('restart', given, RESTART);
      const { crash = false, ...kept } = given;
      for (const session of [...sessions]) {
        if (crash) session.cut();
        else session.shutDown(SHUTDOWN);
      }
      onEach((model) => model.restart(kept));
    },
    stats: (vhost = '/') => {
      const model = models.get(vhost);
      if (model === undefined) throw new RangeError(`no virtual host '${vhost}'`);
      return { connections: sessions.size, queues: model.queueDepths(), ledger: { ...model.ledger } };
    },
  };
}

const SHUTDOWN = `broker forced connection closure with reason 'shutdown'`;

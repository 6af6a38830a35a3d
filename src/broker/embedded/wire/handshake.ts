/** The opening of a connection: start, tune, open. Who may come in, to which virtual host, with which limits. */
import type { BrokerModel } from '../model/broker-model.ts';
import type { Connection } from '../model/channel.ts';
import { type AmqpFault, accessRefused, channelError, notAllowed } from '../model/fault.ts';
import { type Field, longstr, type Table, table } from '../model/field.ts';
import type { ByteReader } from './byte-reader.ts';
import { decodeTable, encodeTable } from './field-codec.ts';
import type { FrameWriter } from './frame-writer.ts';
import { HEARTBEAT_S, MAX_CHANNELS, MAX_FRAME_BYTES, METHOD, MIN_FRAME_BYTES } from './protocol.ts';

export interface HandshakeHost {
  /** Whether these credentials are right. */
  isWelcome(user: string, password: string): boolean;
  /** The broker behind a virtual host; undefined where there is none. */
  modelOf(vhost: string): BrokerModel | undefined;
}

export interface Negotiated {
  readonly model: BrokerModel;
  readonly connection: Connection;
  readonly maxFrameBytes: number;
  readonly heartbeatS: number;
  readonly capabilities: ReadonlySet<string>;
}

interface HandshakeSession {
  readonly writer: FrameWriter;
  run(negotiated: Negotiated): void;
  wrote(): void;
  fail(fault: AmqpFault, method?: number): void;
  hangUp(): void;
}

const CAPABILITIES = [
  'publisher_confirms',
  'exchange_exchange_bindings',
  'basic.nack',
  'consumer_cancel_notify',
  'connection.blocked',
  'consumer_priorities',
  'authentication_failure_close',
  'per_consumer_qos',
  'direct_reply_to',
];

const SERVER_PROPERTIES: Table = new Map<string, Field>([
  ['capabilities', table(new Map(CAPABILITIES.map((name) => [name, { type: 'bool', value: true } as const])))],
  ['product', longstr('sluice embedded broker')],
  ['information', longstr('in memory, for development, demos and tests')],
  ['platform', longstr('Node.js')],
]);

export class Handshake {
  readonly #session: HandshakeSession;
  readonly #host: HandshakeHost;
  #awaits: 'start-ok' | 'tune-ok' | 'open' = 'start-ok';
  #user = '';
  #capabilities: ReadonlySet<string> = new Set();
  #maxFrameBytes = MAX_FRAME_BYTES;
  #heartbeatS = HEARTBEAT_S;

  constructor(session: HandshakeSession, host: HandshakeHost) {
    this.#session = session;
    this.#host = host;
  }

  /** The protocol header was right: offers the mechanism. */
  start(): void {
    const properties = encodeTable(SERVER_PROPERTIES);
    const start = this.#session.writer.begin(0, METHOD.connectionStart, properties.length + 64);
    start
      .octet(0)
      .octet(9)
      .bytes(properties)
      .long(5)
      .bytes(Buffer.from('PLAIN'))
      .long(5)
      .bytes(Buffer.from('en_US'))
      .end();
    this.#session.wrote();
  }

  method(method: number, read: ByteReader): void {
    if (this.#awaits === 'start-ok' && method === METHOD.connectionStartOk) this.#authenticate(read);
    else if (this.#awaits === 'tune-ok' && method === METHOD.connectionTuneOk) this.#tune(read);
    else if (this.#awaits === 'open' && method === METHOD.connectionOpen) this.#open(read);
    else throw channelError(`unexpected method in connection state ${this.#awaits}`);
  }

  /** A client that cannot be told why gets no word; the others do. */
  refuse(fault: AmqpFault, method: number): void {
    const isTold = this.#awaits !== 'start-ok' || this.#capabilities.has('authentication_failure_close');
    if (isTold) this.#session.fail(fault, fault.code === 403 ? 0 : method);
    else this.#session.hangUp();
  }

  #authenticate(read: ByteReader): void {
    const bytes = read.longBytes();
    this.#capabilities = capabilitiesIn(decodeTable(bytes, 0, bytes.length));
    const mechanism = read.shortString();
    const [, user = '', password = ''] = read.longBytes().toString().split('\0');
    if (mechanism !== 'PLAIN') throw notAllowed(`unknown authentication mechanism '${mechanism}'`);
    if (!this.#host.isWelcome(user, password)) {
      throw accessRefused(
        `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
      );
    }
    this.#user = user;
    this.#awaits = 'tune-ok';
    const tune = this.#session.writer.begin(0, METHOD.connectionTune);
    tune.short(MAX_CHANNELS).long(MAX_FRAME_BYTES).short(HEARTBEAT_S).end();
  }

  #tune(read: ByteReader): void {
    const channels = read.short();
    const frameBytes = read.long();
    this.#heartbeatS = read.short();
    if (channels > MAX_CHANNELS) throw tooHigh('channel_max', channels, MAX_CHANNELS);
    if (frameBytes > MAX_FRAME_BYTES) throw tooHigh('frame_max', frameBytes, MAX_FRAME_BYTES);
    if (frameBytes !== 0 && frameBytes < MIN_FRAME_BYTES) {
      throw notAllowed(
        `negotiated frame_max = ${frameBytes} is lower than the minimum allowed value (${MIN_FRAME_BYTES})`,
      );
    }
    if (frameBytes !== 0) this.#maxFrameBytes = frameBytes;
    this.#awaits = 'open';
  }

  #open(read: ByteReader): void {
    const vhost = read.shortString();
    const model = this.#host.modelOf(vhost);
    if (model === undefined) throw notAllowed(`vhost ${vhost} not found`);
    this.#session.writer.begin(0, METHOD.connectionOpenOk).shortString('').end();
    this.#session.run({
      model,
      connection: model.openConnection(this.#user),
      maxFrameBytes: this.#maxFrameBytes,
      heartbeatS: this.#heartbeatS,
      capabilities: this.#capabilities,
    });
  }
}

const tooHigh = (name: string, value: number, limit: number): AmqpFault =>
  notAllowed(`negotiated ${name} = ${value} is higher than the maximum allowed value (${limit})`);

function capabilitiesIn(properties: Table): ReadonlySet<string> {
  const capabilities = properties.get('capabilities')?.value;
  if (!(capabilities instanceof Map)) return new Set();
  return new Set([...(capabilities as Table)].filter(([, { value }]) => value === true).map(([name]) => name));
}

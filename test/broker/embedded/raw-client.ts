/** An AMQP client that writes whatever it is told, byte by byte: for faults no proper client makes. */
import { connect, type Socket } from 'node:net';
import { eventually } from '../../support/eventually.ts';

export const PROTOCOL = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

export const short = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};

export const long = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const shortString = (text: string): Buffer =>
  Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
export const longString = (text: string | Buffer): Buffer =>
  Buffer.concat([long(Buffer.byteLength(text)), Buffer.from(text)]);

export function frame(type: number, channel: number, payload: Buffer, end = 0xce): Buffer {
  return Buffer.concat([Buffer.from([type]), short(channel), long(payload.length), payload, Buffer.from([end])]);
}

export const method = (channel: number, classId: number, methodId: number, ...args: readonly Buffer[]): Buffer =>
  frame(1, channel, Buffer.concat([short(classId), short(methodId), ...args]));

const CAPABILITIES = Buffer.concat([
  shortString('capabilities'),
  Buffer.from('F'),
  longString(
    Buffer.concat(
      ['authentication_failure_close', 'connection.blocked', 'consumer_cancel_notify'].map((name) =>
        Buffer.concat([shortString(name), Buffer.from('t\x01')]),
      ),
    ),
  ),
]);

export const startOk = (user = 'guest', password = 'guest', properties = CAPABILITIES): Buffer =>
  method(
    0,
    10,
    11,
    longString(properties),
    shortString('PLAIN'),
    longString(`\0${user}\0${password}`),
    shortString('en_US'),
  );
export const tuneOk = (channels = 2047, frameBytes = 131_072, heartbeatS = 0): Buffer =>
  method(0, 10, 31, short(channels), long(frameBytes), short(heartbeatS));
export const open = (vhost = '/'): Buffer => method(0, 10, 40, shortString(vhost), shortString(''), Buffer.from([0]));
export const channelOpen = (number = 1): Buffer => method(number, 20, 10, shortString(''));

/** Everything up to an open connection. */
export const HANDSHAKE: readonly Buffer[] = [PROTOCOL, startOk(), tuneOk(), open()];

export class RawClient {
  readonly #socket: Socket;
  /** Joined when somebody looks: joining at each chunk would copy all of it each time. */
  #chunks: Buffer[] = [];
  isClosed = false;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  write(...pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#socket.write(piece);
  }

  /** Reads nothing more, or again. */
  setReading(isReading: boolean): void {
    if (isReading) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Sends what is written, then ends its side. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get bytes(): Buffer {
    const received = Buffer.concat(this.#chunks);
    this.#chunks = [received];
    return received;
  }

  /** How many bytes came so far. */
  get byteLength(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** Methods so far: `channel:class.method`, and for closes their code and text. */
  get methods(): readonly string[] {
    const found: string[] = [];
    const received = this.bytes;
    let at = 0;
    while (at + 7 <= received.length) {
      const size = received.readUInt32BE(at + 3);
      if (at + size + 8 > received.length) break;
      const payload = received.subarray(at + 7, at + 7 + size);
      if (received[at] === 1) found.push(describe(received.readUInt16BE(at + 1), payload));
      else found.push(`frame ${received[at]}`);
      at += size + 8;
    }
    return found;
  }

  async answers(text: string): Promise<void> {
    await eventually(
      () => `an answer with "${text}", got ${this.methods.join(' | ')}`,
      () => this.methods.some((each) => each.includes(text)),
    );
  }

  async closes(): Promise<void> {
    await eventually('the connection to close', () => this.isClosed);
  }
}

function describe(channel: number, payload: Buffer): string {
  const [classId, methodId] = [payload.readUInt16BE(0), payload.readUInt16BE(2)];
  const name = `${channel}:${classId}.${methodId}`;
  const isClose = (classId === 10 && methodId === 50) || (classId === 20 && methodId === 40);
  if (isClose) return `${name} ${payload.readUInt16BE(4)} ${payload.subarray(7, 7 + (payload[6] ?? 0)).toString()}`;
  const isBlocked = classId === 10 && methodId === 60;
  return isBlocked ? `${name} ${payload.subarray(5).toString()}` : name;
}

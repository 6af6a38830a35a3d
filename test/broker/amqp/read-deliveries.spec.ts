import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { ConsumeMessage } from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';
import { readDelivery } from '../../../src/broker/amqp/delivery-frames.ts';
import { readDeliveries } from '../../../src/broker/amqp/read-deliveries.ts';
import { frame } from '../embedded/raw-client.ts';

/** amqplib's own, by their places: it exports no such names. */
const load = createRequire(import.meta.url);
const { parseFrame, decodeFrame } = load('../../../node_modules/amqplib/lib/frame.js') as {
  parseFrame(bytes: Buffer, max: number): false | { readonly rest: Buffer };
  decodeFrame(frame: object): { readonly id?: number; readonly channel: number };
};
const { encodeMethod, encodeProperties, BasicDeliver, BasicProperties } = load(
  '../../../node_modules/amqplib/lib/defs.js',
) as {
  encodeMethod(id: number, channel: number, fields: object): Buffer;
  encodeProperties(id: number, channel: number, size: number, properties: object): Buffer;
  readonly BasicDeliver: number;
  readonly BasicProperties: number;
};
const { BaseChannel } = load('../../../node_modules/amqplib/lib/channel.js') as {
  BaseChannel: new (connection: object) => EventEmitter & { accept(frame: object): void };
};

const CHANNEL = 7;

/** amqplib's connection without its socket: frames of these bytes, and a channel that they are for. */
function connectionOf(bytes: Buffer) {
  const taken: unknown[] = [];
  const channel = new BaseChannel({ sendMethod: () => {} });
  channel.on('error', () => {});
  const connection = {
    rest: bytes,
    recvFrame(): false | ReturnType<typeof decodeFrame> {
      const next = parseFrame(connection.rest, 0);
      if (next === false) return false;
      connection.rest = next.rest;
      const decoded = decodeFrame(next);
      taken.push(decoded.id);
      return decoded;
    },
    accept: (next: { readonly channel: number }) => connection.channels[next.channel]?.channel.accept(next),
    channels: [] as ({ channel: typeof channel } | null)[],
  };
  connection.channels[CHANNEL] = { channel };
  const delivered: ConsumeMessage[] = [];
  channel.on('delivery', (message: ConsumeMessage) => delivered.push(message));
  const run = (): void => {
    for (let next = connection.recvFrame(); next !== false; next = connection.recvFrame()) connection.accept(next);
  };
  /** `taken`: what amqplib has read itself. */
  return { connection, channel, delivered, taken, run };
}

const framesOf = (fields: object, properties: object, body: Uint8Array): Buffer =>
  Buffer.concat([
    encodeMethod(BasicDeliver, CHANNEL, fields),
    encodeProperties(BasicProperties, CHANNEL, body.length, properties),
    ...(body.length === 0 ? [] : [frame(3, CHANNEL, Buffer.from(body))]),
  ]);

const textArb = fc.string({ unit: 'binary', maxLength: 20 });
const fieldsArb = fc.record({
  consumerTag: textArb,
  deliveryTag: fc.maxSafeInteger().map(Math.abs),
  redelivered: fc.boolean(),
  exchange: textArb,
  routingKey: textArb,
});
const plainArb = fc.oneof(
  textArb,
  fc.string({ minLength: 256, maxLength: 300 }),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.constantFrom(-0x80, 0x7f, 0x80, -0x81, 0x7fff, 0x8000, -0x8001),
);
const oddArb = fc.oneof(
  fc.constant(1.5),
  fc.maxSafeInteger(),
  fc.dictionary(textArb, plainArb, { maxKeys: 2 }),
  fc.array(plainArb, { maxLength: 2 }),
  fc.constant({ '!': 'timestamp', value: 12 }),
);
const nameArb = textArb.filter((name) => name !== '__proto__');
const propertiesOf = (headers: fc.Arbitrary<object>) =>
  fc.record(
    {
      headers,
      messageId: textArb,
      correlationId: textArb,
      replyTo: textArb,
      contentType: fc.oneof(fc.constant('application/json'), textArb),
      contentEncoding: textArb,
      type: textArb,
      appId: textArb,
      userId: textArb,
      priority: fc.integer({ min: 0, max: 255 }),
      deliveryMode: fc.integer({ min: 0, max: 255 }),
      timestamp: fc.maxSafeInteger().map(Math.abs),
      expiration: textArb,
    },
    { requiredKeys: [] },
  );
const bodyArb = fc.uint8Array({ maxLength: 40 });
const plainDelivery = fc
  .tuple(fieldsArb, propertiesOf(fc.dictionary(nameArb, plainArb, { maxKeys: 4 })), bodyArb)
  .map((parts) => framesOf(...parts));
const anyDelivery = fc
  .tuple(fieldsArb, propertiesOf(fc.dictionary(textArb, fc.oneof(plainArb, oddArb), { maxKeys: 4 })), bodyArb)
  .map((parts) => framesOf(...parts));

/** What amqplib makes of the bytes; undefined: no message, or a failure. */
function byAmqplib(bytes: Buffer): ConsumeMessage | undefined {
  const { delivered, run } = connectionOf(bytes);
  try {
    run();
  } catch {
    // It ends the connection there.
  }
  return delivered[0];
}

describe('readDelivery', () => {
  it('reads a delivery as amqplib does, wherever it lies', () => {
    fc.assert(
      fc.property(plainDelivery, fc.uint8Array({ maxLength: 9 }), bodyArb, (bytes, before, after) => {
        const read = readDelivery(Buffer.concat([before, bytes, after]), before.length);
        const expected = { channel: CHANNEL, message: byAmqplib(bytes), end: before.length + bytes.length };
        expect(read).to.deep.equal(expected);
      }),
    );
  });

  it('reads nothing before all of it has come', () => {
    fc.assert(
      fc.property(plainDelivery, fc.nat(), (bytes, cut) => {
        expect(readDelivery(bytes.subarray(0, cut % bytes.length), 0)).to.equal(undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves to amqplib what it would read otherwise, whatever comes', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 });
    fc.assert(
      fc.property(anyDelivery, damage, (sound, damages) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of damages) bytes[at % bytes.length] = value;
        const read = readDelivery(bytes, 0);
        if (read !== undefined) expect(read.message).to.deep.equal(byAmqplib(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('readDeliveries', () => {
  const fields = { consumerTag: 'c', deliveryTag: 1, redelivered: false, exchange: '', routingKey: 'work' };
  const plain = framesOf(fields, { messageId: 'm1' }, Buffer.from('{}'));
  const nested = framesOf({ ...fields, deliveryTag: 2 }, { headers: { a: { b: 1 } } }, Buffer.from('{}'));
  const last = framesOf({ ...fields, deliveryTag: 3 }, {}, Buffer.alloc(0));

  it('hands deliveries over in their order, those that are plain without amqplib', () => {
    const { connection, delivered, taken, run } = connectionOf(Buffer.concat([plain, nested, last]));
    readDeliveries(connection);
    run();
    expect(delivered.map(({ fields: { deliveryTag } }) => deliveryTag)).to.deep.equal([1, 2, 3]);
    expect(taken).to.deep.equal([BasicDeliver, BasicProperties, undefined]);
  });

  it('leaves a message to amqplib that it has begun to read', () => {
    const { connection, delivered, taken, run } = connectionOf(plain.subarray(0, -1));
    readDeliveries(connection);
    run();
    expect(taken).to.deep.equal([BasicDeliver, BasicProperties]);
    connection.rest = Buffer.concat([connection.rest, plain.subarray(-1), last]);
    run();
    expect(delivered.map(({ fields: { deliveryTag } }) => deliveryTag)).to.deep.equal([1, 3]);
    expect(taken).to.have.length(3);
  });

  it('leaves it to amqplib to refuse a message that begins within another', () => {
    const { connection, delivered, run } = connectionOf(
      Buffer.concat([encodeMethod(BasicDeliver, CHANNEL, fields), last]),
    );
    readDeliveries(connection);
    run();
    expect(delivered).to.deep.equal([]);
  });

  it('hands nothing to a channel or a connection that closes', () => {
    const accepted: unknown[] = [];
    const closings = [
      ({ channel }: ReturnType<typeof connectionOf>) =>
        Object.assign(channel, { accept: (next: object) => accepted.push(next) }),
      ({ connection }: ReturnType<typeof connectionOf>) =>
        Object.assign(connection, { accept: (next: object) => accepted.push(next) }),
    ];
    for (const close of closings) {
      const parts = connectionOf(Buffer.concat([plain, last]));
      readDeliveries(parts.connection);
      parts.channel.on('delivery', () => close(parts));
      parts.run();
      expect(parts.delivered).to.have.length(1);
      // Method and header of the last, for whoever ignores them.
      expect(accepted.splice(0)).to.have.length(2);
    }
  });

  it('tells of a listener that throws as amqplib does, and goes on', async () => {
    const { connection, channel, delivered, run } = connectionOf(Buffer.concat([plain, last]));
    readDeliveries(connection);
    const failure = new Error('boom');
    channel.once('delivery', () => {
      throw failure;
    });
    const told = new Promise((resolve) => channel.on('handler-error', (...args: unknown[]) => resolve(args)));
    run();
    expect(delivered).to.have.length(2);
    expect(await told).to.deep.equal([failure, 'delivery']);
  });
});

import { createRequire } from 'node:module';
import type { Options } from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';
import { messageFrames } from '../../../src/broker/amqp/message-frames.ts';
import { writePublish } from '../../../src/broker/amqp/properties.ts';
import type { Headers } from '../../../src/message/delivery.ts';

/** amqplib's own, by its place: it exports no such names. */
const load = createRequire(import.meta.url);
const { Connection } = load('../../../node_modules/amqplib/lib/connection.js') as {
  Connection: { prototype: { sendMessage(...args: unknown[]): unknown } };
};
const { BasicPublish, BasicProperties } = load('../../../node_modules/amqplib/lib/defs.js') as Record<string, number>;
const Args = load('../../../node_modules/amqplib/lib/api_args.js') as {
  publish(exchange: string, routingKey: string, options: Options.Publish): object;
};

const CHANNEL = 7;
const sending = { channel: CHANNEL, maxFrameBytes: 4_096, exchange: 'results', routingKey: 'order.done' };

/** What amqplib writes for the same publish. */
function framesOfAmqplib(content: Buffer, options: Options.Publish): Buffer {
  const written: Buffer[] = [];
  const connection = Object.assign(Object.create(Connection.prototype) as typeof Connection.prototype, {
    frameMax: sending.maxFrameBytes,
    channels: { [CHANNEL]: { buffer: { write: (bytes: Buffer) => written.push(bytes) } } },
  });
  const fields = Args.publish(sending.exchange, sending.routingKey, options);
  connection.sendMessage(CHANNEL, BasicPublish, fields, BasicProperties, fields, content);
  return Buffer.concat(written);
}

const textArb = fc.string({ unit: 'binary', maxLength: 20 });
const headerArb = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(
      -0,
      127,
      128,
      -128,
      -129,
      32_767,
      32_768,
      -32_769,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 50,
      2 ** 50 + 0.5,
      2 ** 63,
      1e300,
    ),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.date({ min: new Date(0), max: new Date(8.64e15), noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(textArb, fc.constant('!')), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const propertiesArb = fc.record(
  {
    messageId: textArb,
    correlationId: textArb,
    replyTo: textArb,
    contentType: textArb,
    contentEncoding: textArb,
    type: textArb,
    appId: textArb,
    userId: textArb,
    priority: fc.integer({ min: 0, max: 255 }),
    timestamp: fc.maxSafeInteger().map(Math.abs),
    expiration: fc.constantFrom('0', '60000'),
    persistent: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('messageFrames', () => {
  it('writes byte for byte what amqplib writes', () => {
    const headersArb = fc.dictionary(textArb, headerArb, { maxKeys: 4 });
    const contentArb = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(headersArb, propertiesArb, fc.boolean(), contentArb, (headers, properties, mandatory, body) => {
        const { exchange, routingKey } = sending;
        const message = { exchange, routingKey, mandatory, body, properties, headers: headers as Headers };
        const content = Buffer.from(body);
        const options = writePublish(message);
        expect(messageFrames(sending, content, options)).to.deep.equal(framesOfAmqplib(content, options));
      }),
    );
  });

  for (const bytes of [0, 1, 4_087, 4_088, 4_089, 3 * 4_088, 100_000]) {
    it(`splits a body of ${bytes} bytes into frames as amqplib does`, () => {
      const content = Buffer.alloc(bytes, 'abc');
      const options = { headers: {}, messageId: 'm1' };
      expect(messageFrames(sending, content, options).equals(framesOfAmqplib(content, options))).to.equal(true);
    });
  }

  const refused: readonly (readonly [string, Options.Publish, number, string])[] = [
    [
      'more than a frame holds',
      { headers: { a: 'x'.repeat(4_096) } },
      4_096,
      'properties and headers take 4129 bytes, a frame at most 4096',
    ],
    [
      'a text of more than all of it',
      { headers: { a: 'x'.repeat(70_000) } },
      131_072,
      'properties and headers take more than 69632 bytes',
    ],
    [
      'many small ones',
      { headers: { a: Array.from({ length: 70_000 }, () => null) } },
      131_072,
      'properties and headers take more than 69632 bytes',
    ],
    ['bytes', { headers: { a: Buffer.alloc(70_000) } }, 131_072, 'properties and headers take more than 69632 bytes'],
  ];
  for (const [what, options, maxFrameBytes, reason] of refused) {
    it(`refuses headers of ${what}, and writes the next message as ever`, () => {
      const content = Buffer.from('body');
      expect(() => messageFrames({ ...sending, maxFrameBytes }, content, options)).to.throw(RangeError, reason);
      const good = { headers: { a: 1 } };
      expect(messageFrames(sending, content, good).equals(framesOfAmqplib(content, good))).to.equal(true);
    });
  }

  it('takes what amqplib takes of headers', () => {
    const content = Buffer.from('body');
    const options = { headers: { a: 'x'.repeat(65_536 - 4 - 2 - 5) } };
    const wide = { ...sending, maxFrameBytes: 131_072 };
    expect(messageFrames(wide, content, options).equals(framesOfAmqplib(content, options))).to.equal(true);
  });
});

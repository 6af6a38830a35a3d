import { createRequire } from 'node:module';
import { expect } from 'chai';
import fc from 'fast-check';
import { soundHeaders, unreadableIn } from '../../../src/broker/amqp/sound-headers.ts';
import { deepTable, textValue } from '../../support/undecodable.ts';
import { frame, long, longString, short, shortString } from '../embedded/raw-client.ts';

/** amqplib's own, by its place: it exports no such name. */
const amqpFrame = createRequire(import.meta.url)('../../../node_modules/amqplib/lib/frame.js') as {
  parseFrame(bytes: Buffer, max: number): false | { readonly rest: Buffer };
  decodeFrame(frame: object): unknown;
};

interface Decoded {
  readonly channel: number;
  readonly size: number;
  readonly fields: { readonly headers?: Record<string, unknown>; readonly messageId?: string };
}

/** amqplib's own way with the bytes it has read, without its socket. */
function readerOf(bytes: Buffer) {
  const reader = {
    rest: bytes,
    recvFrame(): unknown {
      const next = amqpFrame.parseFrame(reader.rest, 0);
      if (next === false) return false;
      reader.rest = next.rest;
      return amqpFrame.decodeFrame(next);
    },
  };
  soundHeaders(reader);
  return reader;
}

const headerFrame = (headers: readonly (readonly [string, Buffer])[], messageId = 'm1'): Buffer => {
  const table = Buffer.concat(headers.flatMap(([name, value]) => [shortString(name), value]));
  const flags = short(0x8000 | 0x4000 | 0x2000 | 0x0080);
  const properties = [shortString('application/json'), shortString('gzip'), longString(table), shortString(messageId)];
  return frame(2, 7, Buffer.concat([short(60), short(0), long(0), long(42), flags, ...properties]));
};

describe('soundHeaders', () => {
  it('B15: leaves out a field of a type nobody knows and all after it, and keeps what came before', () => {
    const reader = readerOf(
      headerFrame([
        ['a', textValue('kept')],
        ['odd', Buffer.from('?huh')],
        ['z', textValue('lost')],
      ]),
    );
    const { channel, size, fields } = reader.recvFrame() as Decoded;
    expect({ channel, size, ...fields.headers, id: fields.messageId }).to.deep.equal({
      channel: 7,
      size: 42,
      a: 'kept',
      id: 'm1',
    });
    expect(unreadableIn(fields.headers)).to.equal(
      'headers that cannot be decoded were left out: "odd" and all after it',
    );
    expect(reader.recvFrame()).to.equal(false);
  });

  it('B15: reads the frames around one that cannot be decoded, each once', () => {
    const reader = readerOf(
      Buffer.concat([headerFrame([], 'm1'), headerFrame([['deep', deepTable()]], 'm2'), headerFrame([], 'm3')]),
    );
    const ids = [1, 2, 3].map(() => (reader.recvFrame() as Decoded).fields.messageId);
    expect(ids).to.deep.equal(['m1', 'm2', 'm3']);
    expect(reader.recvFrame()).to.equal(false);
  });

  it('leaves a frame alone that can be decoded, and one whose fault is not in its headers', () => {
    const sound = readerOf(headerFrame([['a', textValue('b')]])).recvFrame() as Decoded;
    expect([sound.fields.headers, unreadableIn(sound.fields.headers)]).to.deep.equal([{ a: 'b' }, undefined]);
    const broken = readerOf(frame(2, 1, Buffer.concat([short(60), short(0), long(0), long(1), short(0x8000)])));
    expect(() => broken.recvFrame()).to.throw();
    const notAFrame = readerOf(frame(9, 1, Buffer.of(1)));
    expect(() => notAFrame.recvFrame()).to.throw('Unknown frame type');
  });

  it('gives a frame or the decoder’s own error for any bytes, and never loops', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
    fc.assert(
      fc.property(bytes, bytes, (value, more) => {
        const reader = readerOf(
          headerFrame([
            ['a', Buffer.concat([Buffer.from('F'), longString(value)])],
            ['b', more],
          ]),
        );
        const before = reader.rest.length;
        try {
          reader.recvFrame();
        } catch (error) {
          expect(error).to.be.instanceOf(Error);
        }
        expect(reader.rest.length).to.be.at.most(before);
      }),
      { numRuns: 500 },
    );
  });
});

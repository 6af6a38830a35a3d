import { runInNewContext } from 'node:vm';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { map, of } from 'rxjs';
import { ResultInvalidError } from '../../src/errors.ts';
import { codec } from '../../src/message/body-codec.ts';
import { decodeBody, encodeBody } from '../../src/message/codec.ts';
import type { MessageProperties } from '../../src/message/delivery.ts';
import { unheardRejections } from '../support/rejections.ts';

const limits = { maxBytes: 1_000 };
const decode = (body: Uint8Array, properties: MessageProperties = {}) => {
  const decoded = decodeBody(body, properties, limits);
  return decoded.ok ? decoded.value : `${decoded.error.fault}: ${decoded.error.message}`;
};

describe('decodeBody', () => {
  it('reads JSON where no content type is given, or a JSON one', () => {
    for (const contentType of [
      '',
      'application/json',
      'application/JSON; charset=utf-8',
      'application/cloudevents+json',
      'text/json',
    ]) {
      expect(decode(Buffer.from('{"a":1}'), { contentType })).to.deep.equal({ a: 1 });
    }
    expect(decode(Buffer.from('{"a":1}'))).to.deep.equal({ a: 1 });
  });

  it('gives text and bytes as they are', () => {
    expect(decode(Buffer.from('žluťoučký'), { contentType: 'text/plain' })).to.equal('žluťoučký');
    expect(decode(Uint8Array.of(1, 2), { contentType: 'application/octet-stream' })).to.deep.equal(Uint8Array.of(1, 2));
    expect(decode(Uint8Array.of(0xff), { contentType: 'text/plain' })).to.equal('encoding: body is not valid UTF-8');
  });

  it('reads text in the charset it names, and refuses one it does not know', () => {
    const text = (charset: string, body: Uint8Array) => decode(body, { contentType: `text/plain; charset=${charset}` });
    expect(text('UTF-8', Buffer.from('é'))).to.equal('é');
    expect(text('"iso-8859-1"', Uint8Array.of(0xe9))).to.equal('é');
    expect(text('utf-16le', Buffer.from('é', 'utf16le'))).to.equal('é');
    expect(text('utf-16le', Uint8Array.of(0x00, 0xd8))).to.equal('encoding: body is not valid UTF-16LE');
    expect(text('klingon', Buffer.from('x'))).to.equal('content-type: charset "klingon" is not known');
  });

  it('inflates gzip and deflate', () => {
    expect(decode(gzipSync('{"a":1}'), { contentEncoding: 'gzip' })).to.deep.equal({ a: 1 });
    expect(decode(gzipSync('{"a":1}'), { contentEncoding: 'GZip' })).to.deep.equal({ a: 1 });
    expect(decode(deflateSync('{"a":1}'), { contentEncoding: 'deflate' })).to.deep.equal({ a: 1 });
    expect(decode(Buffer.from('{"a":1}'), { contentEncoding: 'identity' })).to.deep.equal({ a: 1 });
    expect(decode(Buffer.from('{"a":1}'), { contentEncoding: 'utf-8' })).to.deep.equal({ a: 1 });
  });

  it('B7: stops a bomb at the limit, before it is parsed', () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    expect(decodeBody(bomb, { contentEncoding: 'gzip' }, { maxBytes: 100_000 })).to.have.nested.property(
      'error.fault',
      'size',
    );
  });

  it('refuses what says gzip and is none, and encodings it does not know', () => {
    expect(decode(Buffer.from('{"a":1}'), { contentEncoding: 'gzip' })).to.equal('encoding: body is not gzip');
    expect(decode(Buffer.from('x'), { contentEncoding: 'br' })).to.equal(
      'encoding: content encoding "br" is none of gzip, deflate, identity',
    );
  });

  it('B6: looks at the size first', () => {
    expect(decode(Buffer.alloc(1_001))).to.equal('size: body has 1001 bytes, allowed are 1000');
  });

  describe('of a body without bytes', () => {
    const none = Buffer.alloc(0);

    it('calls it empty where it is to be JSON', () => {
      for (const contentType of ['', 'application/json', 'text/json', 'application/cloudevents+json'])
        expect(decode(none, { contentType }), contentType).to.equal('empty: body is empty');
      expect(decode(none)).to.equal('empty: body is empty');
      expect(decode(gzipSync(''), { contentEncoding: 'gzip' })).to.equal('empty: body is empty');
      expect(decode(none, { contentType: 'image/png' })).to.match(/^content-type: content type "image\/png"/);
    });

    it('gives a text and bytes of which there are none', () => {
      expect(decode(none, { contentType: 'text/plain; charset=utf-16le' })).to.equal('');
      expect(decode(none, { contentType: 'application/octet-stream' })).to.deep.equal(none);
    });

    it('asks the codec of its type, whatever that is', () => {
      for (const contentType of ['application/x-protobuf', 'application/json']) {
        const count = codec({ contentType, decode: ({ byteLength }) => ({ byteLength }), encode: () => none });
        const decoded = (body: Uint8Array, contentEncoding?: string) =>
          decodeBody(
            body,
            { contentType, ...(contentEncoding === undefined ? {} : { contentEncoding }) },
            { ...limits, codecs: [count] },
          );
        expect(decoded(none)).to.deep.equal({ ok: true, value: { byteLength: 0 } });
        expect(decoded(gzipSync(''), 'gzip')).to.deep.equal({ ok: true, value: { byteLength: 0 } });
      }
    });
  });

  it('hears the rejection of a promise that a codec gave', async () => {
    const properties = { contentType: late.contentType };
    const unheard = await unheardRejections(() =>
      expect(decodeBody(Buffer.from('x'), properties, { ...limits, codecs: [late] })).to.have.nested.property(
        'error.message',
        'the codec of application/avro gave a Promise; codecs are synchronous',
      ),
    );
    expect(unheard).to.deep.equal([]);
  });
});

const tooLate = async (): Promise<never> => {
  throw new Error('too late');
};
const late = codec({ contentType: 'application/avro', decode: tooLate as () => unknown, encode: tooLate as never });

/** JSON sees nothing of it. */
class Price {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  get cents(): number {
    return this.#cents;
  }
}

describe('encodeBody', () => {
  const encoded = (value: unknown): string => Buffer.from(encodeBody(value).body).toString();

  it('is read back by decodeBody, whatever JSON value it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const { body, contentType } = encodeBody(value);
        const text = Buffer.from(body).toString();
        if (/\d{16}|\de|__proto__/.test(text)) return;
        expect(decodeBody(body, { contentType }, { maxBytes: 1e9 })).to.deep.equal({
          ok: true,
          value: JSON.parse(text),
        });
      }),
    );
  });

  it('sends bytes as bytes and dates as ISO text, and leaves undefined members out', () => {
    expect(encodeBody(Uint8Array.of(1))).to.deep.equal({
      body: Uint8Array.of(1),
      contentType: 'application/octet-stream',
    });
    expect(encoded({ at: new Date(0), gone: undefined, no: null })).to.equal(
      '{"at":"1970-01-01T00:00:00.000Z","no":null}',
    );
  });

  it('takes what a map, bytes and a date say of themselves by a toJSON of their own', () => {
    const says = <T extends object>(value: T): T => Object.assign(value, { toJSON: () => ({ n: null }) });
    const value = [says(new Map([[1, 2]])), says(Uint8Array.of(1)), says(Buffer.of(1)), says(new Date(Number.NaN))];
    expect(String(Buffer.from(encodeBody(value).body))).to.equal('[{"n":null},{"n":null},{"n":null},{"n":null}]');
  });

  it('takes what has members alone, and values in objects of their own, for what they are', () => {
    const value = {
      sandboxed: runInNewContext('({})'),
      bare: Object.create(null),
      n: Object(5),
      s: Object(''),
      b: Object(false),
    };
    expect(encoded(value)).to.equal('{"sandboxed":{},"bare":{},"n":5,"s":"","b":false}');
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = [deep];
  const endless = { toJSON: () => ({ endless }) };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const [value, path] of [
    [{ a: [1, Number.NaN] }, 'value.a[1] is NaN'],
    [{ a: Number.POSITIVE_INFINITY }, 'value.a is Infinity'],
    [{ id: 1n }, 'value.id is a BigInt'],
    [{ a: { b: Buffer.from('x') } }, 'value.a.b holds bytes'],
    [{ d: new Uint8Array([1, 2]) }, 'value.d holds bytes'],
    [{ m: new Map([[1, 2]]) }, 'value.m is a Map'],
    [{ s: new Set([1]) }, 'value.s is a Set'],
    [{ at: new Date(Number.NaN) }, 'value.at is an invalid Date'],
    [{ n: Object(Number.NaN) }, 'value.n is NaN'],
    [new Error('no'), 'value is an Error without members of its own'],
    [{ price: new Price(5) }, 'value.price is a Price without members of its own'],
    [{ paid: Promise.resolve(5) }, 'value.paid is a promise'],
    [{ charge: of(1).pipe(map(String)) }, 'value.charge is an Observable'],
    [[() => 1], 'value[0] is a function'],
    [{ total: () => 1 }, 'value.total is a function'],
    [{ kind: Symbol('s') }, 'value.kind is a symbol'],
    [[undefined], 'value[0] is undefined'],
    [Object.assign([1], { length: 2 }), 'value[1] is undefined'],
    [circle, 'value.self leads back to itself'],
    [deep, 'value is nested too deeply, or too long, to be written as JSON'],
    [endless, 'value is nested too deeply, or too long, to be written as JSON'],
    [{ toJSON: () => new Date(Number.NaN).toISOString() }, 'JSON: its toJSON or a getter failed'],
    [
      { a: Object.defineProperty({}, 'b', { enumerable: true, get: () => BigInt(0.5) }) },
      'JSON: its toJSON or a getter failed',
    ],
    [{ revoked }, 'value cannot be written as JSON: Cannot perform'],
    [undefined, 'value is undefined'],
    [() => 1, 'value is function'],
  ] as const) {
    it(`refuses ${path}`, () => expect(() => encodeBody(value)).to.throw(ResultInvalidError, path));
  }

  it('hears the rejection of a promise that it was given, or that a codec gave', async () => {
    const unheard = await unheardRejections(() => {
      expect(() => encodeBody(1, late)).to.throw(
        ResultInvalidError,
        'the codec of application/avro gave a Promise; codecs are synchronous',
      );
      expect(() => encodeBody({ paid: tooLate() })).to.throw(ResultInvalidError, 'value.paid is a promise');
    });
    expect(unheard).to.deep.equal([]);
  });
});

/** CloudEvents over AMQP, both ways and in both modes. */
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { codec } from '../../src/message/body-codec.ts';
import { type EventAttributes, readCloudEvent, writeCloudEvent } from '../../src/message/cloud-events.ts';
import { encodeBody } from '../../src/message/codec.ts';
import type { Headers, MessageProperties } from '../../src/message/delivery.ts';

const limits = { maxBytes: 10_000 };
const required = {
  'cloudEvents:specversion': '1.0',
  'cloudEvents:id': 'e1',
  'cloudEvents:source': '/s',
  'cloudEvents:type': 't',
};
const event = { specversion: '1.0', id: 'e1', source: '/s', type: 't' };
const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

const read = (body: Buffer, properties: MessageProperties, headers: Headers = {}) => {
  const decoded = readCloudEvent(body, properties, headers, limits);
  return decoded.ok ? { ...(decoded.value as object) } : `${decoded.error.fault}: ${decoded.error.message}`;
};
const structured = (value: unknown, properties: MessageProperties = {}) =>
  read(text(value), { contentType: 'application/cloudevents+json; charset=utf-8', ...properties });

describe('a CloudEvent', () => {
  it('is read from headers of either prefix, with its data by its content type', () => {
    const data = text({ n: 1 });
    const json = { contentType: 'application/json' };
    expect(read(data, json, required)).to.deep.equal({ ...event, datacontenttype: 'application/json', data: { n: 1 } });
    const others = Object.fromEntries(Object.entries(required).map(([name, value]) => [name.replace(':', '_'), value]));
    const extensions = {
      'cloudEvents:subject': 'o-1',
      cloudEvents_tenant: 7,
      'cloudEvents:time': new Date(0),
      other: 'x',
    };
    expect(read(data, json, { ...others, ...extensions })).to.deep.include({
      subject: 'o-1',
      tenant: 7,
      time: '1970-01-01T00:00:00.000Z',
      data: { n: 1 },
    });
    expect(read(text('hi'), { contentType: 'text/plain' }, required)).to.deep.include({ data: 'hi' });
    expect(read(gzipSync(data), { ...json, contentEncoding: 'gzip' }, required)).to.deep.include({ data: { n: 1 } });
    expect(read(Buffer.alloc(0), {}, required)).to.deep.equal(event);
  });

  it('is read from one JSON text, its data as a value or as base64', () => {
    expect(structured({ ...event, data: { n: 1 } })).to.deep.equal({ ...event, data: { n: 1 } });
    expect(structured({ ...event })).to.deep.equal(event);
    const base64 = text({ n: 2 }).toString('base64');
    expect(structured({ ...event, datacontenttype: 'application/json', data_base64: base64 })).to.deep.include({
      data: { n: 2 },
    });
    expect(structured({ ...event, data_base64: 'AP8=' })).to.deep.include({ data: Buffer.from([0, 255]) });
  });

  it('has no data where there is no body, unless that is something in its type: a text, bytes, what a codec takes', () => {
    const none = Buffer.alloc(0);
    const ofType = (datacontenttype: string) => ({ ...event, datacontenttype });
    for (const contentType of ['application/json', 'application/vnd.a+json', 'image/png'])
      expect(read(none, { contentType }, required)).to.deep.equal(ofType(contentType));
    expect(read(none, { contentType: 'text/plain' }, required)).to.deep.equal({ ...ofType('text/plain'), data: '' });
    const bytes = 'application/octet-stream';
    expect(read(none, { contentType: bytes }, required)).to.deep.equal({ ...ofType(bytes), data: none });
    expect(structured({ ...event, data_base64: '' })).to.deep.equal({ ...event, data: none });

    const [counting, refusing] = ['application/x-counting', 'application/x-refusing'];
    const refuse = () => {
      throw new RangeError('nothing there');
    };
    const codecs = [
      codec({ contentType: counting, decode: ({ byteLength }) => byteLength, encode: () => none }),
      codec({ contentType: refusing, decode: refuse, encode: () => none }),
    ];
    const ofCodec = (contentType: string) => {
      const decoded = readCloudEvent(none, { contentType }, required, { ...limits, codecs });
      return decoded.ok && { ...(decoded.value as object) };
    };
    expect(ofCodec(counting)).to.deep.equal({ ...ofType(counting), data: 0 });
    expect(ofCodec(refusing)).to.deep.equal(ofType(refusing));
  });

  const refused: Readonly<Record<string, readonly [() => unknown, string]>> = {
    'no headers': [
      () => read(text('{}'), {}),
      'event: message is no CloudEvent: it has no header cloudEvents:specversion, and its content type is not application/cloudevents+json',
    ],
    'another version': [
      () => read(text('{}'), {}, { ...required, 'cloudEvents:specversion': '0.3' }),
      'event: message is no CloudEvent: specversion is not "1.0"',
    ],
    'required ones missing': [
      () => structured({ specversion: '1.0', id: '', type: 't' }),
      'event: message is no CloudEvent: id, source are missing or no text',
    ],
    'a name that is none': [
      () => read(text('{}'), {}, { ...required, 'cloudEvents:Bad-Name': 'x' }),
      'event: "cloudEvents:Bad-Name" is no attribute of a CloudEvent: names are of a-z and 0-9',
    ],
    'data twice': [
      () => structured({ ...event, data: 1, data_base64: 'AA==' }),
      'event: message is no CloudEvent: it has data and data_base64',
    ],
    'base64 that is none': [
      () => structured({ ...event, data_base64: '*' }),
      'event: message is no CloudEvent: data_base64 is no base64',
    ],
    'a list': [() => structured([event]), 'event: message is no CloudEvent: its body is no object'],
    'a batch': [
      () => read(text([event]), { contentType: 'application/cloudevents-batch+json' }),
      'event: message is a batch of CloudEvents; publish each as a message of its own',
    ],
    'malformed JSON': [() => structured('{"specversion'), 'parse: body is not JSON'],
    'malformed data': [() => read(text('{'), { contentType: 'application/json' }, required), 'parse: body is not JSON'],
    'a bomb': [
      () =>
        structured(event, {}) &&
        read(gzipSync(Buffer.alloc(1_000_000, 0x20)), {
          contentType: 'application/cloudevents+json',
          contentEncoding: 'gzip',
        }),
      'size: body inflates to more than 10000 bytes',
    ],
    depth: [
      () =>
        structured(
          `{"specversion":"1.0","id":"e","source":"s","type":"t","data":${'['.repeat(200)}${']'.repeat(200)}}`,
        ),
      'depth: body is nested deeper than 100',
    ],
  };
  for (const [what, [reading, expected]] of Object.entries(refused))
    it(`is refused with its reason: ${what}`, () => {
      expect(String(reading()).startsWith(expected), String(reading())).to.equal(true);
    });

  it('pollutes no prototype, and takes no attribute for one', () => {
    const body =
      '{"specversion":"1.0","id":"e","source":"s","type":"t","__proto__":{"polluted":1},"data":{"__proto__":{"polluted":1}}}';
    const found = structured(body) as Record<string, unknown>;
    expect([found.polluted, (found.data as Record<string, unknown>).polluted]).to.deep.equal([undefined, undefined]);
  });

  it('refuses to write attributes no event may have', () => {
    const write =
      (others: Record<string, unknown>, source = '/s') =>
      () =>
        writeCloudEvent(1, encodeBody(1), { id: 'e', source, type: 't', others }, 'binary');
    for (const others of [
      { id: 'x' },
      { data: 'x' },
      { Name: 'x' },
      { 'a-b': 'x' },
      { subject: '' },
      { n: 1.5 },
      { n: 2 ** 40 },
      { o: {} },
    ])
      expect(write(others), JSON.stringify(others)).to.throw('event attribute');
    expect(write({}, '')).to.throw('source and type are texts');
    expect(write({ subject: undefined })().headers).to.not.have.property('cloudEvents:subject');
  });

  const attributes: fc.Arbitrary<EventAttributes> = fc.record({
    id: fc.string({ minLength: 1 }),
    source: fc.string({ minLength: 1 }),
    type: fc.string({ minLength: 1 }),
    others: fc.dictionary(
      fc
        .stringMatching(/^[a-z0-9]{1,20}$/)
        .filter((name) => !['id', 'source', 'type', 'data', 'specversion', 'datacontenttype'].includes(name)),
      fc.oneof(fc.string({ minLength: 1 }), fc.boolean(), fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 })),
      { maxKeys: 4 },
    ),
  });
  const values = fc.oneof(
    fc
      .json()
      .map((json) => JSON.parse(json) as unknown)
      .filter(
        (value) =>
          !JSON.stringify(value).includes('__proto__') &&
          noLoneSurrogate(value) &&
          !/\d{16}|e[+-]?\d/i.test(JSON.stringify(value)),
      ),
    fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  );

  for (const mode of ['binary', 'structured'] as const)
    it(`law: is read as it was written, ${mode}, whatever its data and attributes`, () => {
      fc.assert(
        fc.property(values, attributes, (value, { id, source, type, others }) => {
          const { body, contentType, headers } = writeCloudEvent(
            value,
            encodeBody(value),
            { id, source, type, others },
            mode,
          );
          const decoded = readCloudEvent(body, { contentType }, headers, { maxBytes: 1_000_000 });
          if (!decoded.ok) throw decoded.error;
          const found = decoded.value as Record<string, unknown>;
          expect({ ...found, datacontenttype: undefined }).to.deep.equal({
            specversion: '1.0',
            id,
            source,
            type,
            ...others,
            data: value,
            datacontenttype: undefined,
          });
        }),
      );
    });

  it('law: whatever comes, reading it gives an event or a reason', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        fc.dictionary(fc.string(), fc.string()),
        (body, isStructured, extra) => {
          const headers = Object.fromEntries(
            Object.entries(extra).map(([name, value]) => [`cloudEvents:${name}`, value]),
          );
          const contentType = isStructured ? 'application/cloudevents+json' : 'application/json';
          const decoded = readCloudEvent(body, { contentType }, { ...required, ...headers }, limits);
          expect(decoded.ok || decoded.error.code === 'ERR_PAYLOAD_INVALID').to.equal(true);
        },
      ),
    );
  });

  it('carries data of a codec, binary as it is and structured as base64', () => {
    const hex = codec<string>({
      contentType: 'application/x-hex',
      decode: (body) => Buffer.from(body).toString('hex'),
      encode: (value) => Buffer.from(value, 'hex'),
    });
    for (const mode of ['binary', 'structured'] as const) {
      const { body, contentType, headers } = writeCloudEvent(
        'c0de',
        encodeBody('c0de', hex),
        { id: 'e', source: '/s', type: 't', others: {} },
        mode,
      );
      const decoded = readCloudEvent(body, { contentType }, headers, { ...limits, codecs: [hex] });
      expect(decoded.ok && (decoded.value as { data: unknown }).data).to.equal('c0de');
    }
  });
});

const noLoneSurrogate = (value: unknown): boolean => !/\\ud[89a-f]/i.test(JSON.stringify(value));

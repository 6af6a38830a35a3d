/** Pipelines that read and write other messages than JSON: by codec, as CloudEvents, compressed, in versions. */
import { gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import avro from 'avsc';
import { expect } from 'chai';
import { EMPTY, NEVER, of } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { DefinitionError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { codec } from '../../src/message/body-codec.ts';
import { versions } from '../../src/message/versions.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { ReadOptions, WriteOptions } from '../../src/pipeline/message-format.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { every } from '../../src/sources/every.ts';
import { unheardRejections } from '../support/rejections.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const Order = z.object({ id: z.string(), total: z.number() });
const order = { id: 'o-1', total: 20 };
type Delivered = Parameters<ScriptedBroker['deliver']>[0];

interface Forms {
  readonly input?: z.ZodType;
  readonly reads?: ReadOptions;
  readonly writes?: WriteOptions<unknown, unknown>;
}

const echo = ({ input = Order, reads, writes }: Forms) =>
  definePipeline({
    name: 'echo',
    source: queue('work', { retry: false }),
    input,
    publishes: ['out'],
    ...(reads === undefined ? {} : { reads }),
    ...(writes === undefined ? {} : { writes }),
    handle: (message) => of(message),
    output: () => exchange('out', 'echoed', { headers: { own: 'x' } }),
  });

/** What a pipeline that emits what it is given makes of these messages. */
function made(forms: Forms, ...deliveries: readonly Delivered[]) {
  const broker = new ScriptedBroker();
  new TestScheduler(() => {}).run(({ flush }) => {
    const run = runPipeline(echo(forms), {
      broker,
      facts: createFacts(),
      drain: NEVER,
      halt: NEVER,
      journal: createMemoryJournal(),
      log: silentLogger,
      random: () => 0.5,
      topology: 'assert',
      bindApi: () => {
        throw new Error('no API is declared');
      },
      availabilityOf: () => EMPTY,
    });
    run.work.subscribe();
    for (const delivery of deliveries) broker.deliver(delivery);
    flush();
  });
  return broker.published.map(({ message }) => message);
}
const json = (body: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(body ?? []).toString());

const type = avro.Type.forSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total', type: 'double' },
  ],
});
const avroOrder = codec<z.output<typeof Order>>({
  contentType: 'application/avro',
  decode: (body) => type.fromBuffer(Buffer.from(body)),
  encode: (value) => type.toBuffer(value),
});

describe('messages of other forms', () => {
  it('are read and written by a codec, and JSON is read beside it', () => {
    const bytes = type.toBuffer(order);
    const forms = { reads: { codecs: [avroOrder] }, writes: { codec: avroOrder } };
    const [first, second] = made(
      forms,
      { bytes, properties: { contentType: 'Application/Avro; v=1' } },
      { body: order },
    );
    for (const result of [first, second]) {
      expect(result?.properties.contentType).to.equal('application/avro');
      expect({ ...(type.fromBuffer(Buffer.from(result?.body ?? [])) as object) }).to.deep.equal(order);
    }
  });

  it('are dead-lettered with the reason, and none of their content, where a codec or its absence fails them', () => {
    const canary = Buffer.from('canary');
    const reason = (forms: Forms, delivery: Delivered) => {
      const [letter] = made(forms, delivery);
      expect(letter?.routingKey).to.equal('work.dead');
      return letter?.headers['x-sluice-error-message'];
    };
    const throws = codec({
      contentType: 'application/avro',
      decode: () => {
        throw new RangeError('canary');
      },
      encode: () => {
        throw new RangeError('too much');
      },
    });
    const inAvro = { bytes: canary, properties: { contentType: 'application/avro' } };
    expect(reason({ reads: { codecs: [throws] } }, inAvro)).to.equal(
      'body cannot be read as application/avro: its codec threw RangeError',
    );
    expect(
      reason({ reads: { codecs: [throws] } }, { bytes: canary, properties: { contentType: 'application/protobuf' } }),
    ).to.include('application/octet-stream, application/avro');
    expect(reason({}, inAvro)).to.match(
      /content type "application\/avro" is none of application\/json, text\/\*, application\/octet-stream$/,
    );
    expect(reason({ writes: { codec: throws } }, { body: order })).to.equal(
      'result cannot be written as application/avro: its codec threw RangeError',
    );
    const late = codec({
      contentType: 'application/avro',
      decode: (async () => order) as () => unknown,
      encode: () => 'text' as never,
    });
    expect(reason({ reads: { codecs: [late] } }, inAvro)).to.include('gave a Promise; codecs are synchronous');
    expect(reason({ writes: { codec: late } }, { body: order })).to.equal(
      'the codec of application/avro gave no bytes',
    );
    const bomb = {
      bytes: gzipSync(Buffer.alloc(5_000_000)),
      properties: { contentType: 'application/avro', contentEncoding: 'gzip' },
    };
    expect(reason({ reads: { codecs: [avroOrder] } }, bomb)).to.equal('body inflates to more than 1048576 bytes');
  });

  it('B1: may be empty where that is something to their codec, as are results; the schema has the last word', () => {
    const Defaults = z.object({ id: z.string(), total: z.number() });
    const sparse = codec<z.output<typeof Defaults>>({
      contentType: 'application/x-sparse',
      decode: (body) => ({ id: '', total: 0, ...(body.byteLength === 0 ? {} : (json(body) as object)) }),
      encode: ({ id, total }) => Buffer.from(id === '' && total === 0 ? '' : JSON.stringify({ id, total })),
    });
    const empty = { bytes: Buffer.alloc(0), properties: { contentType: 'application/x-sparse' } };
    const forms: Forms = { reads: { codecs: [sparse] }, writes: { codec: sparse } };
    const [result] = made({ ...forms, input: Defaults }, empty);
    expect(result?.routingKey).to.equal('echoed');
    expect(result?.body.byteLength).to.equal(0);
    const [letter] = made({ ...forms, input: Defaults.refine(({ id }) => id !== '', { error: 'has no id' }) }, empty);
    expect(letter?.headers['x-sluice-error-message']).to.equal('message does not fit its schema: has no id');
    const [text] = made({ input: z.string() }, { bytes: Buffer.alloc(0), properties: { contentType: 'text/plain' } });
    expect(json(text?.body)).to.equal('');
    const [unsaid] = made(forms, { bytes: Buffer.alloc(0) });
    expect(unsaid?.headers['x-sluice-error-message']).to.equal('body is empty');
  });

  const event = {
    'cloudEvents:specversion': '1.0',
    'cloudEvents:id': 'e1',
    'cloudEvents:source': '/shop',
    'cloudEvents:type': 'placed',
  };

  it('are CloudEvents whose data, or all of which, the schema sees, and results that are some', () => {
    const cloudEvents = {
      source: '/echo',
      type: () => 'echoed',
      attributes: (result: unknown) => ({ subject: (result as typeof order).id, tenant: undefined }),
    };
    const [binary] = made({ reads: { cloudEvents: 'data' }, writes: { cloudEvents } }, { body: order, headers: event });
    expect({ ...binary?.headers }).to.deep.include({
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': binary?.properties.messageId,
      'cloudEvents:source': '/echo',
      'cloudEvents:type': 'echoed',
      'cloudEvents:subject': 'o-1',
      own: 'x',
    });
    expect(json(binary?.body)).to.deep.equal(order);

    const Event = z.object({ id: z.string(), source: z.string(), data: Order });
    const bytes = Buffer.from(
      JSON.stringify({ specversion: '1.0', id: 'e1', source: '/shop', type: 'placed', data: order }),
    );
    const structured = { bytes, properties: { contentType: 'application/cloudevents+json' } };
    const forms: Forms = {
      input: Event,
      reads: { cloudEvents: 'event' },
      writes: { cloudEvents: { ...cloudEvents, mode: 'structured', attributes: () => ({}) } },
    };
    const [whole] = made(forms, structured);
    expect(whole?.properties.contentType).to.equal('application/cloudevents+json; charset=utf-8');
    expect(json(whole?.body)).to.deep.equal({
      specversion: '1.0',
      id: whole?.properties.messageId,
      source: '/echo',
      type: 'echoed',
      datacontenttype: 'application/json',
      data: { id: 'e1', source: '/shop', data: order },
    });
    const [plain] = made({ reads: { cloudEvents: 'data' } }, { body: order });
    expect(plain?.headers['x-sluice-error-message']).to.equal(
      'message is no CloudEvent: it has no header cloudEvents:specversion, and its content type is not application/cloudevents+json',
    );
    const [wrong] = made(
      { writes: { cloudEvents: { source: '/echo', type: 't', attributes: () => ({ 'no-name': 1 }) } } },
      { body: order },
    );
    expect(wrong?.headers['x-sluice-error-message']).to.include('event attribute "no-name"');
  });

  it('are no events of what their functions only promise, and a promise that is broken later costs nobody anything', async () => {
    const promised = (async () => {
      throw new Error('too late');
    }) as never;
    const reasonOf = (changes: object): unknown => {
      const cloudEvents = { source: '/echo', type: 'echoed', ...changes };
      const [letter] = made({ writes: { cloudEvents } }, { body: order });
      return letter?.headers['x-sluice-error-message'];
    };
    const unheard = await unheardRejections(() => {
      expect(reasonOf({ attributes: promised })).to.equal(
        'attributes must return an object of attributes, and gave a Promise',
      );
      expect(reasonOf({ attributes: () => 'none' })).to.equal('attributes must return an object of attributes');
      expect(reasonOf({ type: promised })).to.equal('event: source and type are texts that are not empty');
    });
    expect(unheard).to.deep.equal([]);
  });

  for (const [compress, inflate] of [
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const)
    it(`go out under ${compress} where they are large enough for it`, () => {
      const large = { id: 'x'.repeat(2_000), total: 1 };
      const [small, result] = made({ writes: { compress } }, { body: order }, { body: large });
      expect(small?.properties).to.not.have.property('contentEncoding');
      expect(result?.properties.contentEncoding).to.equal(compress);
      expect(result?.body.byteLength).to.be.lessThan(200);
      expect(json(inflate(result?.body ?? Buffer.alloc(0)))).to.deep.equal(large);
    });

  it('B13: come in versions, lifted to the newest, and one nobody knows is dead-lettered by its number', () => {
    const input = versions(z.object({ id: z.string() }), { missing: 1 }).next(Order, ({ id }) => ({ id, total: 0 }));
    const [old, newest, unknown] = made(
      { input },
      { body: { id: 'a' } },
      { body: { version: 2, ...order } },
      { body: { version: 3 } },
    );
    expect(json(old?.body)).to.deep.equal({ id: 'a', total: 0 });
    expect(json(newest?.body)).to.deep.equal(order);
    expect(unknown?.headers['x-sluice-error-message']).to.equal(
      'message does not fit its schema: version: is none of the known versions 1, 2',
    );
  });

  it('are refused at start where their forms are wrong, each by its path', () => {
    const wrong = () =>
      echo({
        reads: { codecs: [{}], cloudEvents: 'all' } as never,
        writes: { compress: 'br', cloudEvents: { source: '', type: 1 } } as never,
      });
    expect(wrong)
      .to.throw(DefinitionError)
      .with.property('message')
      .that.includes('reads.codecs')
      .and.includes('writes.compress')
      .and.includes('writes.cloudEvents.source');
    const fired = () =>
      definePipeline({ name: 'fired', source: every('5m'), reads: { cloudEvents: 'data' }, handle: () => [] });
    expect(fired).to.throw(DefinitionError, 'the messages of its source are plain JSON and no CloudEvents');
    expect(() => codec({ contentType: 'avro', decode: 1 as never, encode: () => Buffer.alloc(0) })).to.throw(
      DefinitionError,
      'like application/avro',
    );
  });
});

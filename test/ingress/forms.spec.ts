/** Messages of other forms than plain JSON, from the request to the answer: what the front door lets through, its pipeline reads as the same. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { openApiOf } from '../../src/ingress/open-api.ts';
import { codec } from '../../src/message/body-codec.ts';
import { versions } from '../../src/message/versions.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { entrancesOf } from '../../src/worker/entrances.ts';
import { type DoorUnderTest, openDoor } from '../support/front-door.ts';

/** Pairs of a name and a number, as no JSON has them: `id=7;n=3`. */
const Pairs = z.object({ id: z.string().min(1), n: z.coerce.number().int() });
const pairs = codec<z.output<typeof Pairs>>({
  contentType: 'application/x-pairs',
  decode: (body) => {
    const text = Buffer.from(body).toString();
    if (!/^[a-z]+=\w+(;[a-z]+=\w+)*$/.test(text)) throw new RangeError(`no pairs: ${text}`);
    return Object.fromEntries(text.split(';').map((pair) => pair.split('=')));
  },
  encode: ({ id, n }) => Buffer.from(`id=${id};n=${n}`),
});
const doubled = ({ id, n }: z.output<typeof Pairs>) => of({ id, n: 2 * n });

const coded = definePipeline({
  name: 'coded',
  source: queue('coded', { retry: false }),
  input: Pairs,
  reads: { codecs: [pairs] },
  writes: { codec: pairs, compress: 'gzip' },
  handle: doubled,
  ingress: { path: '/coded', wait: '20s', respond: (result) => ({ status: 201, body: result }) },
});
/** As Protocol Buffers write what holds nothing but defaults: as nothing. */
const switches = codec<boolean>({
  contentType: 'application/x-switch',
  decode: (body) => body.byteLength > 0,
  encode: (isOn) => Buffer.from(isOn ? '1' : ''),
});
const switched = definePipeline({
  name: 'switched',
  source: queue('switched', { retry: false }),
  input: z.boolean(),
  reads: { codecs: [switches] },
  writes: { codec: switches },
  handle: (isOn) => of(isOn),
  ingress: { path: '/switched', wait: '20s', responses: { 200: z.boolean() } },
});
const emptied = definePipeline({
  name: 'emptied',
  source: queue('emptied', { retry: false }),
  input: z.boolean(),
  handle: () => of(new Uint8Array()),
  ingress: {
    path: '/emptied',
    wait: '20s',
    respond: (bytes) => ({ status: 200, body: { bytes: bytes.byteLength } }),
  },
});
/** JSON of its own kind: what is application/json is lower-case there. */
const shouting = definePipeline({
  name: 'shouting',
  source: queue('shouting', { retry: false }),
  input: z.string(),
  reads: {
    codecs: [
      codec({
        contentType: 'application/json',
        decode: (body) => Buffer.from(body).toString().toUpperCase(),
        encode: () => Buffer.alloc(0),
      }),
    ],
  },
  handle: (text) => of(text),
  ingress: { path: '/shouting', wait: '20s' },
});
const Placed = z.object({ order: z.string().min(1) });
const data = definePipeline({
  name: 'data',
  source: queue('data', { retry: false }),
  input: Placed,
  reads: { cloudEvents: 'data', codecs: [pairs] },
  handle: ({ order }) => of({ taken: order }),
  writes: { cloudEvents: { source: '/taken', type: 'order.taken', mode: 'structured' } },
  ingress: { path: '/data', wait: '20s' },
});
const whole = definePipeline({
  name: 'whole',
  source: queue('whole', { retry: false }),
  input: z.object({ id: z.string(), type: z.string(), subject: z.string().optional(), data: Placed.optional() }),
  reads: { cloudEvents: 'event' },
  handle: ({ id, type, subject, data: of_ }) => of({ id, type, subject, order: of_?.order }),
  writes: { cloudEvents: { source: '/seen', type: 'event.seen' } },
  ingress: { path: '/whole', wait: '20s' },
});
const Person = versions(z.object({ name: z.string() }), { missing: 1 }).next(
  z.object({ first: z.string(), last: z.string() }),
  ({ name }) => ({ first: name.split(' ')[0] ?? '', last: name.split(' ')[1] ?? '' }),
);
const versioned = definePipeline({
  name: 'versioned',
  source: queue('versioned', { retry: false }),
  input: Person,
  handle: (person) => of(person),
  ingress: { path: '/versioned', wait: '20s' },
});
const sized = definePipeline({
  name: 'sized',
  source: queue('sized', { retry: false }),
  input: z.object({ kind: z.enum(['bytes', 'infinity']) }),
  handle: ({ kind }) => of(kind),
  ingress: {
    path: '/sized',
    wait: '20s',
    respond: (kind) => ({
      status: 200,
      body: kind === 'bytes' ? { picture: Buffer.from('x') } : Number.POSITIVE_INFINITY,
    }),
  },
});

const pipelines = [coded, switched, emptied, shouting, data, whole, versioned, sized];

describe('the front door and forms of messages', () => {
  let subject: DoorUnderTest;
  before(async () => {
    subject = await openDoor(pipelines);
  });
  after(() => subject.stop());
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const { status, body: told, text, headers: sent } = await subject.ask(path, { body, headers });
    const problem = String(told.type ?? '').replace('urn:sluice:problem:', '');
    return { status, told, text, problem, detail: String(told.detail ?? ''), id: sent['x-message-id'] };
  };
  const lastOf = (name: string) => subject.worker.contents.filter(({ pipeline }) => pipeline === name).at(-1);
  const event = { specversion: '1.0', id: 'e-1', source: '/shop', type: 'order.placed' };
  const ce = (attributes: Record<string, string>) =>
    Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));

  describe('codecs', () => {
    const type = { 'content-type': 'application/x-pairs' };

    it('read what came, and the answer, which is JSON for the client', async () => {
      const { status, told } = await post('/coded', 'id=a;n=21', { 'content-type': 'Application/X-Pairs; v=1' });
      expect([status, told]).to.deep.equal([201, { id: 'a', n: '42' }]);
      expect(lastOf('coded')?.properties.contentType).to.equal('application/x-pairs');
      expect(Buffer.from(lastOf('coded')?.body ?? []).toString()).to.equal('id=a;n=21');
    });

    it('read beside JSON, or instead of it', async () => {
      expect((await post('/coded', { id: 'a', n: 1 })).told).to.deep.equal({ id: 'a', n: '2' });
      expect((await post('/coded', { id: 'a', n: 1 }, { 'content-type': 'application/vnd.a+json' })).status).to.equal(
        201,
      );
      expect((await post('/shouting', 'hello')).text).to.equal('"HELLO"');
    });

    it('refuse what they cannot read without saying what it was, and other types by saying which there are', async () => {
      const unread = await post('/coded', 'secret', type);
      expect([unread.status, unread.problem]).to.deep.equal([400, 'body-unreadable']);
      expect(unread.text).to.include('RangeError').and.not.include('secret');
      expect((await post('/coded', 'id=a', type)).status).to.equal(422);
      const other = await post('/coded', 'a', { 'content-type': 'application/avro' });
      expect([other.status, other.detail]).to.deep.equal([
        415,
        'expected content-type: application/json or application/*+json or application/x-pairs, not encoded, JSON in UTF-8',
      ]);
    });
  });

  describe('nothing in the body', () => {
    it('is what its codec takes it for, in a request and in an answer', async () => {
      const type = { 'content-type': 'application/x-switch' };
      for (const [body, isOn] of [
        ['', false],
        ['1', true],
      ] as const) {
        const { status, text } = await post('/switched', body, type);
        expect([status, text]).to.deep.equal([200, String(isOn)]);
        expect(lastOf('switched')?.body.byteLength).to.equal(body.length);
      }
      // Without a length there is no body either.
      const { status, text } = await subject.ask('/switched', { headers: type });
      expect([status, text]).to.deep.equal([200, 'false']);
      const json = await post('/switched', '');
      expect([json.status, json.problem]).to.deep.equal([400, 'body-empty']);
    });

    it('is bytes in a result that is bytes', async () => {
      const { status, told } = await post('/emptied', true);
      expect([status, told]).to.deep.equal([200, { bytes: 0 }]);
    });
  });

  describe('CloudEvents', () => {
    it('come binary: attributes in headers, decoded, data in the body', async () => {
      const attributes = { ...event, id: 'b-1', subject: 'caf%C3%A9%20%25', sequence: '5' };
      const { status, told } = await post('/whole', { order: 'o-1' }, ce(attributes));
      expect([status, told]).to.deep.equal([200, { id: 'b-1', type: 'order.placed', subject: 'café %', order: 'o-1' }]);
      expect(lastOf('whole')?.headers).to.deep.include({
        'cloudEvents:specversion': '1.0',
        'cloudEvents:id': 'b-1',
        'cloudEvents:source': '/shop',
        'cloudEvents:type': 'order.placed',
        'cloudEvents:subject': 'café %',
        'cloudEvents:sequence': '5',
      });
      expect(lastOf('whole')?.properties.contentType).to.equal('application/json');
      expect((await post('/data', { order: 'o-2' }, ce({ ...event, id: 'b-2' }))).told).to.deep.equal({ taken: 'o-2' });
    });

    it('come structured, whose headers say nothing then', async () => {
      const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
      const sent = { ...event, id: 's-1', subject: 'x', data: { order: 'o-3' } };
      const { told } = await post('/whole', sent, { ...structured, 'ce-id': 'other', 'ce-nonsense_': 'x' });
      expect(told).to.deep.equal({ id: 's-1', type: 'order.placed', subject: 'x', order: 'o-3' });
      expect(
        Object.keys(lastOf('whole')?.headers ?? {}).filter((name) => name.startsWith('cloudEvents')),
      ).to.deep.equal([]);
      const inBase64 = { ...event, id: 's-2', data_base64: Buffer.from('{"order":"o-4"}').toString('base64') };
      const told64 = await post('/data', { ...inBase64, datacontenttype: 'application/json' }, structured);
      expect(told64.told).to.deep.equal({ taken: 'o-4' });
    });

    it('come without data', async () => {
      const { status, body } = await subject.ask('/whole', { headers: ce({ ...event, id: 'n-1' }) });
      expect([status, body]).to.deep.equal([200, { id: 'n-1', type: 'order.placed' }]);
      expect((await subject.ask('/data', { headers: ce({ ...event, id: 'n-2' }) })).status).to.equal(422);
      const unsaid = await subject.ask('/whole', {
        headers: { ...ce({ ...event, id: 'n-3' }), 'transfer-encoding': 'chunked' },
        body: Buffer.from('x'),
      });
      expect(unsaid.status).to.equal(400);
    });

    it('are the same message by their source and id, whatever else is said', async () => {
      const again = ce({ ...event, id: 'twice' });
      const [first, second] = [await post('/data', { order: 'a' }, again), await post('/data', { order: 'a' }, again)];
      expect([first.status, second.status]).to.deep.equal([200, 200]);
      expect(second.id).to.equal(first.id);
      expect((await post('/data', { order: 'b' }, again)).problem).to.equal('idempotency-key-reused');
      expect((await post('/data', { order: 'a' }, { ...again, 'ce-type': 'another' })).problem).to.equal(
        'idempotency-key-reused',
      );
      const elsewhere = await post('/data', { order: 'a' }, { ...again, 'ce-source': '/other' });
      const keyed = await post('/data', { order: 'a' }, { ...again, 'idempotency-key': 'k' });
      expect(new Set([first.id, elsewhere.id, keyed.id]).size).to.equal(3);
    });

    it('are refused where they are none, by saying what is missing', async () => {
      const none = await post('/data', { order: 'a' });
      expect([none.status, none.problem]).to.deep.equal([400, 'event-invalid']);
      expect(none.detail).to.include('ce-specversion, ce-id, ce-source and ce-type');
      const { id: _, ...unnamed } = event;
      expect((await post('/data', { order: 'a' }, ce(unnamed))).detail).to.equal(
        'message is no CloudEvent: id is missing or no text',
      );
      for (const [name, value] of [
        ['subject', '50%'],
        ['subject', 'caf\u00e9'],
        ['odd_name', 'x'],
        ['data', 'x'],
        ['__proto__', 'x'],
      ] as const) {
        const refused = await post('/data', { order: 'a' }, { ...ce(event), [`ce-${name}`]: value });
        expect([name, refused.status, refused.problem]).to.deep.equal([name, 400, 'event-invalid']);
        expect(refused.detail).to.include(`ce-${name}`);
      }
      const batch = await post('/data', [event], { 'content-type': 'application/cloudevents-batch+json' });
      expect([batch.status, batch.detail]).to.deep.equal([
        415,
        'expected content-type: application/json or application/*+json or application/x-pairs or application/cloudevents+json, not encoded, JSON in UTF-8',
      ]);
      const long = { ...event, ['x'.repeat(300)]: 1, data: {} };
      const refused = await post('/data', long, { 'content-type': 'application/cloudevents+json' });
      expect([refused.status, refused.detail.length < 200]).to.deep.equal([400, true]);
    });

    it('are nothing to a pipeline that does not read them: their headers go nowhere', async () => {
      expect((await post('/versioned', { name: 'Ada L' }, ce(event))).status).to.equal(200);
      expect(
        Object.keys(lastOf('versioned')?.headers ?? {}).filter((name) => name.startsWith('cloudEvents')),
      ).to.deep.equal([]);
    });
  });

  it('takes every version, and publishes what came', async () => {
    expect((await post('/versioned', { name: 'Ada L' })).told).to.deep.equal({ first: 'Ada', last: 'L' });
    expect((await post('/versioned', { version: 2, first: 'Ada', last: 'L' })).told).to.deep.equal({
      first: 'Ada',
      last: 'L',
    });
    const unknown = await post('/versioned', { version: 3 });
    expect([unknown.status, unknown.told.errors]).to.deep.equal([
      422,
      [{ path: 'version', message: 'is none of the known versions 1, 2' }],
    ]);
  });

  it('shows no result that JSON would turn into another', async () => {
    for (const kind of ['bytes', 'infinity'])
      expect((await post('/sized', { kind })).problem, kind).to.equal('result-not-shown');
  });

  it('describes what a body may be', () => {
    const { paths } = openApiOf(entrancesOf(pipelines)) as unknown as {
      paths: Record<
        string,
        {
          post: {
            requestBody: { required: boolean; content: Record<string, object> };
            parameters: { name?: string }[];
          };
        }
      >;
    };
    const bodyOf = (path: string) => paths[path]?.post.requestBody;
    expect(bodyOf('/coded')?.required).to.equal(true);
    expect(Object.keys(bodyOf('/coded')?.content ?? {})).to.deep.equal(['application/json', 'application/x-pairs']);
    expect(bodyOf('/coded')?.content['application/x-pairs']).to.deep.equal({});
    expect(bodyOf('/shouting')?.content).to.deep.equal({ 'application/json': {} });

    const placed = {
      type: 'object',
      properties: { order: { type: 'string', minLength: 1 } },
      required: ['order'],
    };
    expect(bodyOf('/data')?.required).to.equal(false);
    expect(bodyOf('/data')?.content).to.deep.equal({
      'application/json': { schema: placed },
      'application/x-pairs': {},
      'application/cloudevents+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Event' }, { properties: { data: placed } }] },
      },
    });
    expect(bodyOf('/whole')?.content['application/json']).to.deep.equal({ schema: placed });
    expect(paths['/whole']?.post.parameters.flatMap(({ name }) => name ?? [])).to.deep.equal([
      'Ce-specversion',
      'Ce-id',
      'Ce-source',
      'Ce-type',
    ]);
    expect(paths['/coded']?.post.parameters.flatMap(({ name }) => name ?? [])).to.deep.equal([]);

    const json = bodyOf('/versioned')?.content['application/json'] as { schema: { anyOf: { allOf: object[] }[] } };
    const { anyOf } = json.schema;
    expect(anyOf.map(({ allOf: [told] }) => told)).to.deep.equal([
      { type: 'object', properties: { version: { enum: [1, '1'] } } },
      { type: 'object', required: ['version'], properties: { version: { enum: [2, '2'] } } },
    ]);
    expect(anyOf[1]?.allOf[1]).to.deep.include({ required: ['first', 'last'] });
  });
});

/** What never leaves: calls that cannot be sent as they are fail permanently, by name, without an attempt. */
import { expect } from 'chai';
import { firstValueFrom, of } from 'rxjs';
import { definePipeline, defineService, queue } from 'sluice';
import { advancing, deadLetter, marbles } from 'sluice/testing';
import { z } from 'zod';
import { codeOf, isTransient } from '../../src/errors.ts';
import type { CallOptions } from '../../src/http/api.ts';
import { readSettings } from '../../src/http/api-settings.ts';
import { bearer } from '../../src/http/auth.ts';
import { defineApi } from '../../src/http/define-api.ts';
import type { Transport, TransportRequest } from '../../src/http/transport.ts';
import { hasFastProperties } from '../support/fast-properties.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';

const CANARY = 'canary-33cc';

describe('a call that cannot be sent', () => {
  const requests: TransportRequest[] = [];
  const transport: Transport = (request) => {
    requests.push(request);
    return of({ status: 204, headers: {}, body: Buffer.alloc(0) });
  };
  const api = clientOf({ baseUrl: 'http://api.test/v1', auth: bearer('token'), maxRequestBytes: 20 }, transport).bind(
    scopeOf(),
  );
  afterEach(() => {
    requests.length = 0;
  });

  const cases: readonly (readonly [what: string, path: string, body: unknown, options: CallOptions])[] = [
    ['a header value with a line break', '/x', undefined, { headers: { 'x-a': `${CANARY}\r\nx-evil: 1` } }],
    ['a header value outside Latin-1', '/x', undefined, { headers: { 'x-a': `${CANARY}ž` } }],
    ['a header value of 100 kB', '/x', undefined, { headers: { 'x-a': CANARY.repeat(10_000) } }],
    ['a header name with a space', '/x', undefined, { headers: { 'x a': CANARY } }],
    ['a Host header', '/x', undefined, { headers: { Host: CANARY } }],
    ['another Authorization than the one of auth', '/x', undefined, { headers: { Authorization: CANARY } }],
    ['an idempotency key as a header', '/x', undefined, { headers: { 'Idempotency-Key': CANARY } }],
    ['a path that climbs', '/{id}/../admin', undefined, { path: { id: CANARY } }],
    ['a value that climbs', '/x/{id}', undefined, { path: { id: '..' } }],
    ['an absolute URL', `http://${CANARY}.test/`, undefined, {}],
    ['another host', '//evil.test/x', undefined, {}],
    ['a query parameter that is null', '/x', undefined, { params: { q: null as never } }],
    ['a body with NaN', '/x', { amount: Number.NaN, pin: CANARY }, {}],
    ['a response that is no schema', '/x', undefined, { response: { a: CANARY } as never }],
    ['an option that no call has', '/x', undefined, { query: { q: CANARY } } as CallOptions],
    ['a time that is none', '/x', undefined, { within: '1 s' as never }],
    ['a body over the limit', '/x', { pin: CANARY, more: 'more' }, {}],
  ];
  for (const [what, path, body, options] of cases) {
    it(`fails: ${what}`, async () => {
      const error = await failureOf(api.post(path, body, options));
      expect(codeOf(error), error.message).to.equal('ERR_REQUEST_INVALID');
      expect(isTransient(error)).to.equal(false);
      expect(error.api).to.equal('payment');
      expect(requests).to.deep.equal([]);
      if (what !== 'an absolute URL')
        expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).to.not.include(CANARY);
    });
  }

  it('lets message data into path, query, headers and body alone', async () => {
    const hostile = {
      socketPath: '/run/docker.sock',
      proxy: { host: 'evil' },
      baseURL: 'http://evil',
      url: 'http://evil',
      adapter: 'x',
      headers: { 'x-a': 'b' },
    };
    const refused = await failureOf(api.get('/x', hostile as CallOptions));
    expect(refused.message).to.equal(
      'payment GET /x: no option "socketPath", only response, path, params, headers, idempotent, cache, within, idempotencyKey',
    );
    for (const [options, says] of [
      [
        { params: new URLSearchParams('a=1') },
        'params: expected an object with values by their names, got a URLSearchParams',
      ],
      [{ params: 'a=1' }, 'params: expected an object with values by their names, got a string'],
      [
        { headers: new Headers({ 'x-a': 'b' }) },
        'headers: expected an object with values by their names, got a Headers',
      ],
      [{ headers: ['x-a'] }, 'headers: expected an object with values by their names, got a list'],
      [{ path: new Map() }, 'path: expected an object with values by their names, got a Map'],
      [{ path: null }, 'path: expected an object with values by their names, got null'],
      [
        { params: Object.create({ constructor: undefined }) },
        'params: expected an object with values by their names, got an object of a class',
      ],
    ] as const)
      expect((await failureOf(api.get('/x', options as never))).message).to.equal(`payment GET /x: option ${says}`);
    expect(requests).to.deep.equal([]);
    const { headers } = hostile;
    await firstValueFrom(api.get('/x', { headers }), { defaultValue: undefined });
    const [request] = requests;
    expect(Object.keys(request ?? {}).sort()).to.deep.equal([
      'body',
      'headers',
      'method',
      'origin',
      'path',
      'sentFor',
      'timeoutMs',
    ]);
    expect(request).to.include({ origin: 'http://api.test', path: '/v1/x' });
    expect(Object.keys(request?.headers ?? {}).sort()).to.deep.equal([
      'authorization',
      'traceparent',
      'x-a',
      'x-correlation-id',
    ]);
  });

  it('sends a header whose name objects have a setter of, an API-wide one too', async () => {
    const named = { ['__proto__']: 'all' };
    const bound = clientOf({ baseUrl: 'http://api.test', headers: named }, transport).bind(scopeOf());
    await firstValueFrom(bound.get('/x'), { defaultValue: undefined });
    await firstValueFrom(bound.get('/x', { headers: { __PROTO__: 'one' } }), { defaultValue: undefined });
    expect(requests.map(({ headers }) => Object.entries(headers).find(([name]) => name === '__proto__'))).to.deep.equal(
      [
        ['__proto__', 'all'],
        ['__proto__', 'one'],
      ],
    );
  });

  it('takes no content type from a prototype', async () => {
    const prototypes = Object.prototype as { 'content-type'?: string };
    Object.defineProperty(prototypes, 'content-type', { value: 'text/evil', configurable: true, writable: true });
    try {
      await firstValueFrom(api.post('/x', { a: 1 }, { headers: { 'x-a': 'b' } }), { defaultValue: undefined });
    } finally {
      delete prototypes['content-type'];
    }
    expect(requests[0]?.headers).to.have.property('content-type', 'application/json');
  });

  it('keeps the headers of an API as V8 copies them fast', () => {
    const options = { baseUrl: 'http://api.test', auth: bearer('token'), headers: { 'x-a': 'b' } };
    const { headers } = readSettings(defineApi('payment', options));
    expect(hasFastProperties()(headers)).to.equal(true);
  });

  it('percent-encodes a correlation id that no header may hold', async () => {
    const bound = clientOf({ baseUrl: 'http://api.test' }, transport).bind(scopeOf({ correlationId: 'č\r\nx: y' }));
    await firstValueFrom(bound.get('/x'), { defaultValue: undefined });
    expect(requests[0]?.headers['x-correlation-id']).to.equal('%C4%8D%0D%0Ax%3A%20y');
  });

  it('serialises the body once for all attempts and subscriptions', async () => {
    let read = 0;
    const body = {
      get a() {
        read++;
        return 1;
      },
    };
    const call = api.post('/x', body);
    expect(read).to.equal(0);
    await firstValueFrom(call, { defaultValue: undefined });
    const once = read;
    await firstValueFrom(call, { defaultValue: undefined });
    expect(read).to.equal(once);
    expect(requests[0]?.body).to.equal(requests[1]?.body);
  });
});

describe('a service that is asked with an option it has not', () => {
  const pricing = defineService('pricing', {
    queue: 'pricing',
    operations: { price: { request: z.object({ sku: z.string() }) } },
  });
  const asking = definePipeline({
    name: 'asking',
    source: queue('asking', { retry: false }),
    input: z.object({ sku: z.string() }),
    apis: { pricing },
    handle: (message, { apis }) => Reflect.apply(apis.pricing.ask, apis.pricing, ['price', message, { timeout: '1s' }]),
  });

  it(
    'is not asked',
    marbles(asking, ({ deliver, expectCalls, expectSettled, expectDeadLetters }) => {
      const message = { sku: 's-1' };
      deliver('          a', { a: message });
      expectCalls('      -');
      expectSettled('    D', { D: deadLetter(message, 'ERR_REQUEST_INVALID') });
      expectDeadLetters('D', {
        D: { reason: 'pricing ASK price: no option "timeout", only within, idempotencyKey' },
      });
    }),
  );
});

describe('a schema that waits for a promise', () => {
  const late = z.object({ sku: z.string().refine(async () => true) });
  const message = { sku: 's-1' };
  const pricing = defineService('pricing', { queue: 'pricing', operations: { price: { request: late } } });
  const waits = 'waits for a promise (an async refine or transform): ask for it in the handle instead';
  for (const [whose, input] of [
    ['input', late],
    ['request', z.object({ sku: z.string() })],
  ] as const)
    it(
      `is told as that of ${whose}`,
      advancing(
        definePipeline({
          name: 'asking',
          source: queue('asking', { retry: false }),
          input,
          apis: { pricing },
          handle: (asked, { apis }) => apis.pricing.ask('price', asked),
        }),
        async ({ deliver, advance, expectCalls, expectSettled, expectDeadLetters }) => {
          deliver('          a', { a: message });
          expectCalls('      -');
          expectSettled('    D', { D: deadLetter(message, 'ERR_HANDLE_FAILED') });
          expectDeadLetters('D', { D: { reason: `the schema of ${whose} ${waits}` } });
          await advance('1s');
        },
      ),
    );
});

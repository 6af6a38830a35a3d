import { expect } from 'chai';
import { z } from 'zod';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import { type IngressOptions, ingressOf } from '../../src/ingress/ingress.ts';
import { jwt } from '../../src/ingress/json-web-tokens.ts';
import { openApiOf } from '../../src/ingress/open-api.ts';
import { Secret } from '../../src/setting.ts';
import { plainForm } from '../support/front-door.ts';

const entrance = (name: string, input: z.ZodType, ingress: IngressOptions<never>) => ({
  name,
  input,
  ingress: ingressOf(ingress, 1_000),
  form: plainForm,
});

type Node = Readonly<Record<string, unknown>>;

/** What stands at a JSON pointer. */
const at = (document: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((node, part) => (node as Node | undefined)?.[part], document);

/** Each reference, and what it refers to, from the schema with an id around it or from the document. */
function references(node: unknown, document: unknown, found: [string, unknown][] = []): [string, unknown][] {
  if (typeof node !== 'object' || node === null) return found;
  const base = typeof (node as Node).$id === 'string' ? node : document;
  for (const [name, value] of Object.entries(node)) {
    if (name === '$ref') found.push([String(value), value === '#' ? base : at(base, String(value).slice(1))]);
    else references(value, base, found);
  }
  return found;
}

describe('openApiOf', () => {
  const Tree: z.ZodType = z.object({
    value: z.string(),
    get children() {
      return z.array(Tree).optional();
    },
  });
  const document = openApiOf([
    entrance(
      'orders',
      z.object({ id: z.string().min(1), card: z.string().meta({ secret: true }), at: z.coerce.date() }),
      {
        path: '/orders',
        summary: 'Places an order.',
        auth: clientKeys({ shop: new Secret('0123456789abcdef') }),
        responses: { 201: z.object({ tracking: z.string() }) },
      },
    ),
    entrance('trees', Tree, {
      method: 'PUT',
      path: '/v1/trees',
      auth: jwt({ issuer: 'i', audience: 'a', jwks: 'https://i.example/keys' }),
    }),
    entrance(
      'odd',
      z.object({ big: z.bigint(), fn: z.custom(() => true) }).transform((value) => value.big),
      { path: '/odd', auth: 'none' },
    ),
  ]);

  it('has each entrance with its schema, its answers, who may come, and its status', () => {
    expect(document.openapi).to.equal('3.1.1');
    expect(Object.keys(document.paths as object)).to.deep.equal([
      '/orders',
      '/orders/status/{id}',
      '/v1/trees',
      '/v1/trees/status/{id}',
      '/odd',
      '/odd/status/{id}',
    ]);
    const post = at(document, '/paths/~1orders/post') as Node;
    expect(post.operationId).to.equal('orders');
    expect(post.summary).to.equal('Places an order.');
    expect(post.security).to.deep.equal([{ 'orders-client': [] }]);
    const body = at(post, '/requestBody/content/application~1json/schema') as Node;
    expect(body.required).to.deep.equal(['id', 'card', 'at']);
    expect(at(body, '/properties/id')).to.deep.equal({ type: 'string', minLength: 1 });
    expect(at(body, '/properties/card')).to.deep.equal({ type: 'string', format: 'password' });
    expect(at(post, '/responses/201/content/application~1json/schema/properties')).to.deep.equal({
      tracking: { type: 'string' },
    });
    expect(Object.keys(at(document, '/paths/~1orders~1status~1{id}/get/responses') as object)).to.deep.equal(
      '200 400 401 404 408 421 429 431 500 503'.split(' '),
    );
    expect(Object.keys(post.responses as object)).to.deep.equal([
      '201',
      '202',
      '204',
      '400',
      '401',
      '408',
      '413',
      '415',
      '421',
      '422',
      '429',
      '431',
      '500',
      '503',
    ]);
    expect(at(document, '/components/securitySchemes')).to.deep.equal({
      'orders-client': { type: 'apiKey', in: 'header', name: 'x-api-key' },
      'trees-client': { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    });
    expect(Object.keys(at(document, '/paths/~1odd/post/responses') as object))
      .to.include('403')
      .and.not.include('401');
    expect(JSON.stringify(document)).to.not.include('0123456789abcdef');
  });

  it('refers to nothing that is not there, also where a schema holds itself, and takes what JSON Schema has no word for', () => {
    const found = references(document, document);
    expect(found.length).to.be.above(10);
    for (const [reference, target] of found) expect([reference, typeof target]).to.deep.equal([reference, 'object']);
    expect(at(document, '/paths/~1odd/post/requestBody/content/application~1json/schema/properties')).to.deep.equal({
      big: {},
      fn: {},
    });
  });

  const endless = (): z.ZodType =>
    z.object({
      get children() {
        return z.array(endless());
      },
    });
  const endlessLazy = (): z.ZodType => z.object({ children: z.array(z.lazy(endlessLazy)) });
  const thrown = z.lazy(() => {
    throw new Error('boom');
  });
  const events = { ...plainForm, cloudEvents: 'event' } as const;

  for (const [title, schema] of [
    ['makes itself anew without end', endless()],
    ['makes itself anew by a function that is named', endlessLazy()],
    ['throws where it is read', z.object({ v: thrown })],
    ['has two parts of one id', z.object({ a: z.string().meta({ id: 'same' }), b: z.number().meta({ id: 'same' }) })],
  ] as const)
    it(`describes a schema that ${title} as anything, and says so`, () => {
      const anything = { description: 'Not described: zod makes no JSON Schema of it.' };
      const open = { path: '/open', auth: 'none' } as const;
      const [asInput, asResult, asData] = [
        entrance('open', schema, open),
        entrance('open', z.object({ id: z.string() }), { ...open, responses: { 201: schema } }),
        { ...entrance('open', z.object({ data: schema }), open), form: events },
      ].map((each) => at(openApiOf([each]), '/paths/~1open/post'));
      expect(at(asInput, '/requestBody/content/application~1json/schema')).to.deep.equal(anything);
      expect(at(asResult, '/responses/201/content/application~1json/schema')).to.deep.equal(anything);
      expect(at(asResult, '/requestBody/content/application~1json/schema/required')).to.deep.equal(['id']);
      expect(at(asData, '/requestBody/content/application~1json/schema')).to.deep.equal(anything);
    });

  it('describes the data of an event that cannot be asked for as anything, and says so', () => {
    const input = z.object({
      get data(): z.ZodType {
        throw new Error('boom');
      },
    });
    const document = openApiOf([{ ...entrance('open', input, { path: '/open', auth: 'none' }), form: events }]);
    expect(at(document, '/paths/~1open/post/requestBody/content/application~1json/schema')).to.have.property(
      'description',
    );
  });

  it('has zod go through no schema without an end: where its stack ends it may leave parts half made', () => {
    let made = 0;
    const counted = (): z.ZodType => {
      made++;
      return z.object({
        get next() {
          return z.optional(counted());
        },
      });
    };
    openApiOf([entrance('open', counted(), { path: '/open', auth: 'none' })]);
    expect(made).to.be.below(400);
  });
});

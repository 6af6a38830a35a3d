/** What of content may be seen: nothing that was not allowed, at any depth, by any name. */
import { expect } from 'chai';
import { literal } from '../../src/dashboard/copied-test/literal.ts';
import { diagramOf } from '../../src/dashboard/copied-test/marble-row.ts';
import { mask, openBody, showBody, showHeaders } from '../../src/dashboard/redact.ts';

describe('content on the dashboard', () => {
  const order = { id: 'o-1', paid: true, n: 3, none: null, items: [{ sku: 'lamp', price: 2 }], 'ada@example.com': 'x' };

  it('is field names and kinds of values, unless it is allowed', () => {
    expect(JSON.parse(JSON.stringify(mask(order, []).value))).to.deep.equal({
      id: '‹text›',
      paid: '‹true or false›',
      n: '‹number›',
      none: null,
      items: [{ sku: '‹text›', price: '‹number›' }],
      '‹name 6›': '‹text›',
    });
    expect(mask(order, []).isMasked).to.equal(true);
    expect(mask({ none: null, list: [] }, []).isMasked).to.equal(false);
    expect(mask(order, 'all')).to.deep.equal({ value: order, isMasked: false });
  });

  it('shows fields that are named, by name or by path, and what is in them', () => {
    const { value } = mask(order, ['id', 'items.sku']);
    expect(JSON.parse(JSON.stringify(value))).to.include({ id: 'o-1', paid: '‹true or false›' });
    expect(JSON.stringify(value)).to.include('"sku":"lamp"').and.to.not.include('"price":2');
    expect(JSON.stringify(mask(order, ['items']).value)).to.include('"price":2');
    expect(JSON.stringify(mask({ a: { id: 'x' }, id: 'y' }, ['a.id']).value))
      .to.include('"x"')
      .and.to.not.include('"y"');
  });

  it('is bounded in depth and length, and pollutes nothing', () => {
    let deep: unknown = 'secret';
    for (let n = 0; n < 10_000; n++) deep = { deep };
    expect(JSON.stringify(mask(deep, []).value))
      .to.include('‹deeper›')
      .and.to.not.include('secret');
    const many = mask(
      Array.from({ length: 1_000 }, () => 's'),
      [],
    ).value as unknown[];
    expect(many).to.have.length(21);
    const evil = JSON.parse('{"__proto__":{"polluted":true}}') as object;
    mask(evil, []);
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
    const text = Buffer.from(JSON.stringify('x'.repeat(200_000)));
    expect(showBody(openBody(text, 'application/json'), text.length, 'all').text.length).to.be.lessThan(33_000);
  });

  it('says of a body that cannot be read why, and shows none of it', () => {
    const torn = Buffer.from('{"password": "hunter2');
    const shown = showBody(openBody(torn, 'application/json'), torn.length, []);
    expect(shown.text).to.match(/^\(body is not JSON/);
    expect(shown.text).to.not.include('hunter2');
  });

  it('shows what the broker says of a message: its deaths, and how often it was handed over', () => {
    const deaths = ['x-first-death-queue', 'x-first-death-reason', 'x-last-death-queue', 'x-last-death-reason'];
    deaths.push('x-delivery-count', 'x-acquired-count');
    const headers = Object.fromEntries(deaths.map((name) => [name, name.length]));
    expect(showHeaders(headers, []).map(({ value }) => value)).to.deep.equal(
      deaths.map(({ length }) => String(length)),
    );
  });

  it('shows headers of sluice and of tracing, and never what looks like a secret', () => {
    const headers = {
      'x-sluice-attempt': 2,
      traceparent: '00-a-b-01',
      tenant: 'acme',
      authorization: 'Bearer x',
      'x-api-key': 'k',
    };
    const shown = (payloads: 'all' | readonly string[]) =>
      Object.fromEntries(showHeaders(headers, payloads).map(({ name, value }) => [name, value]));
    expect(shown([])).to.deep.equal({
      'x-sluice-attempt': '2',
      traceparent: '00-a-b-01',
      tenant: '‹hidden›',
      authorization: '‹hidden›',
      'x-api-key': '‹hidden›',
    });
    expect(shown('all')).to.include({ tenant: 'acme', authorization: '‹hidden›', 'x-api-key': '‹hidden›' });
    expect(shown(['tenant', 'authorization'])).to.include({ tenant: 'acme', authorization: '‹hidden›' });
  });
});

describe('a header whose name says that it holds a secret', () => {
  for (const name of [
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'x_api_key',
    'apikey',
    'X-ApiKey',
    'x-auth-token',
    'x-csrf-token',
    'x-amz-security-token',
    'client-secret',
    'password',
    'x-passwd',
    'x-passphrase',
    'db_pwd',
    'credentials',
    'private-key',
    'x-session-id',
    'x-jwt-assertion',
  ])
    it(`is hidden whatever may be seen: ${name}`, () => {
      for (const shown of ['all', [name], [name.toLowerCase()]] as const)
        expect(showHeaders({ [name]: 'canary', tenant: 'acme' }, shown)[0]).to.deep.equal({ name, value: '‹hidden›' });
    });

  it('is hidden as bytes and as a table, too', () => {
    const headers = { cookie: Buffer.from('canary'), authorization: { deep: ['canary'] } };
    expect(showHeaders(headers, 'all').map(({ value }) => value)).to.deep.equal(['‹hidden›', '‹hidden›']);
  });
});

describe('a value as source', () => {
  const values: readonly unknown[] = [
    'it’s \'quoted\' "twice" `${x}` \\ \n \u2028 \u2029 </script>',
    {
      a: 1,
      'b-c': [true, null, -0, 1e21],
      nested: { long: 'x'.repeat(90), list: Array.from({ length: 30 }, (_, n) => n) },
    },
    [],
    {},
    JSON.parse('{"__proto__":{"a":1},"constructor":2}'),
    [JSON.parse('{"deep":[{"__proto__":1}]}')],
  ];

  for (const value of values)
    it(`makes it again: ${JSON.stringify(value).slice(0, 40)}`, () => {
      const made = new Function(`return (${literal(value)})`)() as unknown;
      expect(JSON.stringify(made)).to.equal(JSON.stringify(value));
      if (Object.is(value, -0)) expect(Object.is(made, -0)).to.equal(true);
    });

  it('makes bytes again', () => {
    for (const bytes of [Buffer.from('{"torn":'), Buffer.from([0, 255, 254, 1])])
      expect(Buffer.from(new Function('Buffer', `return ${literal(bytes)}`)(Buffer) as Buffer)).to.deep.equal(bytes);
  });
});

describe('moments as a diagram', () => {
  it('are written as the kit reads them', () => {
    expect(diagramOf([{ at: 0, symbol: 'a' }])).to.equal('a');
    expect(
      diagramOf([
        { at: 2, symbol: 'a' },
        { at: 3, symbol: 'b' },
      ]),
    ).to.equal('--ab');
    expect(
      diagramOf([
        { at: 0, symbol: 'a' },
        { at: 89, symbol: 'b' },
        { at: 89, symbol: 'c' },
      ]),
    ).to.equal('a 88ms (bc)');
    expect(diagramOf([{ at: 37.5, symbol: 'a' }])).to.equal(' 37.5ms a');
    expect(
      diagramOf([
        { at: 0, symbol: 'a' },
        { at: 0, symbol: 'b' },
        { at: 2, symbol: 'c' },
      ]),
    ).to.equal(undefined);
  });
});

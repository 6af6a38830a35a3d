/**
 * The rows of the reliability table that are about HTTP, each by its number, against a hostile server and through the whole client. F25, F32, F34, F35
 * and B27 stand in tls, guards and addresses; what is behind the rows is looked at closely in the specs of the parts.
 */
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { codeOf } from '../../src/errors.ts';
import type { CallOptions, ParameterValue } from '../../src/http/api.ts';
import type { ApiClient } from '../../src/http/api-client.ts';
import { bearer } from '../../src/http/auth.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';

describe('HTTP rows of the reliability table', () => {
  let server: HostileServer;
  let other: HostileServer;
  const clients: ApiClient[] = [];

  before(async () => {
    server = await startHostileServer();
    other = await startHostileServer();
  });
  after(() => Promise.all([server.close(), other.close()]));
  afterEach(async () => {
    for (const each of clients.splice(0)) await firstValueFrom(each.close(), { defaultValue: undefined });
    server.calls.length = 0;
    server.effects.clear();
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });

  const api = (options: Partial<ApiOptions> = {}) => {
    const client = clientOf({ baseUrl: `${server.url}/api`, retry: false, timeout: '5s', ...options });
    clients.push(client);
    return client.bind(scopeOf());
  };
  const lastCall = () => server.calls.at(-1) ?? expect.fail('no call came in');

  for (const path of ['/hang', '/drip']) {
    it(`F33: ends a call that hangs or drips at its deadline and closes its socket: ${path}`, async () => {
      const aborted = server.nextAbort();
      const before = performance.now();
      expect(await failureOf(api({ timeout: 150 }).get(path))).to.include({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 150 });
      // Give or take 100 ms on a machine with nothing else to do; the upper figure here is for a busy one.
      expect(performance.now() - before).to.be.within(145, 2_000);
      await aborted;
    });
  }

  it('F36: takes effect once where the API acted and then reset the connection', async () => {
    const bound = api({ retry: { backoff: { initial: 1, max: 2 } } });
    expect(await firstValueFrom(bound.post('/reset-after-effect', { amount: 1 }))).to.deep.equal({ charged: true });
    const keys = server.calls.map(({ headers }) => headers['idempotency-key']);
    expect(keys).to.have.length(2);
    expect(new Set(keys)).to.have.length(1);
    expect([...server.effects.values()]).to.deep.equal([1]);
  });

  describe('B25: what a message puts into a path stays within its segment', () => {
    for (const value of [
      'a/../b',
      '%2e%2e',
      '//h',
      '\\\\h',
      'a?b',
      'a#b',
      '@h',
      'a\r\nb',
      ' ',
      '....',
      ';x',
      'null',
      0,
      true,
    ]) {
      it(JSON.stringify(value), async () => {
        await firstValueFrom(api().get('/orders/{id}/items', { path: { id: value } }));
        expect(lastCall().url).to.equal(`/api/orders/${encodeURIComponent(value)}/items`);
      });
    }

    for (const value of ['..', '.', '', null, undefined, {}, [], Number.NaN, '\ud800']) {
      it(`or fails the call: ${String(JSON.stringify(value) ?? value)}`, async () => {
        const path = { id: value as ParameterValue };
        expect((await failureOf(api().get('/orders/{id}/items', { path }))).code).to.equal('ERR_REQUEST_INVALID');
        expect(server.calls).to.have.length(0);
      });
    }
  });

  for (const url of [
    'http://other.test/x',
    '//other.test/x',
    'data:application/json,{}',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://u:p@127.0.0.1/x',
    '/../outside',
    '/a/%2e%2e/%2e%2e/outside',
    '\\\\other.test\\x',
  ]) {
    it(`B26: sends no request to a whole URL from a message: ${url}`, async () => {
      const other = { url, baseURL: url, axios: undefined } as CallOptions;
      expect((await failureOf(api().get(url))).code).to.equal('ERR_REQUEST_INVALID');
      expect(server.calls).to.have.length(0);
      // As an option it means nothing, and the call goes where it should.
      await firstValueFrom(api().get('/echo', other));
      expect(lastCall().url).to.equal('/api/echo');
    });
  }

  const badHeaders: readonly (readonly [name: string, value: unknown])[] = [
    ['x-a', 'b\r\nx-c: d'],
    ['x-a', 'b\0'],
    ['x-a', 'žluťoučký'],
    ['x-a', 'x'.repeat(100_000)],
    ['x-a', 7],
    ['x a', 'b'],
    ['x-a:', 'b'],
    ['', 'b'],
  ];
  for (const [name, value] of badHeaders) {
    it(`B28: refuses a header as a whole, and strips nothing: ${JSON.stringify([name, value]).slice(0, 40)}`, async () => {
      const headers = { [name]: value } as Record<string, string>;
      expect((await failureOf(api().post('/echo', 1, { headers }))).code).to.equal('ERR_REQUEST_INVALID');
      expect(server.calls).to.have.length(0);
    });
  }

  for (const name of [
    'Host',
    'Content-Length',
    'transfer-encoding',
    'Connection',
    'TE',
    'Upgrade',
    'Proxy-Authorization',
    'x-timeout-ms',
  ]) {
    it(`B29: leaves the header to the transport: ${name}`, async () => {
      expect((await failureOf(api().post('/echo', 1, { headers: { [name]: '1' } }))).code).to.equal(
        'ERR_REQUEST_INVALID',
      );
      expect(server.calls).to.have.length(0);
    });
  }

  describe('B30: redirects', () => {
    it('are not followed, wherever they lead', async () => {
      for (const to of [
        `${other.url}/x`,
        '/api/redirect?to=/api/redirect',
        'http://127.0.0.1:9/',
        'file:///etc/passwd',
      ]) {
        const call = api({ auth: bearer('secret') }).post('/redirect', { a: 1 }, { params: { to, status: 307 } });
        expect(await failureOf(call)).to.include({ code: 'ERR_HTTP_STATUS', status: 307, isTransient: false });
      }
      expect(server.calls).to.have.length(4);
      expect(other.calls).to.have.length(0);
    });

    it('stay inside of the base URL where an author allows some, and end after as many as are allowed', async () => {
      const bound = api({
        auth: bearer('secret'),
        axios: ({ defaults }) => {
          defaults.maxRedirects = 5;
        },
      });
      expect(await firstValueFrom(bound.get('/redirect', { params: { to: '/api/echo' } }))).to.include({
        url: '/api/echo',
      });
      for (const to of [`${other.url}/x`, '/outside'])
        expect((await failureOf(bound.get('/redirect', { params: { to } }))).code).to.equal('ERR_RESPONSE_INVALID');
      const loop = server.calls.length;
      expect((await failureOf(bound.get('/redirect-loop'))).code).to.equal('ERR_RESPONSE_INVALID');
      expect(server.calls.length - loop).to.equal(6);
      expect(other.calls).to.have.length(0);
    });
  });

  const answers: readonly (readonly [row: string, path: string, code: string])[] = [
    ['B31: an answer that is no JSON', '/bad-json', 'ERR_RESPONSE_INVALID'],
    ['B32: an answer without an end', '/endless', 'ERR_RESPONSE_TOO_LARGE'],
    ['B32: an answer that announces 1 GB', '/announced', 'ERR_RESPONSE_TOO_LARGE'],
    ['B32: a gzip bomb', '/bomb', 'ERR_RESPONSE_TOO_LARGE'],
    ['B33: two lengths', '/two-lengths', 'ERR_RESPONSE_INVALID'],
    ['B33: garbage', '/garbage', 'ERR_RESPONSE_INVALID'],
    ['B33: a header of 20 kB', '/big-header', 'ERR_RESPONSE_INVALID'],
    ['B34: JSON 100 000 deep', '/deep', 'ERR_RESPONSE_INVALID'],
  ];
  for (const [row, path, code] of answers) {
    it(`${row} fails the call, permanently`, async () => {
      const error = await failureOf(api({ maxResponseBytes: 2 ** 20 }).get(path));
      expect([codeOf(error), error.isTransient]).to.deep.equal([code, false]);
    });
  }

  it('B31: HTML with 200 is text and no data, and what a schema expects it is not', async () => {
    const { z } = await import('zod');
    const response = z.object({ ok: z.boolean() });
    for (const path of ['/html', '/empty', '/text'])
      expect((await failureOf(api().get(path, { response }))).code, path).to.equal('ERR_RESPONSE_INVALID');
  });

  it('B33: an interim answer is passed over and one without content is an empty value', async () => {
    expect(await firstValueFrom(api().get('/early-hints'))).to.deep.equal({});
    expect(await firstValueFrom(api().get('/204'))).to.equal(undefined);
  });

  it('B34: a __proto__ in an answer reaches no prototype', async () => {
    const value = await firstValueFrom(api().get('/proto'));
    expect(value).to.deep.equal({ a: 1 });
    expect((value as { polluted?: unknown }).polluted).to.equal(undefined);
  });
});

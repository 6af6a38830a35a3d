/**
 * The rows B25 to B34 of the reliability table, each by its number, against a hostile server and through the whole client. B27 stands in addresses,
 * B35 in guards, F32 to F38 in reliability-outages; what is behind the rows is looked at closely in the specs of the parts.
 */
import { expect } from 'chai';
import { firstValueFrom, type Observable } from 'rxjs';
import { codeOf } from '../../src/errors.ts';
import type { CallOptions, ParameterValue } from '../../src/http/api.ts';
import type { ApiClient } from '../../src/http/api-client.ts';
import { bearer } from '../../src/http/auth.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { eventually } from '../support/eventually.ts';
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
    other.calls.length = 0;
    server.effects.clear();
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });

  const api = (options: Partial<ApiOptions> = {}) => {
    const client = clientOf({ baseUrl: `${server.url}/api`, retry: false, timeout: '5s', ...options });
    clients.push(client);
    return client.bind(scopeOf());
  };
  /** How a call is refused before anything is sent, for good: the message goes to the dead letters. */
  const refused = async (call: Observable<unknown>): Promise<void> => {
    expect(await failureOf(call)).to.include({ code: 'ERR_REQUEST_INVALID', isTransient: false });
    expect([...server.calls, ...other.calls]).to.deep.equal([]);
  };
  const lastCall = () => server.calls.at(-1) ?? expect.fail('no call came in');

  describe('B25: what a message puts into a path stays within its segment', () => {
    for (const value of [
      '../',
      'a/../b',
      '%2e%2e',
      '//h',
      '\\h',
      '\\\\h',
      '?',
      '#',
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
        expect(lastCall().headers.host).to.equal(new URL(server.url).host);
        expect(lastCall().url.split('/')).to.have.length(5);
      });
    }

    for (const value of ['..', '.', '', null, undefined, {}, [], Number.NaN, '\ud800']) {
      it(`or fails the call: ${String(JSON.stringify(value) ?? value)}`, async () => {
        const path = { id: value as ParameterValue };
        await refused(api().get('/orders/{id}/items', { path }));
      });
    }
  });

  for (const url of [
    'http://OTHER/x',
    '//OTHER/x',
    'http:OTHER/x',
    'http://other.test/x',
    'data:application/json,{}',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://u:p@127.0.0.1/x',
    'http://u:p@OTHER/x',
    '//u:p@OTHER/x',
    '/../outside',
    '/a/%2e%2e/%2e%2e/outside',
    '\\\\other.test\\x',
  ]) {
    it(`B26: sends no request to a whole URL from a message: ${url}`, async () => {
      // One that listens, so that a request to it would come in.
      const whole = url.replace('OTHER', new URL(other.url).host);
      await refused(api().get(whole));
      // Nor where other clients have an option for it.
      for (const option of ['url', 'baseURL']) await refused(api().get('/echo', { [option]: whole } as CallOptions));
      // Nor as a value of the path.
      await firstValueFrom(api().get('/orders/{id}', { path: { id: whole } }));
      expect(lastCall().url).to.equal(`/api/orders/${encodeURIComponent(whole)}`);
      expect(other.calls).to.deep.equal([]);
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
      await refused(api().post('/echo', 1, { headers }));
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
      await refused(api().post('/echo', 1, { headers: { [name]: '1' } }));
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
      // Another host, another port, another scheme, out of the path: the body, the secret and the request itself stay here.
      const secure = server.url.replace('http:', 'https:');
      for (const to of [`${other.url}/x`, '/outside', `${secure}/api/echo`, 'file:///etc/passwd']) {
        for (const status of [301, 302, 303, 307, 308]) {
          const call = bound.post('/redirect', { secret: 1 }, { params: { to, status } });
          expect(await failureOf(call), `${status} ${to}`).to.include({
            code: 'ERR_RESPONSE_INVALID',
            isTransient: false,
          });
        }
      }
      const loop = server.calls.length;
      // A loop, or twenty hops: six requests for five redirects.
      expect((await failureOf(bound.get('/redirect-loop'))).code).to.equal('ERR_RESPONSE_INVALID');
      expect(server.calls.length - loop).to.equal(6);
      expect(other.calls).to.have.length(0);
    });
  });

  const answers: readonly (readonly [row: string, path: string, code: string])[] = [
    ['B31: an answer that is no JSON', '/bad-json', 'ERR_RESPONSE_INVALID'],
    ['B31: HTML that says it is JSON', '/html-as-json', 'ERR_RESPONSE_INVALID'],
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

  describe('B32: an answer over the size limit', () => {
    const maxResponseBytes = 2 ** 20;
    /** What the sockets of both sides hold beyond what was read; the answers are a thousand times as long. */
    const socketBytes = 32 * 2 ** 20;
    for (const [what, path] of [
      ['without an end', '/endless'],
      ['that announces 1 GB', '/announced'],
      ['that announces 1 GB and sends none of it', '/announced-alone'],
      ['that is a gzip bomb', '/bomb'],
      ['that is a Brotli bomb', '/bomb-br'],
    ] as const) {
      it(`B32: ${what} ends there, for good, and no more of it is read`, async () => {
        const sentBefore = server.sentBytes;
        const before = performance.now();
        const error = await failureOf(api({ maxResponseBytes, timeout: '30s' }).get(path));
        expect(error).to.include({ code: 'ERR_RESPONSE_TOO_LARGE', isTransient: false });
        // The bound on bytes is the exact one; 100 ms on a machine with nothing else to do.
        expect(performance.now() - before).to.be.below(20_000);
        await eventually('its connection is closed', () => server.unanswered === 0);
        expect(server.sentBytes - sentBefore).to.be.below(socketBytes);
      });
    }
  });

  it('B33: a length without a body fails the call, and another attempt may do better', async () => {
    expect(await failureOf(api().get('/length-alone'))).to.include({ code: 'ERR_NETWORK', isTransient: true });
  });

  it('B31: HTML with 200 fails the call, permanently, unless a schema asks for text', async () => {
    const { z } = await import('zod');
    const response = z.object({ ok: z.boolean() });
    for (const path of ['/html', '/empty', '/text', '/bytes', '/204'])
      expect(await failureOf(api().get(path, { response })), path).to.include({
        code: 'ERR_RESPONSE_INVALID',
        isTransient: false,
      });
    expect(await failureOf(api().get('/html'))).to.include({ code: 'ERR_RESPONSE_INVALID', isTransient: false });
    expect(await firstValueFrom(api().get('/html', { response: z.string() }))).to.equal('<h1>maintenance</h1>');
  });

  it('B33: an interim answer is passed over and one without content is an empty value', async () => {
    for (const path of ['/early-hints', '/continue'])
      expect(await firstValueFrom(api().get(path)), path).to.deep.equal({});
    expect(await firstValueFrom(api().get('/204'))).to.equal(undefined);
  });

  it('B34: a __proto__ in an answer reaches no prototype', async () => {
    const value = await firstValueFrom(api().get('/proto'));
    expect(value).to.deep.equal({ a: 1 });
    expect((value as { polluted?: unknown }).polluted).to.equal(undefined);
  });
});

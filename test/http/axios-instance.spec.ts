/** What sends an API's calls through axios itself, and what stays true there. */
import { Agent } from 'node:http';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import sinon from 'sinon';
import { DefinitionError } from '../../src/errors.ts';
import type { ApiClient } from '../../src/http/api-client.ts';
import { bearer } from '../../src/http/auth.ts';
import { bytesOf, readAxios } from '../../src/http/axios-instance.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';

const read = (configure?: (instance: AxiosInstance) => void) =>
  readAxios({ subject: 'api "payment"', maxRequestBytes: 1000, maxResponseBytes: 1000, configure });

describe('readAxios', () => {
  it('finds an untouched instance fit for the fast lane', () => {
    const { fitsFastLane, headers, isAccepted } = read();
    expect(fitsFastLane).to.equal(true);
    expect(isAccepted).to.equal(undefined);
    expect(headers.GET).to.include({ 'user-agent': 'sluice' });
  });

  it('takes the headers of a method for no header, whatever methods axios knows', () => {
    const names = ['accept', 'accept-encoding', 'user-agent'];
    for (const headers of Object.values(read().headers))
      expect(Object.keys(headers).filter((name) => name !== 'content-type')).to.have.members(names);
  });

  it('keeps a header that stands beside those of the methods', () => {
    const { headers } = read(({ defaults }) => {
      defaults.headers['x-own'] = 'mine';
      defaults.headers.post['x-of-post'] = 'posted';
    });
    expect(headers.POST).to.include({ 'x-own': 'mine', 'x-of-post': 'posted' });
    expect(headers.GET).to.include({ 'x-own': 'mine' }).and.not.have.property('x-of-post');
  });

  const harmless: Readonly<Record<string, (instance: AxiosInstance) => void>> = {
    interceptors: ({ interceptors }) => interceptors.request.use((config) => config),
    headers: ({ defaults }) => {
      defaults.headers.common['x-a'] = 'b';
    },
    validateStatus: ({ defaults }) => {
      defaults.validateStatus = null;
    },
  };
  for (const [what, configure] of Object.entries(harmless)) {
    it(`leaves the fast lane its calls: ${what}`, () => expect(read(configure).fitsFastLane).to.equal(true));
  }

  const unfit: Readonly<Record<string, (defaults: AxiosInstance['defaults']) => void>> = {
    adapter: (defaults) => void Object.assign(defaults, { adapter: 'fetch' }),
    httpAgent: (defaults) => void Object.assign(defaults, { httpAgent: new Agent() }),
    httpsAgent: (defaults) => void Object.assign(defaults, { httpsAgent: new Agent() }),
    proxy: (defaults) => void Object.assign(defaults, { proxy: { host: '127.0.0.1', port: 1 } }),
    maxRedirects: (defaults) => void Object.assign(defaults, { maxRedirects: 3 }),
    timeout: (defaults) => void Object.assign(defaults, { timeout: 1000 }),
    params: (defaults) => void Object.assign(defaults, { params: { a: 1 } }),
    auth: (defaults) => void Object.assign(defaults, { auth: { username: 'u', password: 'p' } }),
    responseType: (defaults) => void Object.assign(defaults, { responseType: 'text' }),
    onDownloadProgress: (defaults) => void Object.assign(defaults, { onDownloadProgress: () => {} }),
    onUploadProgress: (defaults) => void Object.assign(defaults, { onUploadProgress: () => {} }),
    signal: (defaults) => void Object.assign(defaults, { signal: new AbortController().signal }),
    maxRate: (defaults) => void Object.assign(defaults, { maxRate: 5 }),
    'a replaced transformRequest': (defaults) =>
      void Object.assign(defaults, { transformRequest: (data: unknown) => data }),
    'a pushed transformResponse': (defaults) =>
      void (defaults.transformResponse as unknown[]).push((data: unknown) => data),
    'something new': (defaults) => void Object.assign(defaults, { invented: true }),
  };
  for (const [what, change] of Object.entries(unfit)) {
    it(`notices ${what}`, () => expect(read(({ defaults }) => change(defaults)).fitsFastLane).to.equal(false));
  }

  it('refuses a base URL of the instance', () => {
    expect(() => read(({ defaults }) => void Object.assign(defaults, { baseURL: 'http://b.test' }))).to.throw(
      DefinitionError,
      'api "payment": axios: sets baseURL, use the option baseUrl',
    );
  });

  it('freezes the defaults: a change that came too late throws', () => {
    const { instance } = read();
    expect(() => Object.assign(instance.defaults, { maxRedirects: 5 })).to.throw(TypeError);
    expect(() => Object.assign(instance.defaults.headers.common, { 'x-late': '1' })).to.throw(TypeError);
    expect(axios.defaults.headers.common).to.not.have.property('x-late');
    expect(Object.isFrozen(axios.defaults)).to.equal(false);
    expect(Object.isFrozen(axios.defaults.headers.common)).to.equal(false);
  });
});

describe('bytesOf', () => {
  it('turns what interceptors leave into bytes', () => {
    expect(bytesOf(undefined)).to.equal(undefined);
    expect(bytesOf(null)).to.equal(undefined);
    expect(bytesOf('ž')?.toString()).to.equal('ž');
    expect(bytesOf({ a: 1 })?.toString()).to.equal('{"a":1}');
    expect(bytesOf(new Uint8Array([1, 2, 3]).subarray(1))).to.deep.equal(Buffer.from([2, 3]));
    expect(bytesOf(new Uint8Array([1]).buffer)).to.deep.equal(Buffer.from([1]));
    expect(() => bytesOf(() => {})).to.throw(TypeError);
  });
});

describe('an API that needs axios itself', () => {
  let server: HostileServer;
  let client: ApiClient | undefined;
  let other: HostileServer;
  before(async () => {
    server = await startHostileServer();
    other = await startHostileServer();
  });
  after(() => Promise.all([server.close(), other.close()]));
  afterEach(async () => {
    if (client !== undefined) await firstValueFrom(client.close(), { defaultValue: undefined });
    server.calls.length = 0;
  });
  const api = (options: Partial<ApiOptions>) => {
    client = clientOf({ baseUrl: `${server.url}/api`, retry: false, ...options });
    return client.bind(scopeOf());
  };

  it('is answered by its own adapter', async () => {
    const adapter = async (config: AxiosResponse['config']): Promise<AxiosResponse> => ({
      status: 200,
      statusText: 'OK',
      headers: { 'content-type': 'application/json' },
      config,
      data: { method: config.method, url: config.url, body: String(config.data) },
    });
    const bound = api({ axios: ({ defaults }) => void Object.assign(defaults, { adapter: adapter }) });
    expect(await firstValueFrom(bound.post('/x', { a: 1 }))).to.deep.equal({
      method: 'post',
      url: `${server.url}/api/x`,
      body: '{"a":1}',
    });
    expect(server.calls).to.have.length(0);
  });

  it('keeps its transforms, agents and default params', async () => {
    const agent = new Agent();
    const connect = sinon.spy(agent, 'addRequest' as never);
    const bound = api({
      axios: ({ defaults }) => {
        defaults.httpAgent = agent;
        defaults.params = { tenant: 'a' };
        defaults.transformRequest = [...[defaults.transformRequest ?? []].flat(), (data) => `${data}!`];
        defaults.transformResponse = [
          (data) => ({ url: JSON.parse(String(data)).url, body: JSON.parse(String(data)).body }),
        ];
      },
    });
    expect(await firstValueFrom(bound.post('/echo', 7, { params: { q: 1 } }))).to.deep.equal({
      url: '/api/echo?q=1&tenant=a',
      body: '7!',
    });
    expect(connect.callCount).to.equal(1);
  });

  it('goes through axios for the one call whose interceptor asks for more', async () => {
    let progressed = 0;
    const bound = api({
      axios: ({ interceptors }) =>
        interceptors.request.use((config) =>
          config.url?.endsWith('/watched') ? { ...config, onDownloadProgress: () => void progressed++ } : config,
        ),
    });
    await firstValueFrom(bound.get('/plain'));
    expect(progressed).to.equal(0);
    await firstValueFrom(bound.get('/watched'));
    expect(progressed).to.be.above(0);
  });

  it('follows redirects it allows, inside of the base URL alone, and takes no secret elsewhere', async () => {
    const bound = api({
      auth: bearer('canary'),
      axios: ({ defaults }) => void Object.assign(defaults, { maxRedirects: 3 }),
    });
    expect(await firstValueFrom(bound.get('/redirect', { params: { to: '/api/echo' } }))).to.include({
      url: '/api/echo',
    });
    for (const to of [`${other.url}/api/echo`, '/elsewhere', '//127.0.0.2:9/x']) {
      const error = await failureOf(bound.post('/redirect', { a: 1 }, { params: { to, status: 307 } }));
      expect(error, to).to.include({
        code: 'ERR_RESPONSE_INVALID',
        message: 'payment POST /redirect: answer redirects out of the base URL',
      });
    }
    const loop = await failureOf(bound.get('/redirect', { params: { to: '/api/redirect?to=/api/redirect' } }));
    expect(loop.code).to.be.oneOf(['ERR_RESPONSE_INVALID', 'ERR_HTTP_STATUS']);
    expect(other.calls).to.have.length(0);
  });

  it('is not led out of the base URL by a default', async () => {
    const bound = api({
      axios: ({ defaults, interceptors }) => {
        defaults.timeout = 1000;
        interceptors.request.use((config) => ({ ...config, url: 'http://127.0.0.2:9/api/x' }));
      },
    });
    expect((await failureOf(bound.get('/echo'))).code).to.equal('ERR_REQUEST_INVALID');
  });
});

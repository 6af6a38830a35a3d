/** The real transport against a hostile server. Both lanes, and the fast one behind interceptors, answer the same tests. */
import { inspect } from 'node:util';
import { isAxiosError } from 'axios';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import sinon from 'sinon';
import { codeOf, isTransient } from '../../src/errors.ts';
import type { ApiClient } from '../../src/http/api-client.ts';
import { bearer } from '../../src/http/auth.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf, TRACE } from './call-scope.ts';
import { lanes } from './lanes.ts';

const CANARY = 'canary-6f1d';

for (const [lane, prepare] of Object.entries(lanes)) {
  describe(`axios transport: ${lane}`, () => {
    let server: HostileServer;
    let clients: ApiClient[] = [];

    before(async () => {
      server = await startHostileServer();
    });
    after(() => server.close());
    afterEach(async () => {
      for (const client of clients) await firstValueFrom(client.close(), { defaultValue: undefined });
      clients = [];
      server.calls.length = 0;
      server.effects.clear();
      expect(Object.keys(Object.prototype)).to.deep.equal([]);
    });

    const client = (options: Partial<ApiOptions> = {}): ApiClient => {
      const { axios: configure, ...others } = options;
      const made = clientOf({
        baseUrl: `${server.url}/api`,
        retry: false,
        timeout: '5s',
        ...others,
        axios: (instance) => {
          prepare(instance);
          configure?.(instance);
        },
      });
      clients.push(made);
      return made;
    };
    const api = (options?: Partial<ApiOptions>) => client(options).bind(scopeOf());
    const lastCall = () => server.calls.at(-1) ?? expect.fail('no call came in');

    describe('what goes out', () => {
      it('is the method, the filled path, the query and the body as JSON', async () => {
        const body = { name: 'žluťoučký', items: [1, 2] };
        await firstValueFrom(
          api().post('/orders/{id}/items', body, {
            path: { id: 'a/b c' },
            params: { q: 'x&y', tag: ['a', 'b'], none: undefined },
          }),
        );

        expect(lastCall().method).to.equal('POST');
        expect(lastCall().url).to.equal('/api/orders/a%2Fb%20c/items?q=x%26y&tag=a&tag=b');
        expect(lastCall().headers['content-type']).to.equal('application/json');
        expect(JSON.parse(lastCall().body.toString())).to.deep.equal(body);
      });

      for (const method of ['get', 'delete'] as const) {
        it(`is a ${method} without a body or a content type`, async () => {
          await firstValueFrom(api()[method]('/echo'));
          expect(lastCall().method).to.equal(method.toUpperCase());
          expect(lastCall().headers).to.not.have.any.keys('content-type', 'transfer-encoding');
          expect(lastCall().body).to.have.length(0);
        });
      }

      it('is a POST without a body and without a made-up content type', async () => {
        await firstValueFrom(api().post('/echo'));
        expect(lastCall().headers).to.not.have.any.keys('content-type', 'transfer-encoding');
        expect(lastCall().headers['content-length']).to.equal('0');
      });

      it('carries correlation id, trace, a key on all but GET, and the headers of API and call', async () => {
        const bound = api({ auth: bearer(CANARY), headers: { 'X-Fixed': 'ÿ ok' } });
        await firstValueFrom(bound.put('/echo', 1, { headers: { 'X-Own': 'mine' } }));

        const { headers } = lastCall();
        expect(headers).to.include({
          'x-correlation-id': 'c1',
          traceparent: TRACE,
          authorization: `Bearer ${CANARY}`,
          'x-fixed': 'ÿ ok',
          'x-own': 'mine',
        });
        expect(headers).to.include({
          'user-agent': 'sluice',
          'accept-encoding': 'gzip, deflate, br',
          accept: 'application/json, text/plain, */*',
        });
        expect(headers['idempotency-key']).to.match(/^[\w-]{43}$/);

        await firstValueFrom(bound.get('/echo'));
        expect(lastCall().headers).to.not.have.property('idempotency-key');
      });

      it('sends bytes and text as they are under their content type', async () => {
        const bound = api();
        await firstValueFrom(
          bound.post('/echo', Buffer.from([0, 1, 255]), { headers: { 'content-type': 'application/octet-stream' } }),
        );
        expect([...lastCall().body]).to.deep.equal([0, 1, 255]);
        await firstValueFrom(bound.post('/echo', '<a/>', { headers: { 'content-type': 'text/xml' } }));
        expect(lastCall().body.toString()).to.equal('<a/>');
        expect(lastCall().headers['content-type']).to.equal('text/xml');
      });

      it('ignores a proxy of the environment', async () => {
        process.env.HTTP_PROXY = process.env.http_proxy = 'http://127.0.0.1:9';
        try {
          await firstValueFrom(api().get('/echo'));
        } finally {
          delete process.env.HTTP_PROXY;
          delete process.env.http_proxy;
        }
      });
    });

    describe('what comes back', () => {
      const answers: readonly [path: string, value: unknown][] = [
        ['/text', 'žluťoučký'],
        ['/empty', undefined],
        ['/204', undefined],
        ['/gzip', { packed: true }],
        ['/deflate', { packed: true }],
        ['/deflate-raw', { packed: true }],
        ['/br', { packed: true }],
        ['/early-hints', {}],
        ['/continue', {}],
        ['/proto', { a: 1 }],
      ];
      for (const [path, value] of answers) {
        it(`is understood: ${path}`, async () => {
          expect(await firstValueFrom(api().get(path))).to.deep.equal(value);
        });
      }

      it('is bytes where the type is neither JSON nor text', async () => {
        const value = await firstValueFrom(api().get('/bytes'));
        expect([...(value as Uint8Array)]).to.deep.equal([0, 255]);
      });

      const failures: readonly [path: string, code: string, transient: boolean][] = [
        ['/reset', 'ERR_NETWORK', true],
        ['/reset-in-body', 'ERR_NETWORK', true],
        ['/short', 'ERR_NETWORK', true],
        ['/bad-json', 'ERR_RESPONSE_INVALID', false],
        ['/deep', 'ERR_RESPONSE_INVALID', false],
        ['/big-integer', 'ERR_RESPONSE_INVALID', false],
        ['/garbled-gzip', 'ERR_RESPONSE_INVALID', false],
        ['/half-gzip', 'ERR_RESPONSE_INVALID', false],
        ['/two-lengths', 'ERR_RESPONSE_INVALID', false],
        ['/garbage', 'ERR_RESPONSE_INVALID', false],
        ['/big-header', 'ERR_RESPONSE_INVALID', false],
        ['/interim-for-ever', 'ERR_RESPONSE_INVALID', false],
        ['/bomb', 'ERR_RESPONSE_TOO_LARGE', false],
        ['/bomb-br', 'ERR_RESPONSE_TOO_LARGE', false],
        ['/endless', 'ERR_RESPONSE_TOO_LARGE', false],
        ['/announced', 'ERR_RESPONSE_TOO_LARGE', false],
        ['/hang', 'ERR_CALL_TIMEOUT', true],
        ['/hang-in-body', 'ERR_CALL_TIMEOUT', true],
        ['/drip', 'ERR_CALL_TIMEOUT', true],
        ['/status/302', 'ERR_HTTP_STATUS', false],
        ['/status/400', 'ERR_HTTP_STATUS', false],
        ['/status/404', 'ERR_HTTP_STATUS', false],
        ['/status/408', 'ERR_HTTP_STATUS', true],
        ['/status/425', 'ERR_HTTP_STATUS', true],
        ['/status/429', 'ERR_HTTP_STATUS', true],
        ['/status/500', 'ERR_HTTP_STATUS', true],
        ['/status/501', 'ERR_HTTP_STATUS', false],
        ['/status/503', 'ERR_HTTP_STATUS', true],
      ];
      for (const [path, code, transient] of failures) {
        it(`fails with ${code}, ${transient ? 'transient' : 'permanent'}, and shows no secret: ${path}`, async () => {
          const isTimeout = code === 'ERR_CALL_TIMEOUT';
          const bound = api({ auth: bearer(CANARY), maxResponseBytes: 2 ** 20, ...(isTimeout ? { timeout: 60 } : {}) });
          const error = await failureOf(
            bound.post(path, { pin: `${CANARY}-body` }, { params: { token: `${CANARY}-query` } }),
          );

          expect(codeOf(error), error.message).to.equal(code);
          expect(isTransient(error)).to.equal(transient);
          expect(error).to.include({ api: 'payment', operation: `POST ${path}` });
          expectNoSecret(error);
        });
      }

      it('fails with ERR_NETWORK where nobody listens or the name is unknown', async () => {
        const closed = await startHostileServer();
        await closed.close();
        const refused = await failureOf(api({ baseUrl: closed.url, auth: bearer(CANARY) }).get('/echo'));
        expect(refused).to.include({
          code: 'ERR_NETWORK',
          message: 'payment GET /echo: connection refused (ECONNREFUSED)',
        });
        expectNoSecret(refused);
        const unknown = await failureOf(api({ baseUrl: 'http://nobody.invalid' }).get('/echo'));
        expect(unknown.code).to.equal('ERR_NETWORK');
      });

      it('aborts the request of a call whose time is over', async () => {
        // Its time is over when the request has come, however long that took. RxJS waits by `setInterval`.
        const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
        try {
          const [came, aborted] = [server.nextCall(), server.nextAbort()];
          const failing = failureOf(api({ timeout: 60 }).get('/hang-in-body'));
          await came;
          clock.tick(60);
          expect((await failing).code).to.equal('ERR_CALL_TIMEOUT');
          await aborted;
        } finally {
          clock.restore();
        }
      });

      it('stops reading at the limit', async () => {
        const aborted = server.nextAbort();
        await failureOf(api({ maxResponseBytes: 100_000 }).get('/endless'));
        await aborted;
      });

      it('does not follow a redirect, to whatever', async () => {
        const other = await startHostileServer();
        const error = await failureOf(
          api({ auth: bearer(CANARY) }).post(
            '/redirect',
            { a: 1 },
            { params: { to: `${other.url}/stolen`, status: 307 } },
          ),
        );
        expect(error).to.include({ code: 'ERR_HTTP_STATUS', status: 307 });
        for (const to of ['file:///etc/passwd', 'data:,hello', '/api/redirect?to=/api/redirect']) {
          expect((await failureOf(api().get('/redirect', { params: { to } }))).status).to.equal(302);
        }
        expect(other.calls).to.have.length(0);
        await other.close();
      });

      it('tells how long the server asks to wait', async () => {
        const bound = api();
        const asked = async (value: string) =>
          (await failureOf(bound.get('/status/429', { params: { 'retry-after': value } }))).retryAfterMs;
        expect(await asked('7')).to.equal(7000);
        expect(await asked('-1')).to.equal(undefined);
        expect(await asked('soon')).to.equal(undefined);
      });
    });

    it('sends nothing before it is subscribed to, and once for each subscription', async () => {
      const call = api().get('/echo');
      expect(server.calls).to.have.length(0);
      await firstValueFrom(call);
      await firstValueFrom(call);
      expect(server.calls).to.have.length(2);
    });

    it('aborts the request when it is unsubscribed', async () => {
      const came = server.nextCall();
      const aborted = server.nextAbort();
      const subscription = api().get('/hang').subscribe();
      await came;
      subscription.unsubscribe();
      await aborted;
    });

    it('sends nothing when it is unsubscribed before there is a connection', async () => {
      const bound = api({ concurrency: 1 });
      bound.post('/echo', 'given up').subscribe().unsubscribe();
      await firstValueFrom(bound.post('/echo', 'sent'));
      expect(server.calls.map(({ body }) => body.toString())).to.deep.equal(['"sent"']);
    });

    it('takes effect once where the server acted and then reset the connection', async () => {
      const bound = api({ retry: { maxAttempts: 3, backoff: { initial: 1, max: 2 } } });
      expect(await firstValueFrom(bound.post('/reset-after-effect', { amount: 1 }))).to.deep.equal({ charged: true });
      expect(server.calls).to.have.length(2);
      expect([...server.effects.values()]).to.deep.equal([1]);
    });

    it('survives a server that closes kept connections just as they are used again', async () => {
      // Up to half of the attempts fail here, which is for breaker and budget elsewhere.
      const retry = { maxAttempts: 4, backoff: { initial: 1, max: 2 }, budget: false } as const;
      const bound = api({ concurrency: 1, breaker: false, retry });
      for (let call = 0; call < 100; call++) {
        expect(await firstValueFrom(bound.post('/close-race', { call }))).to.deep.equal({});
      }
    });

    it('opens no more connections than it has slots', async () => {
      const bound = api({ concurrency: 3 });
      await Promise.all(Array.from({ length: 30 }, () => firstValueFrom(bound.get('/echo'))));
      expect(server.openSockets.size).to.be.at.most(3);
    });

    it('closes its connections', async () => {
      const made = client();
      await firstValueFrom(made.bind(scopeOf()).get('/echo'));
      const failing = failureOf(made.bind(scopeOf()).get('/hang'));
      await server.nextCall();
      const aborted = server.nextAbort();
      await firstValueFrom(made.close(), { defaultValue: undefined });
      expect((await failing).code).to.equal('ERR_NETWORK');
      await aborted;
    });

    it('goes by the validateStatus of the instance', async () => {
      const bound = api({
        axios: (instance) => {
          instance.defaults.validateStatus = (status) => status < 500;
        },
      });
      expect(await firstValueFrom(bound.get('/status/404'))).to.deep.equal(Buffer.from('no'));
      expect((await failureOf(bound.get('/status/500'))).code).to.equal('ERR_HTTP_STATUS');
    });

    it('sends the default headers of the instance', async () => {
      const bound = api({
        axios: ({ defaults }) => {
          defaults.headers.common['X-Common'] = 'all';
          defaults.headers.post['X-Post'] = 'posts';
          defaults.headers.common.Accept = 'application/json';
        },
      });
      await firstValueFrom(bound.post('/echo', 1));
      expect(lastCall().headers).to.include({ 'x-common': 'all', 'x-post': 'posts', accept: 'application/json' });
      await firstValueFrom(bound.get('/echo'));
      expect(lastCall().headers).to.not.have.property('x-post');
    });

    it('runs request interceptors from the last to the first and response interceptors in order', async () => {
      const order: string[] = [];
      const bound = api({
        axios: ({ interceptors }) => {
          interceptors.request.use((config) => {
            order.push('request 1');
            config.headers.set('x-signed', `${config.headers.get('x-seen')}+${(config.data as Buffer).toString()}`);
            return config;
          });
          interceptors.request.use(async (config) => {
            order.push('request 2');
            config.headers.set('x-seen', String(config.method));
            return config;
          });
          interceptors.request.use(() => expect.fail('runs'), undefined, { runWhen: () => false });
          interceptors.response.use((response) => {
            order.push('response 1');
            expect(response.headers['content-type']).to.equal('application/json');
            response.data = { wrapped: JSON.parse(String(response.data)).headers['x-signed'] };
            return response;
          });
          interceptors.response.use((response) => {
            order.push('response 2');
            return response;
          });
        },
      });
      expect(await firstValueFrom(bound.post('/echo', 7))).to.deep.equal({ wrapped: 'post+7' });
      expect(order).to.deep.equal(['request 2', 'request 1', 'response 1', 'response 2']);
    });

    it('hands a refused status to response interceptors as an AxiosError, and takes what they make of it', async () => {
      const bound = api({
        axios: ({ interceptors }) => {
          interceptors.response.use(undefined, (error) => {
            if (isAxiosError(error) && error.response?.status === 404)
              return { ...error.response, data: { missing: true } };
            throw error;
          });
        },
      });
      expect(await firstValueFrom(bound.get('/status/404'))).to.deep.equal({ missing: true });
      expect((await failureOf(bound.get('/status/400'))).code).to.equal('ERR_HTTP_STATUS');
      expect((await failureOf(bound.get('/reset'))).code).to.equal('ERR_NETWORK');
    });

    it('refuses an interceptor that leads out of the base URL, before anything is sent', async () => {
      for (const url of [
        'http://127.0.0.2:9/x',
        `${server.url}/other`,
        `${server.url}/api/../other`,
        'file:///etc/passwd',
        'data:application/json,{}',
      ]) {
        const bound = api({
          auth: bearer(CANARY),
          axios: ({ interceptors }) => interceptors.request.use((config) => ({ ...config, url })),
        });
        const error = await failureOf(bound.get('/echo'));
        expect(error.code, url).to.equal('ERR_REQUEST_INVALID');
        expectNoSecret(error);
      }
      expect(server.calls).to.have.length(0);
    });

    it('passes on what an interceptor throws', async () => {
      const thrown = new TypeError('my mistake');
      const bound = api({ axios: ({ interceptors }) => interceptors.request.use(() => Promise.reject(thrown)) });
      expect(await failureOf(bound.get('/echo'))).to.equal(thrown);
    });
  });
}

function expectNoSecret(error: Error): void {
  const shown = [
    error.message,
    error.stack,
    inspect(error, { depth: 20, showHidden: true }),
    JSON.stringify(error),
    JSON.stringify(inspect(error.cause, { depth: 20 })),
  ];
  for (const text of shown) expect(text).to.not.include(CANARY);
}

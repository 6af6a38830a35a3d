/** An API behind TLS with an authority of our own. Both lanes connect under the same rules. */
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { AxiosInstance } from 'axios';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { ConfigError, isTransient } from '../../src/errors.ts';
import type { ApiClient } from '../../src/http/api-client.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import type { TlsOptions } from '../../src/http/tls.ts';
import { publicKeyPin } from '../../src/policies/certificates.ts';
import { Secret } from '../../src/setting.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';
import { lanes } from './lanes.ts';
import { type Certified, createTestAuthority, describeWithAuthority, type TestAuthority } from './test-authority.ts';

describeWithAuthority('TLS', (shared) => {
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let certified: Certified;
  let client: Certified;
  const open: { server: Server; sockets: Set<Duplex> }[] = [];
  const clients: ApiClient[] = [];

  before(() => {
    authority = shared();
    stranger = createTestAuthority('stranger');
    certified = authority.issue('localhost');
    client = authority.issue('worker');
  });
  after(() => {
    stranger?.remove();
  });
  afterEach(async () => {
    for (const each of clients.splice(0)) await firstValueFrom(each.close(), { defaultValue: undefined });
    for (const { server, sockets } of open.splice(0)) {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    }
  });

  async function serve(options: ServerOptions): Promise<number> {
    const server = createServer(options, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      const to = new URL(request.url ?? '', 'https://localhost').searchParams.get('to');
      if (to !== null) return void response.writeHead(307, { location: to }).end();
      const answer = JSON.stringify({ peer: subject?.CN ?? null });
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end(answer);
    });
    const sockets = new Set<Duplex>();
    server.on('connection', (socket) => sockets.add(socket));
    server.on('tlsClientError', () => {});
    open.push({ server, sockets });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  for (const [lane, prepare] of Object.entries(lanes)) {
    describe(`through ${lane}`, () => {
      const api = (port: number, tls: TlsOptions | undefined, options: Partial<ApiOptions> = {}) => {
        const made = clientOf({
          baseUrl: `https://localhost:${port}`,
          retry: false,
          timeout: '5s',
          axios: prepare,
          ...(tls === undefined ? {} : { tls }),
          ...options,
        });
        clients.push(made);
        return made.bind(scopeOf());
      };
      const refusal = async (port: number, tls?: TlsOptions): Promise<string> => {
        const error = await failureOf(api(port, tls).get('/x'));
        expect(error.code, error.message).to.equal('ERR_NETWORK');
        expect(isTransient(error)).to.equal(true);
        return error.message;
      };

      it('reaches a host whose certificate the given authority signed', async () => {
        const port = await serve(certified);
        expect(await firstValueFrom(api(port, { ca: authority.ca }).get('/x'))).to.deep.equal({ peer: null });
        const several: TlsOptions = { ca: [stranger.ca, { kind: 'setting', name: 'CA', read: () => authority.ca }] };
        expect(await firstValueFrom(api(port, several).get('/x'))).to.deep.equal({ peer: null });
        const asSecret: TlsOptions = { ca: { kind: 'setting', name: 'CA', read: () => new Secret(authority.ca) } };
        expect(await firstValueFrom(api(port, asSecret).get('/x'))).to.deep.equal({ peer: null });
      });

      it('refuses an unknown authority, naming host and reason, whatever the environment says', async () => {
        const port = await serve(certified);
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
        try {
          for (const tls of [undefined, { ca: stranger.ca }]) {
            expect(await refusal(port, tls)).to.match(
              new RegExp(
                `^payment GET /x: certificate of localhost:${port} is refused: its authority is not trusted \\(`,
              ),
            );
          }
        } finally {
          delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
        }
      });

      it('F25: refuses a certificate that has expired or is for another host, naming host and reason', async () => {
        const expired = await serve(authority.issue('localhost', -1));
        expect(await refusal(expired, { ca: authority.ca })).to.equal(
          `payment GET /x: certificate of localhost:${expired} is refused: it has expired (CERT_HAS_EXPIRED)`,
        );
        const other = await serve(authority.issue('elsewhere.test'));
        expect(await refusal(other, { ca: authority.ca })).to.equal(
          `payment GET /x: certificate of localhost:${other} is refused: it is for another host (ERR_TLS_CERT_ALTNAME_INVALID)`,
        );
        const named = { ca: authority.ca, servername: 'elsewhere.test' };
        expect(await firstValueFrom(api(other, named).get('/x'))).to.deep.equal({ peer: null });
      });

      it('connects again after each certificate for another host, until there is one for this', async () => {
        const port = await serve(authority.issue('elsewhere.test'));
        const bound = api(port, { ca: authority.ca }, { concurrency: 2, breaker: false });
        for (let call = 0; call < 5; call++) expect((await failureOf(bound.get('/x'))).code).to.equal('ERR_NETWORK');
        open.at(-1)?.server.setSecureContext(certified);
        expect(await firstValueFrom(bound.get('/x'))).to.deep.equal({ peer: null });
      });

      it('takes a pinned key and refuses any other, however well certified', async () => {
        const port = await serve(certified);
        const [pin, other] = [publicKeyPin(certified.cert), publicKeyPin(client.cert)];
        const pinned = { ca: authority.ca, pins: [other, pin] };
        expect(await firstValueFrom(api(port, pinned).get('/x'))).to.deep.equal({ peer: null });
        expect(await refusal(port, { ca: authority.ca, pins: [other] })).to.equal(
          `payment GET /x: certificate of localhost:${port} is refused: its public key ${pin} is not pinned (ERR_KEY_NOT_PINNED)`,
        );
        // A pin is no substitute for trust.
        expect(await refusal(port, { pins: [pin] })).to.include('its authority is not trusted');
      });

      it('shows its client certificate where one is asked for, and fails without one', async () => {
        const port = await serve({ ...certified, ca: authority.ca, requestCert: true, rejectUnauthorized: true });
        const mutual: TlsOptions = { ca: authority.ca, cert: client.cert, key: new Secret(client.key) };
        expect(await firstValueFrom(api(port, mutual).get('/x'))).to.deep.equal({ peer: 'worker' });
        await refusal(port, { ca: authority.ca });
        const strange = stranger.issue('worker');
        await refusal(port, { ca: authority.ca, cert: strange.cert, key: strange.key });
      });

      it('S11: connects with a certificate, authority and pin that were replaced, without a restart', async () => {
        const port = await serve({
          ...certified,
          ca: [authority.ca, stranger.ca],
          requestCert: true,
          rejectUnauthorized: true,
        });
        const next = stranger.issue('next');
        const held = { ca: stranger.ca, cert: client.cert, key: client.key, pin: publicKeyPin(certified.cert) };
        const file = (name: keyof typeof held) =>
          ({ kind: 'setting', name, read: () => held[name], canChange: () => true }) as const;
        const key = { ...file('key'), read: () => new Secret(held.key) };
        const tls: TlsOptions = { ca: file('ca'), cert: file('cert'), key, pins: [file('pin')] };
        const made = api(port, tls);
        const failure = async (): Promise<string> => (await failureOf(made.get('/x'))).message;
        expect(await failure()).to.include('its authority is not trusted');
        held.ca = authority.ca;
        expect(await firstValueFrom(made.get('/x'))).to.deep.equal({ peer: 'worker' });
        held.cert = next.cert;
        expect(await failure()).to.match(/no TLS connection to localhost:\d+: key does not belong to cert/);
        held.key = next.key;
        expect(await firstValueFrom(made.get('/x'))).to.deep.equal({ peer: 'next' });
        held.pin = publicKeyPin(next.cert);
        expect(await failure()).to.include('is not pinned');
      });

      it('speaks TLS 1.2 and nothing older', async () => {
        const port = await serve({ ...certified, maxVersion: 'TLSv1.2' });
        expect(await firstValueFrom(api(port, { ca: authority.ca }).get('/x'))).to.deep.equal({ peer: null });
        const old = await serve({
          ...certified,
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        expect(await refusal(old, { ca: authority.ca })).to.include(`no TLS connection to localhost:${old} (`);
      });
    });
  }

  it('does not let an interceptor or default bring a connection of its own', async () => {
    const port = await serve(certified);
    const ways: readonly ((instance: AxiosInstance) => void)[] = [
      ({ defaults }) => {
        defaults.httpsAgent = { any: 'agent' };
      },
      ({ interceptors }) => interceptors.request.use((config) => ({ ...config, socketPath: '/run/any.sock' })),
      ({ interceptors }) =>
        interceptors.request.use((config) => ({ ...config, proxy: { host: '127.0.0.1', port: 9 } })),
      ({ defaults }) => {
        defaults.adapter = 'fetch';
      },
    ];
    for (const axios of ways) {
      const made = clientOf({ baseUrl: `https://localhost:${port}`, retry: false, axios, tls: { ca: authority.ca } });
      clients.push(made);
      expect((await failureOf(made.bind(scopeOf()).get('/x'))).message).to.match(
        /sets \w+, which keeps neither tls nor addresses/,
      );
    }
  });

  it('B30: follows no redirect from https to http, even where redirects are allowed', async () => {
    const port = await serve(certified);
    const plain = await startHostileServer();
    const axios = ({ defaults }: AxiosInstance): void => {
      defaults.maxRedirects = 5;
    };
    const made = clientOf({ baseUrl: `https://localhost:${port}`, retry: false, axios, tls: { ca: authority.ca } });
    clients.push(made);
    const to = plain.url.replace('127.0.0.1', 'localhost');
    const call = made.bind(scopeOf()).post('/x', { secret: 1 }, { params: { to } });
    expect(await failureOf(call)).to.include({ code: 'ERR_RESPONSE_INVALID', isTransient: false });
    expect(plain.calls).to.deep.equal([]);
    await plain.close();
  });

  it('finds wrong values at start, and shows none of them', () => {
    const problem = (tls: TlsOptions, baseUrl = 'https://localhost'): string => {
      try {
        clientOf({ baseUrl, tls });
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return 'none';
    };
    expect(problem({ ca: 'CANARY' })).to.equal('api "payment": tls: ca is no certificate in PEM');
    expect(problem({ cert: client.cert })).to.equal('api "payment": tls: key is missing: cert and key come together');
    expect(problem({ cert: client.cert, key: 'CANARY' })).to.equal(
      'api "payment": tls: key is no private key in PEM without a passphrase',
    );
    expect(problem({ cert: client.cert, key: certified.key })).to.equal(
      'api "payment": tls: key does not belong to cert',
    );
    expect(problem({ pins: ['CANARY'] })).to.equal(
      'api "payment": tls: pins are SHA-256 in base64, 44 characters each',
    );
    expect(problem({ ca: authority.ca }, 'http://localhost')).to.equal(
      'api "payment": tls: needs a baseUrl with https://',
    );
    expect(problem({ ca: authority.ca })).to.equal('none');
  });
});

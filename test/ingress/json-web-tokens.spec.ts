/** Tokens a front door has to refuse, and the few it takes, with keys from an issuer on loopback. */

import { lookup } from 'node:dns/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { firstValueFrom } from 'rxjs';
import { ConfigError, DefinitionError } from '../../src/errors.ts';
import { type JwtOptions, jwt } from '../../src/ingress/json-web-tokens.ts';
import type { Setting } from '../../src/setting.ts';
import { freePort } from '../support/free-port.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'orders';

interface Issuer {
  readonly jwks: string;
  keys: readonly JWK[];
  status: number;
  asked: number;
  readonly server: Server;
}

async function startIssuer(): Promise<Issuer> {
  const server = createServer((_request, response) => {
    issuer.asked++;
    response.writeHead(issuer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: issuer.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer: Issuer = { jwks: `http://127.0.0.1:${port}/keys`, keys: [], status: 200, asked: 0, server };
  return issuer;
}

const nowS = (): number => Math.floor(Date.now() / 1_000);

describe('jwt', () => {
  let issuer: Issuer;
  let own: Awaited<ReturnType<typeof generateKeyPair>>;
  let foreign: Awaited<ReturnType<typeof generateKeyPair>>;
  before(async () => {
    [own, foreign] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
  });
  beforeEach(async () => {
    issuer = await startIssuer();
    issuer.keys = [{ ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }];
  });
  afterEach(
    () =>
      new Promise<void>((resolve) => {
        issuer.server.close(() => resolve());
        issuer.server.closeAllConnections();
      }),
  );

  const sign = (
    claims: JWTPayload = {},
    { kid = 'k1', key = own.privateKey }: { readonly kid?: string; readonly key?: CryptoKey } = {},
  ): Promise<string> =>
    new SignJWT({ sub: 'shop', iss: ISSUER, aud: AUDIENCE, exp: nowS() + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(key);

  const opened = (options: Partial<JwtOptions> = {}) =>
    jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: issuer.jwks, ...options }).open();

  /** The client, or the status it is refused with and why. */
  const ask = async (token: string | undefined, auth = opened()): Promise<string> => {
    const who = await firstValueFrom(auth(token === undefined ? {} : { authorization: `Bearer ${token}` }));
    return who.ok ? who.client : `${who.refusal.status} ${who.refusal.detail}`;
  };

  it('takes a token of the issuer, for us, that is not over', async () => {
    expect(await ask(await sign())).to.equal(`${ISSUER}|shop`);
    expect(await ask(await sign({ aud: ['other', AUDIENCE] }))).to.equal(`${ISSUER}|shop`);
    expect(await ask(await sign({ azp: 'app' }), opened({ clientClaim: 'azp' }))).to.equal(`${ISSUER}|app`);
  });

  it('refuses what anybody could have made: no signature, a foreign one, one by the public key as a shared secret', async () => {
    const claims = { sub: 'shop', iss: ISSUER, aud: AUDIENCE, exp: nowS() + 60 };
    const unsigned = new UnsecuredJWT(claims).encode();
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(Buffer.from(JSON.stringify(issuer.keys[0])));
    const [head = '', , signature = ''] = (await sign()).split('.');
    const changed = [head, Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url'), signature];
    const cases: readonly (readonly [string | undefined, RegExp])[] = [
      [undefined, /^401 expected "authorization: Bearer …"$/],
      ['nonsense', /^401 the token is refused: it is malformed/],
      [unsigned, /^401 /],
      [shared, /^401 the token is refused: its algorithm is not taken$/],
      [await sign({}, { key: foreign.privateKey }), /^401 .*its signature does not fit$/],
      [changed.join('.'), /^401 .*its signature does not fit$/],
      [await sign({}, { kid: 'unknown' }), /^401 the token is refused: its key is none of the issuer$/],
      ['x'.repeat(9_000), /^401 expected/],
    ];
    for (const [token, expected] of cases) expect(await ask(token)).to.match(expected);
  });

  it('refuses what is over, not yet valid, of another issuer, for others, and of nobody', async () => {
    const refused = async (claims: JWTPayload) => ask(await sign(claims));
    expect(await refused({ exp: nowS() - 60 })).to.equal('401 the token is refused: it has expired');
    expect(await refused({ nbf: nowS() + 60 })).to.equal(
      '401 the token is refused: its "nbf" is not what is expected here',
    );
    expect(await refused({ iss: 'https://evil.example' })).to.include('its "iss"');
    expect(await refused({ iss: `${ISSUER}/` })).to.include('its "iss"');
    expect(await refused({ aud: 'other' })).to.include('its "aud"');
    const endless = await new SignJWT({ sub: 'shop', iss: ISSUER, aud: AUDIENCE })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(own.privateKey);
    expect(await ask(endless)).to.equal('401 the token is refused: it has no "exp"');
    const nameless = await new SignJWT({ iss: ISSUER, aud: AUDIENCE, exp: nowS() + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(own.privateKey);
    expect(await ask(nameless)).to.equal('401 the token is refused: it has no "sub"');
  });

  it('asks for scopes where they are wanted', async () => {
    const auth = opened({ scopes: ['orders:write'] });
    expect(await ask(await sign({ scope: 'orders:read orders:write' }), auth)).to.equal(`${ISSUER}|shop`);
    expect(await ask(await sign({ scope: 'orders:read' }), auth)).to.equal(
      '403 the token lacks the scope orders:write',
    );
  });

  it('answers 503 while the keys cannot be read', async () => {
    const auth = opened();
    issuer.status = 500;
    expect(await ask(await sign(), auth)).to.equal("503 the issuer's keys cannot be read now");
    const away = await firstValueFrom(auth({ authorization: `Bearer ${await sign()}` }));
    expect(away)
      .to.have.property('fault')
      .that.matches(/^http:\/\/127\.0\.0\.1:\d+\/keys: answered with status 500$/);
    const nowhere = opened({ jwks: `http://127.0.0.1:${await freePort()}/keys?api=canary` });
    const unreached = await firstValueFrom(nowhere({ authorization: `Bearer ${await sign()}` }));
    expect(unreached).to.have.property('fault').that.includes('ECONNREFUSED').and.does.not.include('canary');
  });

  it('asks for the keys once for many tokens', async () => {
    const auth = opened();
    const told = await Promise.all(Array.from({ length: 10 }, async () => ask(await sign(), auth)));
    expect(new Set(told)).to.deep.equal(new Set([`${ISSUER}|shop`]));
    // Keys that are made up do not make it ask again and again.
    for (let tries = 0; tries < 5; tries++) await ask(await sign({}, { kid: `made-up-${tries}` }), auth);
    expect(issuer.asked).to.be.within(1, 2);
  });

  it('says of each address that was tried why the keys are not to be had there', async () => {
    const port = await freePort();
    const away = await firstValueFrom(
      opened({ jwks: `http://localhost:${port}/keys` })({ authorization: `Bearer ${await sign()}` }),
    );
    for (const { address } of await lookup('localhost', { all: true }))
      expect(away).to.have.property('fault').that.includes(`connect ECONNREFUSED ${address}:${port}`);
  });

  it('is defined and opened with every mistake named', () => {
    expect(() => jwt({ issuer: '', audience: AUDIENCE, jwks: 'x', algorithms: ['HS256', 'none'] }))
      .to.throw(DefinitionError)
      .with.property('problems')
      .that.has.length(3);
    const plain = jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: 'http://issuer.example/keys' });
    expect(() => plain.open()).to.throw(ConfigError, 'https://; http is for loopback alone');
    const secret = jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: 'https://app:canary@issuer.example/keys' });
    expect(() => secret.open())
      .to.throw(ConfigError, 'expected a URL without user and password')
      .that.does.not.match(/canary/);
    const missing: Setting<string> = {
      kind: 'setting',
      name: 'ISSUER',
      read: () => {
        throw new ConfigError([{ subject: 'environment', path: 'ISSUER', message: 'is not set' }]);
      },
    };
    expect(() => jwt({ issuer: missing, audience: AUDIENCE, jwks: issuer.jwks }).open()).to.throw(
      ConfigError,
      'ISSUER',
    );
    expect(() => jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: issuer.jwks, tls: { insecure: true } } as never))
      .to.throw(DefinitionError)
      .with.property('problems')
      .that.has.length(1);
    const garbled = { ca: 'canary', pins: ['canary'] };
    expect(() => jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: 'https://a.example/k', tls: garbled }).open())
      .to.throw(ConfigError, 'jwt: tls')
      .that.does.not.match(/canary/);
    const keyless = { cert: 'x', key: 1 } as never;
    expect(() =>
      jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: 'https://a.example/k', tls: keyless }).open(),
    ).to.throw(ConfigError, 'expected a secret');
    expect(() => opened({ tls: {} })).to.throw(ConfigError, 'needs a jwks with https://');
    expect(() => jwt({ issuer: missing, audience: AUDIENCE, jwks: missing }).open())
      .to.throw(ConfigError)
      .with.property('problems')
      .that.has.length(2);
  });
});

/** Where an issuer publishes its keys, or who pretends to: what is believed, how much is read, and how often it is asked. */
import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { defer, firstValueFrom, type Observable, of, switchMap, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { TlsOptions } from '../../src/http/tls.ts';
import { sparing } from '../../src/ingress/issuer-keys.ts';
import { type JwtOptions, jwt } from '../../src/ingress/json-web-tokens.ts';
import { publicKeyPin } from '../../src/policies/certificates.ts';
import { Secret } from '../../src/setting.ts';
import { createTestAuthority, describeWithAuthority } from '../http/test-authority.ts';

const CHECKS = { issuer: 'https://issuer.example', audience: 'orders' };
const CLIENT = `${CHECKS.issuer}|shop`;

let token = '';
let keys: readonly JWK[] = [];
const servers: Server[] = [];

before(async () => {
  const own = await generateKeyPair('ES256');
  keys = [{ ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }];
  token = await new SignJWT({ sub: 'shop', iss: CHECKS.issuer, aud: CHECKS.audience })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setExpirationTime('1d')
    .sign(own.privateKey);
});

async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Asks the door as a client does: who it is, or why it cannot know. */
const asker = (options: Pick<JwtOptions, 'jwks' | 'tls'>): (() => Promise<string>) => {
  const authenticate = jwt({ ...CHECKS, ...options }).open();
  return async () => {
    const who = await firstValueFrom(authenticate({ authorization: `Bearer ${token}` }));
    return who.ok ? who.client : `${who.refusal.status} ${who.fault ?? ''}`;
  };
};

const publishing: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
};

describeWithAuthority('keys of an issuer, over TLS', (shared) => {
  afterEach(closeServers);

  const published = async (options: ServerOptions): Promise<string> =>
    `https://localhost:${await listening(createServer(options, publishing))}/keys`;

  it('S11: are not taken from who is not certified, whatever the environment says', async () => {
    const jwks = await published(shared().issue('localhost'));
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await asker({ jwks })()).to.match(/^503 https:.* is refused: its authority is not trusted/);
      const elsewhere = await published(shared().issue('elsewhere.test'));
      expect(await asker({ jwks: elsewhere, tls: { ca: shared().ca } })()).to.include('it is for another host');
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  it('S11: come under the options of TLS that APIs have: an authority, pins, a client certificate', async () => {
    const { ca } = shared();
    const certified = shared().issue('localhost');
    const client = shared().issue('door');
    const asking = { ...certified, ca, requestCert: true, rejectUnauthorized: true };
    const mutual = { ca, cert: client.cert, key: new Secret(client.key) };
    const [plain, strict] = [await published(certified), await published(asking)];
    const told = (jwks: string, tls: TlsOptions): Promise<string> => asker({ jwks, tls })();
    expect(await told(plain, { ca })).to.equal(CLIENT);
    expect(await told(plain, { ca, pins: [publicKeyPin(certified.cert)] })).to.equal(CLIENT);
    expect(await told(plain, { ca, pins: [publicKeyPin(client.cert)] })).to.include('is not pinned');
    expect(await told(strict, mutual)).to.equal(CLIENT);
    expect(await told(strict, { ca })).to.match(/^503 /);
  });

  it('S11: are fetched with the certificates that the files hold by then', async () => {
    const stranger = createTestAuthority('stranger');
    try {
      const jwks = await published(shared().issue('localhost'));
      const held = { ca: stranger.ca };
      const tls = { ca: { kind: 'setting', name: 'CA', read: () => held.ca, canChange: () => true } } as const;
      const ask = asker({ jwks, tls });
      held.ca = shared().ca;
      expect(await ask()).to.equal(CLIENT);
    } finally {
      stranger.remove();
    }
  });
});

describe('keys of an issuer', () => {
  afterEach(closeServers);

  let asked = 0;
  const published = async (answer: RequestListener): Promise<string> => {
    asked = 0;
    const counted: RequestListener = (request, response) => {
      asked++;
      answer(request, response);
    };
    return `http://127.0.0.1:${await listening(createPlainServer(counted))}/keys`;
  };

  it('are read up to 256 KiB, however many more come, announced, packed or without an end', async () => {
    let poured = 0;
    const zeros = Buffer.alloc(64 * 1_024);
    const endless: RequestListener = (_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(zeros)) poured += zeros.length;
      };
      response.on('drain', pour);
      pour();
    };
    const padded = JSON.stringify({ keys, padding: 'x'.repeat(256 * 1_024) });
    const answers: readonly RequestListener[] = [
      endless,
      (_request, response) => response.end(padded),
      (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(padded)),
    ];
    for (const answer of answers)
      expect(await asker({ jwks: await published(answer) })()).to.match(/^503 .*\/keys: answer is too large/);
    // What the system's buffers of both sides take beside it.
    expect(poured).to.be.below(32 * 2 ** 20);
  });

  it('are not asked for again at once after a failure, however many tokens come', async () => {
    const ask = asker({ jwks: await published((_request, response) => response.writeHead(500).end()) });
    const told = await Promise.all(Array.from({ length: 20 }, ask));
    for (let n = 0; n < 5; n++) told.push(await ask());
    expect(new Set(told)).to.have.length(1);
    expect(asked).to.equal(1);
  });

  it('are not looked for where a redirect leads', async () => {
    const elsewhere = await published(publishing);
    const ask = asker({
      jwks: await published((_request, response) => response.writeHead(302, { location: elsewhere }).end()),
    });
    expect(await ask()).to.match(/^503 .*answered with status 302/);
  });

  it('are a set of keys in JSON, and nothing of what else is answered is repeated', async () => {
    const answers = [
      'canary',
      'null',
      '[]',
      '{}',
      '{"keys":1}',
      '{"keys":[1]}',
      `${'['.repeat(200)}${']'.repeat(200)}`,
    ];
    for (const text of answers) {
      const ask = asker({ jwks: await published((_request, response) => response.end(text)) });
      expect(await ask(), text)
        .to.match(/^503 .*(no acceptable JSON|JSON Web Key Set malformed)/)
        .and.not.include('canary');
      // What is no set is a failure as any other.
      await ask();
      expect(asked, text).to.equal(1);
    }
  });
});

describe('sparing', () => {
  const scheduler = (): TestScheduler =>
    new TestScheduler((actual, expected) => {
      expect(actual).to.deep.equal(expected);
    });

  /** What each asking gives, and how often the source was asked. */
  function asking(outcomes: readonly string[]): { readonly ask: Observable<string>; count(): number } {
    let count = 0;
    const ask = defer(() => {
      const outcome = outcomes[count++] ?? '';
      return outcome.startsWith('!') ? throwError(() => outcome) : of(outcome);
    });
    return { ask, count: () => count };
  }

  it('gives a failure again for 5 s, and asks when they are over', () => {
    scheduler().run(({ expectObservable, flush }) => {
      const source = asking(['!a', '!b', 'keys', 'keys']);
      const spared = sparing(source.ask);
      const asked = (atMs: number): Observable<string> => timer(atMs).pipe(switchMap(() => spared));
      expectObservable(asked(0)).toBe('#', undefined, '!a');
      expectObservable(asked(4_999)).toBe('4999ms #', undefined, '!a');
      expectObservable(asked(5_000)).toBe('5s #', undefined, '!b');
      expectObservable(asked(9_999)).toBe('9999ms #', undefined, '!b');
      expectObservable(asked(10_000)).toBe('10s (k|)', { k: 'keys' });
      expectObservable(asked(10_001)).toBe('10001ms (k|)', { k: 'keys' });
      flush();
      expect(source.count()).to.equal(4);
    });
  });
});

/** Tokens of the client credentials grant, in virtual time, and once over sockets. */
import { inspect } from 'node:util';
import { expect } from 'chai';
import { concat, firstValueFrom, merge, type Observable, of, range, throwError, timer } from 'rxjs';
import { ignoreElements, map, mergeMap, toArray } from 'rxjs/operators';
import { ConfigError, isTransient } from '../../src/errors.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type OAuth2Options, oauth2 } from '../../src/http/oauth2.ts';
import type { Transport, TransportRequest, TransportResponse } from '../../src/http/transport.ts';
import { Secret, type Setting } from '../../src/setting.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';
import { bound, codes, down, inVirtualTime, ok, status } from './scripted-transport.ts';

const CANARY = 'canary-19c2';
const auth = (options: Partial<OAuth2Options> = {}) =>
  oauth2({ tokenUrl: 'http://auth.test/token', clientId: 'worker', clientSecret: new Secret(CANARY), ...options });
const base = (options: Partial<OAuth2Options> = {}): ApiOptions => ({
  baseUrl: 'http://api.test/v1',
  auth: auth(options),
  retry: false,
});

const token = (value: string, expiresIn: unknown = 3_600): TransportResponse =>
  ok({ access_token: value, token_type: 'Bearer', expires_in: expiresIn });

/** Tokens `t1`, `t2` … after 2 ms each, from the given answers or good ones; the API takes what `accepts` says. */
function partiesOf({
  answers = [],
  expiresIn = 3_600,
  accepts = () => true,
}: {
  answers?: readonly Observable<TransportResponse>[];
  expiresIn?: unknown;
  accepts?: (token: string) => boolean;
} = {}) {
  const asked: TransportRequest[] = [];
  const used: string[] = [];
  const transport: Transport = (request) => {
    if (request.origin === 'http://auth.test') {
      asked.push(request);
      const good = timer(2).pipe(map(() => token(`t${asked.length}`, expiresIn)));
      return answers[asked.length - 1] ?? good;
    }
    const value = request.headers.authorization ?? 'none';
    used.push(value);
    return of(accepts(value.replace('Bearer ', '')) ? ok('done') : status(401));
  };
  return { transport, asked, used };
}

describe('oauth2', () => {
  it(
    'asks for a token once for all calls that wait, and uses it until shortly before it expires',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked, used } = partiesOf({ expiresIn: 3_600 });
      const { api } = bound(base({ scope: 'a b', audience: 'https://api.test' }), transport);
      expectObservable(range(3).pipe(mergeMap(() => api.get('/x')))).toBe('--(ddd|)', { d: 'done' });
      const later = (ms: number) => timer(ms).pipe(mergeMap(() => api.get('/x')));
      expectObservable(later(3_569_000)).toBe('3569s (d|)', { d: 'done' });
      expectObservable(later(3_571_000)).toBe('3571002ms (d|)', { d: 'done' });
      flush();
      expect(used).to.deep.equal([...Array(4).fill('Bearer t1'), 'Bearer t2']);
      const [request] = asked;
      expect(request).to.include({ method: 'POST', origin: 'http://auth.test', path: '/token' });
      expect(request?.headers).to.deep.include({
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`worker:${CANARY}`).toString('base64')}`,
      });
      expect(String(request?.body)).to.equal('grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fapi.test');
    }),
  );

  it(
    'sends id and secret in the body when told to, and encodes both for the header',
    inVirtualTime(({ expectObservable, flush }) => {
      const inBody = partiesOf();
      const strange = { clientId: 'w:ö', clientSecret: 'p w' };
      expectObservable(bound(base({ ...strange, credentialsIn: 'body' }), inBody.transport).api.get('/x')).toBe(
        '--(d|)',
        { d: 'done' },
      );
      const inHeader = partiesOf();
      expectObservable(bound(base(strange), inHeader.transport).api.get('/x')).toBe('--(d|)', { d: 'done' });
      flush();
      expect(String(inBody.asked[0]?.body)).to.equal(
        'grant_type=client_credentials&client_id=w%3A%C3%B6&client_secret=p+w',
      );
      expect(inBody.asked[0]?.headers).to.not.have.property('authorization');
      expect(inHeader.asked[0]?.headers.authorization).to.equal(
        `Basic ${Buffer.from('w%3A%C3%B6:p+w').toString('base64')}`,
      );
    }),
  );

  it(
    'sends its token in the place of a header of that name that all calls of the API have',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, used } = partiesOf();
      const { api } = bound({ ...base(), headers: { Authorization: 'Basic old' } }, transport);
      expectObservable(api.get('/x')).toBe('--(d|)', { d: 'done' });
      flush();
      expect(used).to.deep.equal(['Bearer t1']);
    }),
  );

  it(
    'sends a call that is refused with 401 once more with a new token, within the same attempt',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked, used } = partiesOf({ accepts: (value) => value !== 't1' });
      const { api, seen } = bound(base(), transport);
      expectObservable(range(3).pipe(mergeMap(() => api.get('/x')))).toBe('----(ddd|)', { d: 'done' });
      flush();
      expect(asked).to.have.length(2);
      expect(used.filter((each) => each === 'Bearer t1')).to.have.length(3);
      expect(seen.filter(({ type }) => type === 'callStarted')).to.have.length(3);
    }),
  );

  it(
    'gives up after one such retry, and does not ask for a token for each call while all are refused',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked, used } = partiesOf({ accepts: () => false });
      const { api } = bound(base(), transport);
      expectObservable(api.get('/x').pipe(codes)).toBe('----(s|)', { s: 'ERR_HTTP_STATUS' });
      const many = timer(100).pipe(
        mergeMap(() => range(20)),
        mergeMap(() => api.get('/x').pipe(codes)),
        toArray(),
      );
      expectObservable(many).toBe('100ms (s|)', { s: Array(20).fill('ERR_HTTP_STATUS') });
      // After a while another may do.
      expectObservable(timer(20_000).pipe(mergeMap(() => api.get('/x').pipe(codes)))).toBe('20002ms (s|)', {
        s: 'ERR_HTTP_STATUS',
      });
      flush();
      expect(asked).to.have.length(3);
      expect(used).to.have.length(2 + 20 + 2);
    }),
  );

  const failures: readonly (readonly [
    what: string,
    answer: Observable<TransportResponse>,
    code: string,
    transient: boolean,
    text: string,
  ])[] = [
    ['refuses', of(status(401)), 'ERR_HTTP_STATUS', false, 'payment token endpoint: answered 401'],
    ['fails', of(status(503, { 'retry-after': '7' })), 'ERR_HTTP_STATUS', true, 'payment token endpoint: answered 503'],
    ['is not there', throwError(() => down), 'ERR_NETWORK', true, 'payment GET /x: token endpoint: connection refused'],
    [
      'gives no JSON',
      of({ ...ok(), body: Buffer.from('<html>') }),
      'ERR_RESPONSE_INVALID',
      false,
      'token endpoint: answer is no acceptable JSON',
    ],
    ['gives no token', of(ok({ token_type: 'bearer' })), 'ERR_RESPONSE_INVALID', false, 'no access_token'],
    [
      'gives a token no header can carry',
      of(token('a\r\nb')),
      'ERR_RESPONSE_INVALID',
      false,
      'no access_token that a header can carry',
    ],
    [
      'gives another kind',
      of(ok({ access_token: CANARY, token_type: 'mac' })),
      'ERR_RESPONSE_INVALID',
      false,
      'another type than bearer',
    ],
  ];
  for (const [what, answer, code, transient, text] of failures) {
    it(`fails with ${code}, ${transient ? 'transient' : 'permanent'}, when the token endpoint ${what}`, async () => {
      const { transport, used } = partiesOf({ answers: [answer, answer] });
      const error = await failureOf(clientOf(base(), transport).bind(scopeOf()).get('/x'));
      expect(error.code).to.equal(code);
      expect(error.message).to.include(text);
      expect(isTransient(error)).to.equal(transient);
      if (error.status === 503) expect(error.retryAfterMs).to.equal(7_000);
      expect(used).to.deep.equal([]);
      expect(inspect(error, { depth: 9 })).to.not.include(CANARY);
    });
  }

  it(
    'retries a call whose token could not be had, as it retries any other',
    inVirtualTime(({ expectObservable }) => {
      const { transport } = partiesOf({ answers: [of(status(503))] });
      const retry = { backoff: { initial: 10, jitter: 'none' } } as const;
      expectObservable(bound({ ...base(), retry }, transport).api.get('/x')).toBe('12ms (d|)', { d: 'done' });
    }),
  );

  it(
    'goes on with the token it has when it cannot be renewed in time',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, used } = partiesOf({
        expiresIn: 100,
        answers: [of(token('t1', 100)), of(status(500)), of(status(500))],
      });
      const { api } = bound(base(), transport);
      const at = (ms: number) => timer(ms).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(at(0)).toBe('(d|)', { d: 'done' });
      expectObservable(at(90_000)).toBe('90s (d|)', { d: 'done' });
      expectObservable(at(100_000)).toBe('100s (s|)', { s: 'ERR_HTTP_STATUS' });
      flush();
      expect(used).to.deep.equal(['Bearer t1', 'Bearer t1']);
    }),
  );

  it(
    'asks again within the timeout of an endpoint that hangs, and stops asking when nobody waits',
    inVirtualTime(({ cold, expectObservable, expectSubscriptions }) => {
      const [first, second] = [cold<TransportResponse>('-'), cold<TransportResponse>('-')];
      const { transport } = partiesOf({ answers: [first, second] });
      const { api } = bound({ ...base(), timeout: 10 }, transport);
      expectObservable(api.get('/x'), '^---!').toBe('-');
      expectObservable(timer(2).pipe(mergeMap(() => api.get('/x').pipe(codes)))).toBe('10ms (n|)', {
        n: 'ERR_NETWORK',
      });
      expectObservable(timer(20).pipe(mergeMap(() => api.get('/x'))), '^ 22ms !').toBe('-');
      expectSubscriptions(first.subscriptions).toBe('^---------!');
      expectSubscriptions(second.subscriptions).toBe('20ms ^--!');
    }),
  );

  it(
    'keeps a token without an end until it is refused',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked } = partiesOf({ expiresIn: null });
      const { api } = bound(base(), transport);
      const calls = concat(api.get('/x'), timer(86_400_000).pipe(mergeMap(() => api.get('/x')))).pipe(ignoreElements());
      expectObservable(calls).toBe('86400002ms |');
      flush();
      expect(asked).to.have.length(1);
    }),
  );

  it(
    'shows its endpoint the secret that its file holds when a token is asked for, the last one where there is none',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked } = partiesOf();
      let held: string | undefined = 'old';
      const clientSecret: Setting<Secret> = {
        kind: 'setting',
        name: 'SECRET',
        read: () => {
          if (held === undefined) throw new ConfigError([]);
          return new Secret(held);
        },
        canChange: () => true,
      };
      const { api } = bound(base({ clientSecret }), transport);
      const calls = [0, 3_600_000, 7_200_000].map((ms, n) =>
        timer(ms).pipe(
          mergeMap(() => {
            held = ['old', 'new', undefined][n];
            return api.get('/x');
          }),
        ),
      );
      expectObservable(merge(...calls).pipe(ignoreElements())).toBe('7200002ms |');
      flush();
      const shown = asked.map(({ headers }) => headers.authorization?.replace('Basic ', '') ?? '');
      expect(shown.map((text) => Buffer.from(text, 'base64').toString())).to.deep.equal([
        'worker:old',
        'worker:new',
        'worker:new',
      ]);
      expect(new Set(asked.map(({ origin, path }) => `${origin}${path}`))).to.have.length(1);
    }),
  );

  it(
    'shows the secret that is replaced where it did at the start, wherever its setting for that leads by then',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, asked } = partiesOf();
      let times = 0;
      const replaced = <T>(name: string, ...values: readonly [T, T, T]): Setting<T> => ({
        kind: 'setting',
        name,
        read: () => values[times] ?? values[0],
        canChange: () => true,
      });
      const [old, next, last] = [new Secret('old'), new Secret('new'), new Secret('last')];
      const { api } = bound(
        base({
          tokenUrl: replaced('TOKEN_URL', 'http://auth.test/token?of=old', 'http://elsewhere.test/other', 'no URL'),
          clientId: replaced('ID', 'worker', 'next-worker', 'next-worker'),
          clientSecret: replaced('SECRET', old, next, last),
          scope: replaced('SCOPE', 'a', 'b', 'b'),
        }),
        transport,
      );
      const calls = [0, 3_600_000, 7_200_000].map((ms, n) =>
        timer(ms).pipe(
          mergeMap(() => {
            times = n;
            return api.get('/x');
          }),
        ),
      );
      expectObservable(merge(...calls).pipe(ignoreElements())).toBe('7200002ms |');
      flush();
      const shown = ({ origin, path, headers, body }: TransportRequest) => [
        `${origin}${path}`,
        Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString(),
        new URLSearchParams(String(body)).get('scope'),
      ];
      const where = 'http://auth.test/token?of=old';
      expect(asked.map(shown)).to.deep.equal([
        [where, 'worker:old', 'a'],
        [where, 'next-worker:new', 'b'],
        [where, 'next-worker:last', 'b'],
      ]);
    }),
  );

  it('finds wrong settings at start, and its header belongs to it', async () => {
    const problem = (options: Partial<OAuth2Options>): string => {
      try {
        clientOf(base(options));
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
      }
      return 'none';
    };
    expect(problem({ tokenUrl: 'auth.test' })).to.equal(
      'api "payment": auth: tokenUrl must be a URL with http:// or https://',
    );
    expect(problem({ tokenUrl: `http://u:${CANARY}@auth.test` }))
      .to.include('must not hold a user name')
      .and.not.include(CANARY);
    expect(() => clientOf({ ...base({ tokenUrl: 'http://10.0.0.1/token' }), addresses: 'public' })).to.throw(
      ConfigError,
      'auth.tokenUrl: leads to 10.0.0.1',
    );
    const { transport } = partiesOf();
    const own = clientOf(base(), transport)
      .bind(scopeOf())
      .get('/x', { headers: { Authorization: 'mine' } });
    expect((await failureOf(own)).message).to.include("header authorization is set by the API's auth");
    expect(inspect(base(), { depth: 9, showHidden: true })).to.not.include(CANARY);
  });

  it('asks a real endpoint over a transport of its own, bounded in size, and closes it', async () => {
    const server = await startHostileServer();
    try {
      const client = clientOf({
        ...base({ tokenUrl: `${server.url}/token` }),
        baseUrl: `${server.url}/api`,
        timeout: '5s',
      });
      expect(await firstValueFrom(client.bind(scopeOf()).get('/echo'))).to.have.nested.property(
        'headers.authorization',
        'Bearer t-1',
      );
      expect(server.calls.map(({ method, url }) => `${method} ${url}`)).to.deep.equal(['POST /token', 'GET /api/echo']);
      await firstValueFrom(client.close(), { defaultValue: undefined });

      const flooded = clientOf({
        ...base({ tokenUrl: `${server.url}/endless` }),
        baseUrl: `${server.url}/api`,
        timeout: '5s',
      });
      expect(await failureOf(flooded.bind(scopeOf()).get('/echo'))).to.include({
        code: 'ERR_RESPONSE_INVALID',
        message: 'payment GET /echo: token endpoint: answer is too large',
      });
      await firstValueFrom(flooded.close(), { defaultValue: undefined });
    } finally {
      await server.close();
    }
  });
});

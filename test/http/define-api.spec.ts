import { inspect } from 'node:util';
import { expect } from 'chai';
import { collectProblems } from '../../src/definition.ts';
import { ConfigError, DefinitionError, describeProblem } from '../../src/errors.ts';
import { API_DEFAULTS } from '../../src/http/api-defaults.ts';
import { readSettings } from '../../src/http/api-settings.ts';
import { apiKey, basic, bearer } from '../../src/http/auth.ts';
import { type ApiOptions, defineApi } from '../../src/http/define-api.ts';
import { redisTokens } from '../../src/redis/redis-token-store.ts';
import { Secret, type Setting } from '../../src/setting.ts';
import { clientOf } from './call-scope.ts';

const CANARY = 'canary-77aa';
const setting = <T>(name: string, read: () => T): Setting<T> => ({ kind: 'setting', name, read });
const missing = (name: string) =>
  setting<never>(name, () => {
    throw new ConfigError([{ subject: 'environment', path: name, message: 'is missing' }]);
  });

const problemsOf = (options: unknown, name = 'payment'): readonly string[] => {
  try {
    defineApi(name, options as ApiOptions);
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems.map(describeProblem);
    throw error;
  }
  return [];
};
const problemOf = (option: object): string => problemsOf({ baseUrl: 'http://a.test', ...option }).join('; ');

describe('defineApi', () => {
  it('is plain data', () => {
    const options: ApiOptions = { baseUrl: 'http://a.test' };
    expect(defineApi('payment', options)).to.deep.equal({ kind: 'api', name: 'payment', options });
  });

  it('takes every option', () => {
    const all: ApiOptions = {
      baseUrl: setting('URL', () => 'http://a.test'),
      auth: bearer('x'),
      headers: { 'x-a': 'b', 'x-c': setting('C', () => 'd') },
      timeout: '1.5s',
      tls: { ca: ['a', setting('CA', () => 'b')], cert: 'c', key: new Secret('d'), pins: ['e'], servername: 'f' },
      addresses: ['10.0.0.0/8', 'fd00::/8', '::1'],
      concurrency: { adaptive: 'gradient', initial: 2, min: 1, max: 3 },
      maxQueued: 1,
      connections: 1,
      keepAlive: '2s',
      rateLimit: {
        requests: 1,
        per: '1s',
        burst: 1,
        shared: redisTokens({ url: setting('REDIS', () => new Secret('redis://a.test')), localShareRatio: 1 }),
      },
      cache: { ttl: '1m', staleFor: '5m', maxEntries: 1, maxBytes: 1 },
      breaker: {
        window: { calls: 10 },
        failureRatio: 0.5,
        minimumCalls: 10,
        consecutiveFailures: 1,
        slowCall: '1s',
        slowCallRatio: 0.5,
        openFor: { initial: '1s', factor: 2, max: '1m' },
        probes: 2,
        probesToClose: 1,
      },
      throttle: { k: 1.5 },
      hedge: { after: { percentile: 95, minimum: 0, maximum: '1s' } },
      retry: { maxAttempts: 1, backoff: { initial: 1, max: '2s', jitter: 'equal' }, maxRetryAfter: '1m', budget: 0.1 },
      classify: () => undefined,
      compressRequests: { above: 0 },
      maxRequestBytes: 1,
      maxResponseBytes: 1,
      axios: () => {},
    };
    expect(problemsOf(all)).to.deep.equal([]);
    expect(problemsOf({ ...all, retry: false })).to.deep.equal([]);
  });

  it('reports every mistake at once, by path', () => {
    expect(
      problemsOf({
        baseUrl: 'http://a.test',
        retrys: {},
        timeout: 'soon',
        retry: { maxAttemps: 2, backoff: { jitter: 'some' } },
        concurrency: 0,
      }),
    ).to.deep.equal([
      "api \"payment\": timeout: expected a duration above 0 to 24 days: milliseconds or a number with its unit, '250ms', '5s', '10m', '2h', '7d', got 'soon'",
      'api "payment": concurrency: expected at least 1, got 0',
      "api \"payment\": retry.backoff.jitter: expected 'none' or 'full' or 'equal', got 'some'",
      'api "payment": retry.maxAttempts: unknown option, did you mean "maxAttempts"?'.replace(
        'retry.maxAttempts',
        'retry.maxAttemps',
      ),
      'api "payment": retrys: unknown option, did you mean "retry"?',
    ]);
  });

  for (const value of [Number.NaN, 0, -1, 1.5, '5', Number.POSITIVE_INFINITY, null]) {
    for (const option of ['concurrency', 'maxQueued', 'connections', 'maxRequestBytes', 'maxResponseBytes']) {
      it(`refuses ${option}: ${value}`, () =>
        expect(problemOf({ [option]: value })).to.match(new RegExp(`^api "payment": ${option}: expected .*, got `)));
    }
    it(`refuses retry.maxAttempts: ${value}`, () =>
      expect(problemOf({ retry: { maxAttempts: value } })).to.include('retry.maxAttempts: expected'));
  }

  for (const value of [Number.NaN, 0, -1, '5', '0s', 'abc', 2 ** 31, '30d', null]) {
    it(`refuses the duration ${value}`, () => {
      expect(problemOf({ timeout: value })).to.include('timeout: expected a duration');
      expect(problemOf({ retry: { backoff: { initial: value } } })).to.include('retry.backoff.initial: expected');
      expect(problemOf({ retry: { maxRetryAfter: value } })).to.include('retry.maxRetryAfter: expected');
    });
  }

  for (const [wrong, problem] of [
    [{ addresses: 'private' }, "addresses: expected 'any' or 'public'"],
    [{ addresses: [] }, 'addresses: expected'],
    [
      { addresses: ['10.0.0.0/33'] },
      "addresses.0: expected a network as '10.20.0.0/16' or 'fd00::/8', got '10.0.0.0/33'",
    ],
    [{ rateLimit: { requests: 0, per: '1s' } }, 'rateLimit.requests: expected at least 1, got 0'],
    [{ rateLimit: { requests: 5 } }, 'rateLimit.per: expected a duration'],
    [{ rateLimit: { requests: 2_000_000, per: 1 } }, 'rateLimit.requests: expected at most 1000000, got 2000000'],
    [
      { rateLimit: { requests: 5, per: 1, shared: { url: 'redis://a.test' } } },
      'rateLimit.shared: must be made by redisTokens, of sluice/redis',
    ],
    [{ rateLimit: { requests: 5, per: 1, share: 0.5 } }, 'rateLimit.share: unknown option, did you mean "shared"?'],
    [{ cache: {} }, 'cache.ttl: expected a duration'],
    [{ cache: true }, 'cache: expected'],
    [{ cache: { ttl: 0 } }, 'cache.ttl: expected a duration above 0'],
    [{ cache: { ttl: 1, staleFor: 'long' } }, 'cache.staleFor: expected a duration'],
    [{ cache: { ttl: 1, maxEntries: 0 } }, 'cache.maxEntries: expected at least 1, got 0'],
    [{ cache: { ttl: 1, maxBytes: 0.5 } }, 'cache.maxBytes: expected'],
    [{ cache: { ttl: 1, staleIfError: 1 } }, 'cache.staleIfError: unknown option'],
    [{ breaker: true }, 'breaker: expected'],
    [{ breaker: { failureRatio: 50 } }, 'breaker.failureRatio: expected at most 1, got 50'],
    [{ breaker: { failureRatoi: 0.5 } }, 'breaker.failureRatoi: unknown option, did you mean "failureRatio"?'],
    [{ breaker: { window: { calls: 5 }, minimumCalls: 6 } }, 'breaker.minimumCalls: must fit'],
    [{ breaker: { slowCallRatio: 0.5 } }, 'breaker.slowCallRatio: must fit'],
    [{ throttle: { k: 0.5 } }, 'throttle.k: expected at least 1, got 0.5'],
    [{ hedge: { after: { percentile: 5, minimum: 1, maximum: 2 } } }, 'hedge.after.percentile: expected at least 50'],
    [
      { concurrency: { adaptive: 'fast' } },
      "concurrency.adaptive: expected 'gradient' or 'vegas' or 'aimd', got 'fast'",
    ],
    [{ concurrency: { adaptive: 'aimd', min: 9, max: 8 } }, 'concurrency.min: must be at most max (8), is 9'],
    [{ concurrency: { adaptive: 'aimd', initial: 201 } }, 'concurrency.initial: must be from 1 to 200, is 201'],
    [{ retry: { budget: 0 } }, 'retry.budget: expected'],
    [{ compressRequests: { above: -1 } }, 'compressRequests.above: expected at least 0, got -1'],
    [{ tls: { pins: [] } }, 'tls.pins: expected'],
    [{ tls: { verify: false } }, 'tls.verify: unknown option'],
    [{ classify: 'transient' }, 'classify: expected a function'],
    [{ keepAlive: 0 }, 'keepAlive: expected a duration'],
  ] as const) {
    it(`refuses ${JSON.stringify(wrong)}`, () => expect(problemOf(wrong)).to.include(problem));
  }

  it('tells once that an option of the breaker is wrong', () => {
    expect(problemOf({ breaker: { failureRatio: 2 } })).to.equal(
      'api "payment": breaker.failureRatio: expected at most 1, got 2',
    );
  });

  it('refuses a first pause that is longer than the longest', () => {
    expect(problemOf({ retry: { backoff: { initial: '10s' } } })).to.equal(
      'api "payment": retry.backoff.initial: must be at most max (5s), is 10s',
    );
  });

  it('refuses retry: true, headers that cannot be sent, an auth of unknown make', () => {
    expect(problemOf({ retry: true })).to.include('retry: expected');
    expect(
      problemOf({ headers: { Host: 'b', 'x-a': 'c\nd', 'idempotency-key': '1', 'x y': '' } }).split('; '),
    ).to.have.length(4);
    expect(problemOf({ auth: { header: 'x', value: CANARY } })).to.equal(
      'api "payment": auth: must be made by apiKey, bearer, basic or oauth2',
    );
    expect(problemOf({ auth: apiKey('Content-Length', 'x') })).to.include(
      'auth: header content-length is set by the transport alone',
    );
    expect(problemOf({ axios: {} })).to.include('axios: expected a function');
  });

  it('refuses base URLs that are none, and shows no password', () => {
    for (const baseUrl of [
      undefined,
      5,
      '',
      'a.test',
      'ftp://a.test',
      'http://a.test?x=1',
      `http://u:${CANARY}@a.test`,
    ]) {
      const problems = problemsOf({ baseUrl });
      expect(problems).to.have.length(1);
      expect(problems[0])
        .to.match(/^api "payment": baseUrl: must /)
        .and.not.include(CANARY);
    }
  });

  it('refuses names that no metric could carry', () => {
    for (const name of ['', '1a', 'a b', 'a\n', 'ž', 'x'.repeat(65)])
      expect(problemsOf({ baseUrl: 'http://a.test' }, name), name).to.have.length(1);
  });

  it('never shows the value of a header or a secret', () => {
    const text = problemsOf({
      baseUrl: 'http://a.test',
      auth: bearer(CANARY),
      headers: { 'x-a': `${CANARY}\n`, 'x y': CANARY },
      timeout: 0,
    }).join();
    expect(text).to.include('x-a').and.not.include(CANARY);
    const definition = defineApi('payment', { baseUrl: 'http://a.test', auth: basic('u', new Secret(CANARY)) });
    expect(inspect(definition, { depth: 9, showHidden: true }) + JSON.stringify(definition)).to.not.include(CANARY);
  });

  it('hands its problems to a collector', async () => {
    const problems = await collectProblems(async () => {
      defineApi('payment', { baseUrl: 'nowhere', timeout: 0 });
    });
    expect(problems.map(({ path }) => path)).to.deep.equal(['baseUrl', 'timeout']);
  });
});

describe('readSettings', () => {
  const read = (options: ApiOptions) => readSettings(defineApi('payment', options));

  it('names a secret that is none, as a variable that nobody set is', () => {
    const unset = undefined as never;
    for (const [auth, got] of [
      [bearer(unset), 'undefined'],
      [apiKey('x-key', null as never), 'null'],
      [basic('shop', unset), 'undefined'],
      [bearer(5 as never), 'a number'],
      [bearer({} as never), 'an object'],
    ] as const)
      expect(() => read({ baseUrl: 'http://a.test', auth })).to.throw(
        ConfigError,
        `api "payment": auth: expected a secret, as env.secret('PAYMENT_API_KEY'), got ${got}`,
      );
  });

  it('fills in the defaults', () => {
    const { base, headers, ...settings } = read({ baseUrl: 'http://a.test/x/' });
    expect(base).to.deep.equal({ origin: 'http://a.test', prefix: '/x' });
    expect({ ...headers }).to.deep.equal({});
    expect(settings).to.deep.equal({
      tls: undefined,
      tlsNow: undefined,
      addresses: undefined,
      authHeader: undefined,
      tokenRequest: undefined,
      timeoutMs: 10_000,
      concurrency: 64,
      maxQueued: 1_000,
      connections: 64,
      keepAliveMs: 4_000,
      rateLimit: undefined,
      cache: undefined,
      breaker: {},
      throttle: undefined,
      maxRetryAfterMs: 5_000,
      retry: { maxAttempts: 3, initialMs: 100, maxMs: 5_000, jitter: 'full', budget: 0.2 },
      compressAboveBytes: undefined,
      maxRequestBytes: API_DEFAULTS.maxBytes,
      maxResponseBytes: API_DEFAULTS.maxBytes,
      destinationOf: undefined,
    });
  });

  it('bounds a cache that does not say how large it may be', () => {
    expect(read({ baseUrl: 'http://a.test', cache: { ttl: '1m' } }).cache).to.deep.equal({
      ttlMs: 60_000,
      staleForMs: 0,
      ...API_DEFAULTS.cache,
    });
  });

  it('reports the store of a shared rate limit together with everything else', () => {
    const shared = redisTokens({ url: missing('REDIS_URL'), localShareRatio: 0.5 });
    const options: ApiOptions = {
      baseUrl: missing('BASE_URL'),
      auth: bearer(missing('KEY')),
      rateLimit: { requests: 1, per: '1s', shared },
    };
    expect(() => read(options))
      .to.throw(ConfigError)
      .with.property('problems')
      .that.has.length(3);
  });

  it('reads durations, settings and secrets', () => {
    const secret = setting('KEY', () => new Secret('k'));
    const settings = read({
      baseUrl: setting('URL', () => 'https://b.test'),
      timeout: '2s',
      headers: { 'X-Env': setting('E', () => 'e') },
      auth: apiKey('X-Key', secret),
      retry: false,
    });
    expect(settings).to.include({ timeoutMs: 2_000, authHeader: 'x-key', retry: undefined });
    expect({ ...settings.headers }).to.deep.equal({ 'x-env': 'e', 'x-key': 'k' });
    expect(
      read({
        baseUrl: 'http://a.test',
        auth: basic(
          setting('U', () => 'ú'),
          'p:w',
        ),
      }).headers.authorization,
    ).to.equal(`Basic ${Buffer.from('ú:p:w').toString('base64')}`);
    expect(read({ baseUrl: 'http://a.test', auth: bearer('t') }).headers.authorization).to.equal('Bearer t');
  });

  it('reports everything that is missing or malformed at once, without values', () => {
    const options: ApiOptions = {
      baseUrl: setting('URL', () => `ftp://${CANARY}`),
      headers: { 'x-a': missing('A'), 'x-b': setting('B', () => `${CANARY}\r\n`) },
      auth: bearer(setting('KEY', () => new Secret(`${CANARY}ž`))),
    };
    let problems: readonly string[] = [];
    try {
      read(options);
    } catch (error) {
      if (error instanceof ConfigError) problems = error.problems.map(describeProblem);
    }
    expect(problems).to.deep.equal([
      'api "payment": baseUrl: must be a URL with http:// or https://',
      'environment: A: is missing',
      'api "payment": headers.x-b: value of header x-b holds a control character or one outside Latin-1',
      'api "payment": auth: value of header authorization holds a control character or one outside Latin-1',
    ]);
  });

  it('shows what a base URL without a scheme lacks, and not what it is', () => {
    expect(() => read({ baseUrl: 'localhost:4000' })).to.throw(
      'api "payment": baseUrl: must be a URL with http:// or https://, as http://localhost:3000',
    );
  });

  it('is where a client fails', () => {
    expect(() => clientOf({ baseUrl: missing('URL') })).to.throw(ConfigError, 'environment: URL: is missing');
  });
});

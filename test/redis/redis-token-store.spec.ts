import { execFile } from 'node:child_process';
import Module from 'node:module';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { lastValueFrom, merge, of, toArray } from 'rxjs';
import sinon from 'sinon';
import { collectProblems } from '../../src/definition.ts';
import { ConfigError, DefinitionError, describeProblem } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { type ApiClient, createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import type { TransportResponse } from '../../src/http/transport.ts';
import { type RedisTokenStoreOptions, redisTokens } from '../../src/redis/redis-token-store.ts';
import { Secret, type Setting } from '../../src/setting.ts';
import { scopeOf } from '../http/call-scope.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithOwnRedis, describeWithRedis, type PrivateRedis, startPrivateRedis } from '../support/redis.ts';

const CANARY = 'canary-5c1d';
const setting = <T>(name: string, read: () => T): Setting<T> => ({ kind: 'setting', name, read });
const problemsOf = (options: unknown): readonly string[] => {
  try {
    redisTokens(options as RedisTokenStoreOptions).read();
  } catch (error) {
    if (error instanceof DefinitionError || error instanceof ConfigError) return error.problems.map(describeProblem);
    throw error;
  }
  return [];
};

describe('redisTokens', () => {
  it('names every mistake, and shows no URL', async () => {
    expect(problemsOf({ url: `http://u:${CANARY}@a.test`, localShareRatio: 2, prefx: '' })).to.deep.equal([
      'redisTokens: url: must be a URL that begins with redis:// or rediss://',
      'redisTokens: localShareRatio: expected at most 1, got 2',
      'redisTokens: prefx: unknown option, did you mean "prefix"?',
    ]);
    for (const localShareRatio of [0, -1, Number.NaN, '1', undefined])
      expect(problemsOf({ url: 'redis://a.test', localShareRatio })).to.have.length(1);
    const collected = await collectProblems(async () => {
      redisTokens({ url: '', localShareRatio: 0 });
    });
    expect(collected).to.have.length(2);
  });

  it('reads its URL when the worker starts: a wrong one is named by its variable', () => {
    const wrong = setting('REDIS_URL', () => new Secret(`amqp://${CANARY}`));
    const definition = redisTokens({ url: wrong, localShareRatio: 1 });
    expect(() => definition.read()).to.throw(
      ConfigError,
      /^environment: REDIS_URL: must be a URL that begins with redis:\/\/ or rediss:\/\/$/,
    );
    const wanted =
      "must name its database once, by a number, redis://host:6379/0, and nothing behind it; '/' and no path are 0";
    for (const rest of ['/one', '/1x', '/-1', '/0/1', '/0x1', '/%31', '?db=one', '/0?db=', '/0?db=99', '?db=1&db=2']) {
      const url = `redis://:${CANARY}@a.test${rest}`;
      expect(problemsOf({ url, localShareRatio: 1 }), rest).to.deep.equal([`redisTokens: url: ${wanted}`]);
      const read = setting('REDIS_URL', () => new Secret(url));
      expect(problemsOf({ url: read, localShareRatio: 1 })).to.deep.equal([`environment: REDIS_URL: ${wanted}`]);
    }
    for (const rest of ['', '/', '/0', '/15', '?db=3'])
      expect(problemsOf({ url: `redis://a.test${rest}`, localShareRatio: 1 }), rest).to.deep.equal([]);
    const secret = new Secret(`rediss://:${CANARY}@a.test:6380/1`);
    for (const url of [secret, secret.reveal(), setting('REDIS_URL', () => secret.reveal())])
      expect(problemsOf({ url, localShareRatio: 1 })).to.deep.equal([]);
    const shown = inspect(redisTokens({ url: secret.reveal(), localShareRatio: 1 }), { depth: 9, showHidden: true });
    expect(shown).to.not.include(CANARY);
  });

  it('names the package it needs, and how to get it, where that is not installed', () => {
    const loader = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
    const resolve = loader._resolveFilename;
    const stub = sinon.stub(loader, '_resolveFilename').callsFake((request, ...rest) => {
      if (request === 'ioredis') throw new Error('not found');
      return resolve(request, ...rest);
    });
    try {
      const url = setting<never>('REDIS_URL', () => {
        throw new ConfigError([{ subject: 'environment', path: 'REDIS_URL', message: 'is not set' }]);
      });
      expect(problemsOf({ url, localShareRatio: 1 })).to.deep.equal([
        'redisTokens: needs the package ioredis, which is not installed; run `npm install ioredis`',
        'environment: REDIS_URL: is not set',
      ]);
    } finally {
      stub.restore();
    }
  });

  it('loads ioredis neither with the package nor with a definition', async () => {
    const program = `
      import { createRequire } from 'node:module';
      import { defineApi } from 'sluice';
      import { redisTokens } from 'sluice/redis';
      const shared = redisTokens({ url: 'redis://127.0.0.1:1', localShareRatio: 1 });
      defineApi('payment', { baseUrl: 'http://a.test', rateLimit: { requests: 1, per: '1s', shared } });
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/ioredis/'));
      const before = loaded();
      await import('ioredis');
      console.log(JSON.stringify([before, loaded()]));
    `;
    const args = ['--import', 'tsx', '--conditions', 'sluice-source', '--input-type=module', '--eval', program];
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
    expect(JSON.parse(stdout)).to.deep.equal([false, true]);
  });
});

const answer: TransportResponse = { status: 204, headers: {}, body: Buffer.alloc(0) };

/** A worker's client of the API `payment`, as far as its rate limit goes. */
function worker(url: string, rate: { readonly requests: number; readonly per: number; readonly burst?: number }) {
  const shared = redisTokens({ url: setting('REDIS_URL', () => new Secret(url)), localShareRatio: 0.5 });
  const facts = createFacts();
  const changes: Fact[] = [];
  facts.stream.subscribe((fact) => {
    if (fact.type === 'rateLimitSharingChanged') changes.push(fact);
  });
  const definition = defineApi('payment', { baseUrl: 'http://a.test', retry: false, rateLimit: { ...rate, shared } });
  const client = createApiClient(definition, { facts, random: () => 0, transport: () => of(answer) });
  const api = client.bind(scopeOf());
  const call = (count: number): Promise<unknown[]> =>
    lastValueFrom(merge(...Array.from({ length: count }, () => api.get('/x'))).pipe(toArray()));
  const isShared = (): boolean => {
    const last = changes.at(-1);
    return last === undefined || ('state' in last && last.state === 'shared');
  };
  return { client, changes, isShared, call };
}

const close = (client: ApiClient) => lastValueFrom(client.close(), { defaultValue: undefined });

describeWithRedis('an API whose rate limit is in Redis', (server) => {
  it('shares one rate with every client of the same name, and lets go of Redis when it is closed', async () => {
    const redis = new Redis(server().url);
    await redis.del('sluice:tokens:payment');
    const before = (await clientsOf(redis)).length;
    const rate = { requests: 100, per: 1_000, burst: 5 };
    const workers = [worker(server().url, rate), worker(server().url, rate)];
    // Before any call: whoever starts is connected.
    await eventually('both are connected', async () => (await clientsOf(redis)).length === before + 2);
    const changes = () => workers.flatMap((each) => each.changes).length;
    // An answer that comes too late makes a worker keep to its share for a while: on a busy machine such a round proves nothing.
    await eventually('Redis answers in time for a whole round', async () => {
      const [seen, beganAt] = [changes(), performance.now()];
      await Promise.all(workers.map(({ call }) => call(15)));
      const tookMs = performance.now() - beganAt;
      if (changes() !== seen || !workers.every(({ isShared }) => isShared())) return false;
      expect(tookMs).to.be.at.least(250 - 2);
      return true;
    });
    expect(await redis.exists('sluice:tokens:payment')).to.equal(1);

    for (const { client } of workers) await close(client);
    await eventually('both are gone', async () => (await clientsOf(redis)).length === before);
    await redis.quit();
  });
});

const clientsOf = async (redis: Redis): Promise<readonly string[]> =>
  String(await redis.client('LIST'))
    .trim()
    .split('\n');

describeWithOwnRedis('an API whose Redis goes away', () => {
  let server: PrivateRedis;
  before(async () => {
    server = await startPrivateRedis();
  });
  after(() => server.stop());

  it('keeps to its share, says so, and shares again when Redis is back', async () => {
    const { client, changes, isShared, call } = worker(server.url, { requests: 1_000, per: 1_000 });
    const callUntil = (what: string, holds: () => boolean) =>
      eventually(what, async () => {
        await call(1);
        return holds();
      });
    expect(await call(10)).to.have.length(10);
    await callUntil('it answers in time', isShared);

    await server.kill();
    // Asked while the connection is still thought to be there, a question fails as well.
    await callUntil('the loss is seen', () => !isShared());
    const seen = changes.length;
    expect(await call(5)).to.have.length(5);
    expect(changes).to.have.length(seen);

    await server.start();
    await callUntil('it is back', isShared);
    expect(changes[seen - 1]).to.include({ type: 'rateLimitSharingChanged', state: 'local' });
    expect(changes[seen]).to.include({ type: 'rateLimitSharingChanged', state: 'shared' });
    await close(client);
  });

  it('starts without it, and closes in no time', async () => {
    await server.kill();
    const { client, changes, call } = worker(server.url, { requests: 1_000, per: 1_000 });
    expect(await call(3)).to.have.length(3);
    expect(changes).to.have.length(1);
    await close(client);
    await close(worker(server.url, { requests: 1, per: 1 }).client);
    await server.start();
  });
});

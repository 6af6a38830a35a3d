import { expect } from 'chai';
import { Redis } from 'ioredis';
import { firstValueFrom, lastValueFrom, merge, of, timer, toArray } from 'rxjs';
import { messageOf } from '../../src/errors.ts';
import { createSharedRateLimiter, type StoreChange } from '../../src/operators/shared-rate-limit.ts';
import { createRedisTokens, type RedisTokens } from '../../src/redis/redis-tokens.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithOwnRedis, describeWithRedis, type PrivateRedis, startPrivateRedis } from '../support/redis.ts';

const slow = { requests: 1, periodMs: 60_000, burst: 5 };

describeWithRedis('token buckets in Redis', (server) => {
  let redis: Redis;
  const opened: RedisTokens[] = [];
  const open = (): RedisTokens => {
    const tokens = createRedisTokens({ url: server().url });
    opened.push(tokens);
    return tokens;
  };
  const millisecond = async (): Promise<number> => {
    const [seconds, microseconds] = await redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  };

  before(() => {
    redis = new Redis(server().url);
  });
  afterEach(async () => {
    for (const tokens of opened.splice(0)) await lastValueFrom(tokens.close(), { defaultValue: undefined });
  });
  after(() => redis.quit());

  it('grants what a bucket holds, and says when the next token is there', async () => {
    const tokens = open();
    expect(await firstValueFrom(tokens.take('grants', slow, 3))).to.deep.equal({ granted: 3, waitMs: 0 });
    const { granted, waitMs } = await firstValueFrom(tokens.take('grants', slow, 3));
    expect(granted).to.equal(2);
    expect(waitMs).to.be.within(30_000, 60_000);
  });

  it('is one bucket for all workers, and one for each name', async () => {
    const [one, other] = [open(), open()];
    await firstValueFrom(one.take('common', slow, 5));
    expect((await firstValueFrom(other.take('common', slow, 1))).granted).to.equal(0);
    expect((await firstValueFrom(other.take('another', slow, 1))).granted).to.equal(1);
  });

  it('never grants more than burst + rate × t, to however many ask at once', async () => {
    const workers = [open(), open(), open()];
    const rate = { requests: 1, periodMs: 1, burst: 50 };
    await redis.script('FLUSH');
    const beganAt = await millisecond();
    let granted = 0;
    const askOn = async (tokens: RedisTokens): Promise<void> => {
      while (granted < 400) {
        const grant = await firstValueFrom(tokens.take('law', rate, 7));
        granted += grant.granted;
        if (grant.granted === 0) await firstValueFrom(timer(grant.waitMs));
      }
    };
    await Promise.all(workers.flatMap((tokens) => [askOn(tokens), askOn(tokens)]));
    const tookMs = (await millisecond()) - beganAt;
    expect(granted).to.be.at.most(rate.burst + tookMs);
  });

  it('counts exactly, up to the largest bucket there may be', async () => {
    const rate = { requests: 1, periodMs: 2 ** 31 - 1, burst: 1_000_000 };
    await firstValueFrom(open().take('large', rate, 1));
    const credit = 999_999 * rate.periodMs;
    expect(Number(await redis.hget('sluice:tokens:large', 'credit'))).to.equal(credit);
    expect(String(await redis.hget('sluice:tokens:large', 'credit'))).to.equal(String(credit));
  });

  it('keeps a bucket until it is full again, and no longer', async () => {
    const rate = { requests: 1, periodMs: 60_000, burst: 10 };
    await firstValueFrom(open().take('expires', rate, 4));
    expect(await redis.pttl('sluice:tokens:expires')).to.be.within(210_000, 240_000);
  });

  it('neither stands still nor gives tokens for a clock that is set back', async () => {
    const rate = { requests: 1, periodMs: 60_000, burst: 2 };
    const tokens = open();
    await firstValueFrom(tokens.take('back', rate, 2));
    // An hour ahead, as the clock of the server before was.
    await redis.hset('sluice:tokens:back', 'at', (await millisecond()) + 3_600_000);
    const { granted, waitMs } = await firstValueFrom(tokens.take('back', rate, 1));
    expect(granted).to.equal(0);
    expect(waitMs).to.be.at.most(60_000);
  });

  it('limits two workers together to one rate', async () => {
    const limiters = [open(), open()].map((tokens) =>
      createSharedRateLimiter({
        tokens,
        name: 'together',
        requests: 100,
        per: '1s',
        burst: 5,
        localShareRatio: 0.5,
        answerWithin: '5s',
      }),
    );
    const beganAt = await millisecond();
    const calls = limiters.flatMap((limiter) => Array.from({ length: 15 }, (_, call) => limiter.run(of(call))));
    expect(await firstValueFrom(merge(...calls).pipe(toArray()))).to.have.length(30);
    expect((await millisecond()) - beganAt).to.be.at.least(250 - 1);
    expect(limiters.map(({ isStoreAway }) => isStoreAway)).to.deep.equal([false, false]);
  });

  it('answers no question after it is closed', async () => {
    const tokens = open();
    await lastValueFrom(tokens.close(), { defaultValue: undefined });
    const failure = await firstValueFrom(tokens.take('closed', slow, 1)).catch((error: unknown) => error);
    expect(String(failure)).to.equal('Error: the connection to Redis is closed');
  });
});

describeWithOwnRedis('a shared rate limit without its Redis', () => {
  let server: PrivateRedis;
  let tokens: RedisTokens;
  before(async () => {
    server = await startPrivateRedis();
    tokens = createRedisTokens({ url: server.url });
  });
  after(async () => {
    await lastValueFrom(tokens.close(), { defaultValue: undefined });
    await server.stop();
  });

  it('keeps to its share while Redis is gone or frozen, says so, and is back when Redis is', async () => {
    const changes: StoreChange[] = [];
    const shared = createSharedRateLimiter({
      tokens,
      name: 'outage',
      requests: 1_000,
      per: '1s',
      localShareRatio: 0.5,
      // Of these, 250 ms would be enough where nothing else runs.
      answerWithin: '3s',
      retryEvery: 20,
      onStore: (change) => changes.push(change),
    });
    const calls = (count: number): Promise<number[]> => {
      const all = Array.from({ length: count }, (_, call) => shared.run(of(call)));
      return firstValueFrom(merge(...all).pipe(toArray()));
    };
    const isBack = async (): Promise<boolean> => {
      await calls(1);
      return !shared.isStoreAway;
    };

    expect(await calls(10)).to.have.length(10);
    expect(changes).to.deep.equal([]);

    await server.kill();
    const question = firstValueFrom(tokens.take('outage', slow, 1));
    expect(await question.catch((error: unknown) => error)).to.be.instanceOf(Error);
    expect(await calls(10)).to.have.length(10);
    expect(changes.map(({ isAway }) => isAway)).to.deep.equal([true]);
    await server.start();
    await eventually('the store is back', isBack);

    server.freeze();
    expect(await calls(10)).to.have.length(10);
    expect(shared.isStoreAway).to.equal(true);
    server.thaw();
    await eventually('the store is back', isBack);
    expect(changes.map(({ isAway }) => isAway)).to.deep.equal([true, false, true, false]);
    expect(changes.filter(({ isAway }) => isAway).every(({ cause }) => cause instanceof Error)).to.equal(true);
  });

  it('says why it cannot be asked, with its address and without its password', async () => {
    const { host } = new URL(server.url);
    const why = (url: string): Promise<string> => reasonOf(createRedisTokens({ url }));
    const asking = createRedisTokens({ url: server.url });
    expect((await firstValueFrom(asking.take('reasons', slow, 1))).granted).to.equal(1);

    const admin = new Redis(server.url);
    await admin.config('SET', 'requirepass', 'canary');
    await admin.quit();
    expect(await why(`redis://:wrong-canary@${host}`)).to.match(/^redis:\/\/127\.0\.0\.1:\d+: WRONGPASS (?!.*canary)/);
    expect(await why(server.url)).to.match(/^redis:\/\/127\.0\.0\.1:\d+: NOAUTH /);

    await server.kill();
    expect(await reasonOf(asking)).to.match(
      new RegExp(`^redis://${host}: (the connection was lost|connect ECONNREFUSED ${host})$`),
    );
    expect(await why(server.url)).to.equal(`redis://${host}: connect ECONNREFUSED ${host}`);
    await server.start();
  });

  it('asks nothing of another database than its own, and says why', async () => {
    const { host } = new URL(server.url);
    const refusal = `redis://${host}: ERR DB index is out of range`;
    const tokens = createRedisTokens({ url: `${server.url}/16` });
    const asked = () => firstValueFrom(tokens.take('elsewhere', slow, 1)).then(() => 'granted', messageOf);
    for (let time = 0; time < 20; time++) {
      expect(await asked()).to.equal(refusal);
      await firstValueFrom(timer(10));
    }
    const admin = new Redis(server.url);
    expect(await admin.keys('*elsewhere')).to.deep.equal([]);
    await admin.quit();
    await lastValueFrom(tokens.close(), { defaultValue: undefined });
  });

  /** What a question fails with; ends the connection. */
  const reasonOf = async (asked: RedisTokens): Promise<string> => {
    const failure: unknown = await firstValueFrom(asked.take('reasons', slow, 1)).catch((error: unknown) => error);
    await lastValueFrom(asked.close(), { defaultValue: undefined });
    return messageOf(failure);
  };
});

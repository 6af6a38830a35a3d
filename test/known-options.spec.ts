/** Every public function with options refuses one it does not have: without types nobody else tells of it, and what is misspelt is as if it were not said. */
import { expect } from 'chai';
import { isObservable, NEVER } from 'rxjs';
import * as sluice from 'sluice';
import * as operators from 'sluice/operators';
import * as redis from 'sluice/redis';
import * as testing from 'sluice/testing';
import { z } from 'zod';
import { collectProblems } from '../src/definition.ts';
import { done, paying } from './testing/pipelines/working.ts';

/** What is given beside options that are right. */
type More = Readonly<Record<string, unknown>>;
type Makers = Readonly<Record<string, (more: More) => unknown>>;

const noop = (): undefined => undefined;
const random = (): number => 0.5;
const tokens: redis.SharedTokens = { take: () => NEVER };
const keyed = { leftKey: noop, rightKey: noop, within: '1s', onUnmatched: noop } as const;
const operations = { price: { request: z.object({}) } };
const secret = sluice.env.secret('NOBODY_SETS_IT');
const bytes = (): Uint8Array => new Uint8Array();

const operatorMakers: Makers = {
  createAdaptiveBulkhead: (more) => operators.createAdaptiveBulkhead({ maxQueued: 1, ...more }),
  createBatcher: (more) => operators.createBatcher({ maxSize: 1, maxWait: 0, request: () => NEVER, ...more }),
  createBulkhead: (more) => operators.createBulkhead({ slots: 1, maxQueued: 1, ...more }),
  createCache: (more) => operators.createCache({ ttl: '1s', ...more }),
  createCircuitBreaker: (more) => operators.createCircuitBreaker(more),
  createClientThrottle: (more) => operators.createClientThrottle(more, random),
  createEmbeddedBroker: (more) => testing.createEmbeddedBroker(more),
  createRateLimiter: (more) => operators.createRateLimiter({ requests: 1, per: '1s', ...more }),
  createRedisTokens: (more) => redis.createRedisTokens({ url: 'redis://localhost/0', ...more }),
  createRetryBudget: (more) => operators.createRetryBudget({ ratio: 1, ...more }),
  createSharedRateLimiter: (more) =>
    redis.createSharedRateLimiter({ tokens, name: 'x', requests: 1, per: '1s', localShareRatio: 1, ...more }),
  decorrelatedBackoff: (more) => operators.decorrelatedBackoff({ initialMs: 1, maxMs: 1, ...more }, random),
  dedupeBy: (more) => operators.dedupeBy(noop, { ttl: '1s', ...more }),
  exponentialBackoff: (more) =>
    operators.exponentialBackoff({ initialMs: 1, maxMs: 1, jitter: 'none', ...more }, random),
  fallbackTo: (more) => operators.fallbackTo(1, more),
  gather: (more) => operators.gather({}, more),
  gatherQuorum: (more) => operators.gatherQuorum({ a: NEVER }, { atLeast: 1, ...more }),
  gatherSettled: (more) => operators.gatherSettled({}, more),
  hedge: (more) => operators.hedge({ after: '1s', ...more }),
  joinByKey: (more) => operators.joinByKey(NEVER, NEVER, { ...keyed, ...more }),
  mergeMapByKey: (more) => operators.mergeMapByKey(noop, () => NEVER, { concurrency: 1, ...more }),
  retryWithBackoff: (more) => operators.retryWithBackoff({ maxAttempts: 2, backoff: () => 1, ...more }),
};

const definitionMakers: Makers = {
  clientKeys: (more) => sluice.clientKeys({ shop: secret }, more),
  codec: (more) => sluice.codec({ contentType: 'application/x', decode: noop, encode: bytes, ...more }),
  defineApi: (more) => sluice.defineApi('shop', { baseUrl: 'http://localhost:1', ...more }),
  definePipeline: (more) =>
    sluice.definePipeline({
      name: 'orders',
      source: sluice.queue('orders'),
      input: z.object({}),
      handle: () => NEVER,
      ...more,
    }),
  defineService: (more) => sluice.defineService('pricing', { queue: 'pricing', operations, ...more }),
  every: (more) => sluice.every('1m', more),
  jwt: (more) => sluice.jwt({ issuer: 'i', audience: 'a', jwks: 'https://localhost/keys', ...more }),
  oauth2: (more) =>
    sluice.oauth2({ tokenUrl: 'https://localhost/token', clientId: 'c', clientSecret: secret, ...more }),
  outbox: (more) => sluice.outbox({ url: 'postgres://localhost/shop', ...more }),
  partitioned: (more) => sluice.partitioned('orders', { by: 'id', ...more }),
  queue: (more) => sluice.queue('orders', more),
  redisTokens: (more) => redis.redisTokens({ url: 'redis://localhost/0', localShareRatio: 1, ...more }),
  saga: (more) => sluice.saga({ name: 'order', input: z.object({}), apis: {}, id: () => '1', ...more }),
  schedule: (more) => sluice.schedule('@daily', more),
  stream: (more) => sluice.stream('orders', more),
  versions: (more) => sluice.versions(z.object({}), more),
};

/** What goes in and comes out of a pipeline, and its tests: those are run, since what they are given is looked at then. */
const valueMakers: Makers = {
  advancing: (more) => testing.advancing(paying, more, async () => {})(),
  call: (more) => testing.call('pay', 'POST /pay', more),
  exchange: (more) => sluice.exchange('orders', 'order.paid', more),
  marbles: (more) => testing.marbles(paying, more, noop)(),
  message: (more) => testing.message(1, more),
  published: (more) => testing.published(done, 1, more),
  simulate: (more) => testing.simulate([paying], { messages: { work: () => ({ n: 1 }) }, hours: 0.01, ...more }),
};

/** Their arguments stand one after the other. */
const withoutOptions: ReadonlySet<string> = new Set([
  'ack',
  'apiKey',
  'basic',
  'bearer',
  'bulkhead',
  'cached',
  'circuitBreaker',
  'clientThrottle',
  'constantBackoff',
  'deadLetter',
  'httpError',
  'inSlots',
  'isTransient',
  'networkError',
  'ok',
  'optional',
  'rateLimit',
  'retry',
  'returned',
  'serviceError',
  'status',
  'timeoutWithin',
  'withDeadline',
]);

type Maker = (...given: readonly never[]) => unknown;

const isMaker = (value: unknown): value is Maker =>
  typeof value === 'function' && !Function.prototype.toString.call(value).startsWith('class');

const makers: ReadonlyMap<string, Maker> = new Map(
  [sluice, operators, redis, testing].flatMap((entrance) =>
    Object.entries<unknown>({ ...entrance }).flatMap(([name, value]) => (isMaker(value) ? [[name, value]] : [])),
  ),
);

/** The parameters as they are written, without a default that is an empty object. */
function parametersOf(maker: Maker): string {
  const text = Function.prototype.toString.call(maker);
  const alone = /^(\w+)\s*=>/.exec(text)?.[1];
  if (alone !== undefined) return alone;
  const begin = text.indexOf('(');
  let depth = 0;
  for (let at = begin; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')') depth--;
    if (depth === 0) return text.slice(begin + 1, at).replaceAll(/=\s*\{\}/g, '');
  }
  return text;
}

const thrownBy = async (make: () => unknown): Promise<unknown> => {
  try {
    const made = make();
    // What is begun by who subscribes refuses to be awaited.
    if (!isObservable(made)) await made;
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('an option that a public function does not have', () => {
  const rows = [
    { table: operatorMakers, kind: RangeError, told: (name: string) => `${name}: no option "mispelt", only ` },
    { table: valueMakers, kind: TypeError, told: () => ': no option "mispelt", only ' },
    { table: definitionMakers, kind: sluice.DefinitionError, told: () => 'mispelt: unknown option; allowed: ' },
  ];

  for (const { table, kind, told } of rows)
    for (const [name, make] of Object.entries(table))
      it(`is refused by ${name}, which takes the others`, async () => {
        expect(await thrownBy(() => make({}))).to.equal(undefined);
        const refusal = await thrownBy(() => make({ mispelt: undefined }));
        expect(refusal).to.be.instanceOf(kind);
        expect((refusal as Error).message).to.contain(told(name));
      });

  for (const [where, make, told] of [
    [
      'a measured pause',
      () => operators.hedge({ after: { percentile: 95, minimum: '1ms', maximum: '1s', ...{ minimun: 1 } } }),
      'hedge: after: no option "minimun", only percentile, minimum, maximum',
    ],
    [
      'a window of calls',
      () => operators.createCircuitBreaker({ window: { calls: 20, ...{ call: 1 } } }),
      'createCircuitBreaker: window: no option "call", only calls',
    ],
    [
      'a time that grows',
      () => operators.createCircuitBreaker({ openFor: { initial: '1s', ...{ maximum: '1m' } } }),
      'createCircuitBreaker: openFor: no option "maximum", only initial, factor, max',
    ],
    [
      'a restart of the embedded broker',
      () => testing.createEmbeddedBroker().restart({ keepDurable: true, ...{ crsh: true } }),
      'restart: no option "crsh", only keepDurable, dropUnsyncedAcks, crash',
    ],
  ] as const) {
    it(`is refused in ${where}`, () => {
      expect(make).to.throw(RangeError, told);
    });
  }

  it('is told with the one that was meant, where a definition has it', () => {
    const misspelt: object = { clientID: 'c' };
    expect(() => sluice.oauth2(misspelt as sluice.OAuth2Options)).to.throw(
      sluice.DefinitionError,
      'oauth2: clientID: unknown option, did you mean "clientId"?',
    );
  });

  it('is told without what stands in the place of the options: it may be the secret, or a URL that holds one', () => {
    const makers: Makers = {
      clientKeys: (given) => sluice.clientKeys({ shop: secret }, given),
      defineApi: (given) => sluice.defineApi('shop', given as unknown as sluice.ApiOptions),
      oauth2: (given) => sluice.oauth2(given as unknown as sluice.OAuth2Options),
      outbox: (given) => sluice.outbox(given as unknown as sluice.OutboxOptions),
      redisTokens: (given) => redis.redisTokens(given as unknown as redis.RedisTokenStoreOptions),
      versions: (given) => sluice.versions(z.object({}), given),
    };
    for (const make of Object.values(makers)) {
      expect(() => make('postgres://shop:canary-17@localhost/shop' as unknown as More)).to.throw(
        sluice.DefinitionError,
        /: expected an object, got a string$/,
      );
      expect(() => make(['canary-17'] as unknown as More)).to.throw(
        sluice.DefinitionError,
        /: expected an object, got an array$/,
      );
    }
  });

  it('is told where an operator is given a value in the place of its options', () => {
    const given = (value: unknown): More => value as More;
    const branches = {};
    const told = (kind: string): string => `gather: expected options by name (within), got a ${kind}`;
    expect(() => operators.gather(branches, given(2_000))).to.throw(RangeError, told('number'));
    expect(() => operators.gather(branches, given('2s'))).to.throw(RangeError, told('string'));
    expect(() =>
      operators.fallbackTo(
        1,
        given(() => true),
      ),
    ).to.throw(RangeError, 'got a function');
    expect(() => sluice.exchange('orders', 'x', given(5))).to.throw(
      TypeError,
      'exchange("orders", "x"): expected options by name (mandatory, headers, priority), got a number',
    );
  });

  it('is looked for without a look at the values, which may not be there before the worker starts', () => {
    const options: sluice.OAuth2Options = {
      tokenUrl: 'https://localhost/token',
      clientId: 'c',
      get clientSecret(): never {
        throw new Error('CRM_SECRET is not set');
      },
    };
    expect(() => sluice.oauth2(options)).to.not.throw();
  });

  it('leaves a definition that a collector lets finish', async () => {
    const problems = await collectProblems(async () => {
      sluice.versions(z.object({}), null as unknown as sluice.VersionsOptions);
    });
    expect(problems).to.deep.equal([{ subject: 'versions', path: '', message: 'expected an object, got null' }]);
  });

  it('is looked for in every function there is: whatever is new has its place in these tables', () => {
    const placed = [...rows.flatMap(({ table }) => Object.keys(table)), ...withoutOptions];
    expect(placed.sort()).to.deep.equal([...makers.keys()].sort());
  });

  it('cannot be given where arguments stand one after the other', () => {
    const taking = [...withoutOptions].filter((name) =>
      /[{]|\b(options|parts)\b/i.test(parametersOf(makers.get(name) as Maker)),
    );
    expect(taking).to.deep.equal([]);
  });
});

import { inspect } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import { partitioned } from '../../src/broker/partitioned.ts';
import { queue } from '../../src/broker/queue.ts';
import { collectProblems } from '../../src/definition.ts';
import { DefinitionError, describeProblem, type Problem } from '../../src/errors.ts';
import { loadAxiosFor } from '../../src/http/axios-on-demand.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { defineService } from '../../src/http/define-service.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { every } from '../../src/sources/every.ts';
import { outbox } from '../../src/sources/outbox.ts';
import { schedule } from '../../src/sources/schedule.ts';
import { stream } from '../../src/sources/stream.ts';
import { apiProblems } from '../../src/worker/api-registry.ts';
import { clashes, declarationClashes } from '../../src/worker/clashes.ts';
import { entranceProblems } from '../../src/worker/entrances.ts';
import { feederProblems } from '../../src/worker/feeder-problems.ts';

/** What somebody without types may write where something else belongs. */
const WRONG: readonly unknown[] = [
  null,
  0,
  -1,
  0.5,
  Number.NaN,
  '',
  'x',
  '5',
  true,
  false,
  [],
  [null],
  ['x'],
  {},
  { x: 1 },
  { by: null },
  { ttl: null },
  { delays: 'x' },
  { delays: [null] },
  [{}],
  () => 1,
  Symbol('x'),
  1n,
  new Date(Number.NaN),
  new Map(),
];

type Make = (options: never) => unknown;
type Options = Readonly<Record<string, unknown>>;

const ITEM = z.object({ id: z.string() });

const around = (parts: Options): Pipeline =>
  definePipeline({ name: 'a', source: queue('a'), input: ITEM, handle: () => [], ...parts } as never);
const source = (make: (options: never) => unknown) => (options: Options) => around({ source: make(options as never) });

/** A definition that is right, by its name; each of its options is given each wrong value in turn. */
/** Right options of a queue that sources take beside their own. */
const OF_ITS_QUEUE = { retry: false, topology: 'assert', type: 'quorum', deliveryLimit: 1 };

const definitions: Readonly<
  Record<string, { readonly make: (options: Options) => Pipeline; readonly right: Options }>
> = {
  'a pipeline whose options fit each other, and not their defaults': {
    make: around,
    right: {
      source: queue('a', { prefetch: 5, settleWithin: '2m' }),
      concurrency: 5,
      order: 'none',
      timeout: '1m',
      maxMessageBytes: 4_000_000,
      ingress: { path: '/a', auth: 'none', maxBodyBytes: 2_000_000 },
    },
  },
  definePipeline: {
    make: around,
    right: {
      name: 'a',
      source: queue('a'),
      input: ITEM,
      apis: {},
      needs: [],
      concurrency: 1,
      order: 'none',
      timeout: '1s',
      maxMessageBytes: 1,
      reads: {},
      writes: {},
      publishes: [],
      replyTo: ['amq.*'],
      tenant: () => 'x',
      dedupe: { ttl: '1d' },
      ingress: { path: '/a', auth: 'none' },
      handle: () => [],
      output: () => [],
    },
  },
  defineApi: {
    make: (options) => around({ apis: { b: defineApi('b', options as never) } }),
    right: {
      baseUrl: 'https://b.example',
      auth: undefined,
      headers: {},
      tls: {},
      addresses: 'any',
      connections: 1,
      keepAlive: '1s',
      cache: { ttl: '1s' },
      compressRequests: { above: 1000 },
      timeout: '1s',
      concurrency: 1,
      maxQueued: 1,
      rateLimit: { requests: 1, per: '1s' },
      breaker: {},
      throttle: {},
      hedge: { after: '1s' },
      retry: false,
      classify: () => undefined,
      maxRequestBytes: 1,
      maxResponseBytes: 1,
      axios: undefined,
    },
  },
  defineService: {
    make: (options) => around({ apis: { b: defineService('b', options as never) } }),
    right: { queue: 'b', operations: { ask: { request: ITEM, answer: ITEM } }, timeout: '1s', retry: false },
  },
  queue: {
    make: source((options) => queue('a', options)),
    right: {
      bindings: [],
      prefetch: 64,
      ...OF_ITS_QUEUE,
      settleWithin: '20m',
    },
  },
  stream: {
    make: source((options) => stream('events', options)),
    right: {
      from: 'first',
      queue: 'b',
      bindings: [],
      declare: true,
      maxAge: '7D',
      maxBytes: 1,
      ahead: 100,
      prefetch: 64,
      ...OF_ITS_QUEUE,
      settleWithin: '20m',
    },
  },
  partitioned: {
    make: source((options) => partitioned('a', options)),
    right: {
      by: 'id',
      partitions: 2,
      header: 'x',
      prefetch: 32,
      retry: false,
      topology: 'assert',
      deliveryLimit: 1,
      settleWithin: '20m',
    },
  },
  every: {
    make: source((options) => every('5m', options)),
    right: {
      queue: 'b',
      overlap: true,
      catchUp: true,
      ...OF_ITS_QUEUE,
    },
  },
  schedule: {
    make: source((options) => schedule('0 2 * * *', options)),
    right: {
      timeZone: 'UTC',
      queue: 'b',
      overlap: true,
      catchUp: true,
      ...OF_ITS_QUEUE,
    },
  },
  outbox: {
    make: source(outbox as Make),
    right: {
      url: 'postgres://a/b',
      table: 'a',
      queue: 'b',
      sentRows: 'mark',
      batch: 1,
      poll: '1s',
      prefetch: 64,
      ...OF_ITS_QUEUE,
      settleWithin: '20m',
    },
  },
};

/** As `sluice check` looks at them: what is wrong while they are defined, then together. */
async function problemsOf(define: () => Pipeline): Promise<readonly Problem[]> {
  let pipeline: Pipeline | undefined;
  const problems = await collectProblems(async () => {
    try {
      pipeline = define();
    } catch (error) {
      // As a module is told that threw it.
      if (!(error instanceof DefinitionError)) throw error;
    }
  });
  if (pipeline === undefined) return problems;
  const found = new Map([[pipeline, { module: 'a.ts' }]]);
  return [
    ...problems,
    ...clashes(found),
    ...declarationClashes(found, 'assert'),
    ...apiProblems([pipeline]),
    ...feederProblems([pipeline]),
    ...entranceProblems([pipeline]),
  ];
}

const shown = (value: unknown): string => inspect(value, { breakLength: Number.POSITIVE_INFINITY });

describe('a wrong value', () => {
  before(() => loadAxiosFor([defineApi('b', { baseUrl: 'https://b.example', axios: () => {} })]));
  for (const [name, { make, right }] of Object.entries(definitions)) {
    it(`of any option of ${name} is told by that option alone, and never ends in a stack`, async () => {
      expect(await problemsOf(() => make(right)), 'what is right').to.deep.equal([]);
      const strays: string[] = [];
      for (const option of Object.keys(right)) {
        for (const value of WRONG) {
          try {
            for (const told of await problemsOf(() => make({ ...right, [option]: value })))
              if (!told.path.includes(option)) strays.push(`${option}: ${shown(value)}: ${describeProblem(told)}`);
          } catch (error) {
            strays.push(`${option}: ${shown(value)}: ${error instanceof Error ? error.stack : shown(error)}`);
          }
        }
      }
      expect(strays, strays.slice(0, 20).join('\n')).to.deep.equal([]);
    });
  }

  it('of a name that is no option is told once, of the source it was given to', async () => {
    const told = async (define: () => unknown): Promise<readonly string[]> =>
      (await problemsOf(() => around({ source: define() }))).map(describeProblem);
    const [ofStream, ...more] = await told(() => stream('events', { offset: 0 } as never));
    expect(ofStream).to.match(
      /^stream "events": offset: unknown option; allowed: name, from, queue, .*, settleWithin$/,
    );
    expect(more).to.deep.equal([]);
    expect(await told(() => partitioned('a', { by: 'id', maxAge: '7D' } as never))).to.have.lengthOf(1);
    const ofOutbox = await told(() => outbox({ url: 'postgres://a/b', table: 'a', from: 'x' } as never));
    expect(ofOutbox.join()).to.match(/^outbox "a": from: unknown option; allowed: url, table, .*, bindings, .*$/);
  });

  it('is none where options are inherited: they hold as they are', () => {
    const ofApi: { baseUrl: string } = Object.create({ baseUrl: 'https://b.example' });
    expect(defineApi('b', ofApi).options.baseUrl).to.equal('https://b.example');
    const ofKey: { by: string } = Object.create({ by: 'id' });
    expect(partitioned('a', ofKey).partitions?.by).to.equal('id');
  });
});

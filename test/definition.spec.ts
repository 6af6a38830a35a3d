import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { z } from 'zod';
import * as mini from 'zod/mini';
import { z as z3 } from 'zod/v3';
import { partitioned } from '../src/broker/partitioned.ts';
import { queue } from '../src/broker/queue.ts';
import { collectProblems, nearest } from '../src/definition.ts';
import { DefinitionError, describeProblem } from '../src/errors.ts';
import { defineService } from '../src/http/define-service.ts';
import { definePipeline } from '../src/pipeline/define-pipeline.ts';
import { stream } from '../src/sources/stream.ts';

/** Definitions as somebody without a type checker writes them. */
const untyped = (make: (value: never) => unknown, value: unknown) => () => make(value as never);
const problemsIn = (attempt: () => unknown): string[] => {
  try {
    attempt();
    return [];
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems.map(describeProblem);
    throw error;
  }
};

const valid = { name: 'orders', source: queue('orders'), input: z.object({}), handle: () => EMPTY };

describe('definePipeline', () => {
  it('says of a saga without an end what it lacks', () => {
    const endless = { step: () => {}, returns: () => {} };
    expect(problemsIn(untyped(definePipeline, { ...valid, handle: endless }))).to.deep.equal([
      'pipeline "orders": handle: is a saga without an end: add .returns(…) after its last step',
    ]);
  });

  it('fills in its defaults', () => {
    const pipeline = definePipeline(valid);
    expect(pipeline).to.deep.include({
      concurrency: 64,
      prefetch: 128,
      order: 'none',
      timeoutMs: 300_000,
      maxMessageBytes: 1_048_576,
      replyTo: ['amq.*'],
    });
    expect(definePipeline({ ...valid, concurrency: 5 }).prefetch).to.equal(10);
    expect(definePipeline({ ...valid, source: queue('q', { prefetch: 500 }) }).prefetch).to.equal(500);
  });

  it('refuses an exchange that is listed with two types', () => {
    expect(
      problemsIn(
        untyped(definePipeline, {
          ...valid,
          publishes: [
            'told',
            { exchange: 'told', type: 'direct' },
            { exchange: 'told', type: 'direct' },
            { exchange: 'told', type: 'fanout' },
          ],
        }),
      ),
    ).to.deep.equal([
      'pipeline "orders": publishes.3.type: is fanout, and direct before it: exchange "told" has one type',
    ]);
  });

  it('tells the name of what is wrong as it is, but where that is longer than any may be its beginning', () => {
    const cut = (text: string) => `${text.slice(0, 80)}... ${text.length - 80} more characters`;
    const expected = (subject: string, name: string) =>
      `${subject}: name: expected a name of 1 to 200 bytes, got '${name.slice(0, 80)}'... ${name.length - 80} more characters`;
    const [long, endless] = ['x'.repeat(255), 'x'.repeat(2_000)];
    expect(problemsIn(() => queue(long))).to.deep.equal([expected(`queue "${long}"`, long)]);
    expect(problemsIn(() => queue(endless))).to.deep.equal([expected(cut(`queue "${endless}"`), endless)]);
  });

  it('counts names and routing keys in bytes, as AMQP does, wherever one is said', () => {
    const fits = 'x'.repeat(255);
    const long = 'ü'.repeat(128);
    const bindings = [
      { exchange: fits, key: fits },
      { exchange: long, key: long },
      { exchange: 'shop', key: '' },
    ];
    const name = `expected a name of 1 to 255 bytes, got '${'ü'.repeat(80)}'... 48 more characters`;
    const key = name.replace('name of 1 to', 'routing key of at most');
    expect([
      ...problemsIn(() =>
        definePipeline({ ...valid, publishes: [fits, long, '', { exchange: long, type: 'direct' }, 'shop'] }),
      ),
      ...problemsIn(() => queue('orders', { bindings })),
      ...problemsIn(() => stream('events', { bindings })),
      ...problemsIn(() => partitioned('orders', { by: 'id', header: long })),
    ]).to.deep.equal([
      `pipeline "orders": publishes.1: ${name}`,
      `pipeline "orders": publishes.2: expected a name of 1 to 255 bytes, got ''`,
      `pipeline "orders": publishes.3.exchange: ${name}`,
      `queue "orders": bindings.1.exchange: ${name}`,
      `queue "orders": bindings.1.key: ${key}`,
      `stream "events": bindings.1.exchange: ${name}`,
      `stream "events": bindings.1.key: ${key}`,
      `partitioned("orders"): header: ${name}`,
    ]);
    expect(problemsIn(() => stream('ü'.repeat(101))).join()).to.include('name: expected a name of 1 to 200 bytes');
  });

  it('names what was meant within a list and within a record, as anywhere else', () => {
    const request = z.object({});
    expect([
      ...problemsIn(
        untyped((options) => queue('orders', options), {
          bindings: [{ exchange: 'shop', key: 'paid', typ: 'direct' }],
        }),
      ),
      ...problemsIn(
        untyped((options) => defineService('freight', options), {
          queue: 'freight',
          operations: { quote: { request, idempotant: true } },
        }),
      ),
    ]).to.deep.equal([
      'queue "orders": bindings.0.typ: unknown option, did you mean "type"?',
      'service "freight": operations.quote.idempotant: unknown option, did you mean "idempotent"?',
    ]);
  });

  it('says whose schema it is, where it is none of zod 4', () => {
    const standard = { '~standard': { version: 1, vendor: 'valibot', validate: () => ({ value: 1 }) } };
    const own = 'expected a zod schema, by z of zod 4 (npm install zod@4)';
    expect(
      [z3.object({}), mini.object({}), standard].flatMap((input) =>
        problemsIn(untyped(definePipeline, { name: 'p', source: queue('q'), input, handle: () => EMPTY })),
      ),
    ).to.deep.equal([
      `pipeline "p": input: is a schema of zod 3; ${own}`,
      `pipeline "p": input: is a schema of zod/mini; ${own}`,
      `pipeline "p": input: is a schema of valibot; ${own}`,
    ]);
  });

  it('B36: names every mistake at once: where, what was found and what is allowed', () => {
    const problems = problemsIn(
      untyped(definePipeline, {
        name: 'my orders',
        source: 'orders',
        input: {},
        apis: { payment: 'x' },
        concurency: 4,
        order: 'arival',
        timeout: '5 s',
        maxMessageBytes: 0,
        output: 'orders',
      }),
    );
    expect(problems).to.have.members([
      'pipeline "my orders": name: expected 1 to 100 letters, digits, "-", "_" or ".", got \'my orders\'',
      'pipeline "my orders": source: expected a source made by queue(), partitioned(), stream(), every(), schedule() or outbox(), got \'orders\'',
      'pipeline "my orders": input: expected a zod schema, got {}',
      'pipeline "my orders": apis.payment: expected an API made by defineApi() or a service made by defineService(), got \'x\'',
      'pipeline "my orders": concurency: unknown option, did you mean "concurrency"?',
      "pipeline \"my orders\": order: expected 'none' or 'arrival' or an object, got 'arival'",
      "pipeline \"my orders\": timeout: expected a duration above 0 to 24 days: milliseconds or a number with its unit, '250ms', '5s', '10m', '2h', '7d', got '5 s'",
      'pipeline "my orders": maxMessageBytes: expected at least 1, got 0',
      'pipeline "my orders": output: expected a function result => exchange(…), got \'orders\'',
      'pipeline "my orders": handle: expected a function (message, context) => Observable, Promise or iterable, got undefined',
    ]);
  });

  for (const [option, value, expected] of [
    ['concurrency', 0, 'at least 1'],
    ['concurrency', Number.NaN, 'a number'],
    ['concurrency', '8', 'a number'],
    ['concurrency', 1.5, 'an integer'],
    ['concurrency', -1, 'at least 1'],
    ['timeout', '15m', "at most '14m'"],
    ['timeout', 0, 'a duration above 0'],
    ['timeout', 2 ** 31, 'a duration above 0 to 24 days'],
  ] as const) {
    it(`B36, B37: refuses ${option} ${JSON.stringify(value)}`, () => {
      expect(problemsIn(untyped(definePipeline, { ...valid, [option]: value })).join()).to.include(
        `pipeline "orders": ${option}: expected ${expected}`,
      );
    });
  }

  it('B37: refuses a prefetch that leaves slots empty', () => {
    expect(
      problemsIn(() => definePipeline({ ...valid, concurrency: 10, source: queue('q', { prefetch: 5 }) })),
    ).to.deep.equal([
      'pipeline "orders": source.prefetch: expected at least the concurrency, 10, or slots stay empty; got 5',
    ]);
  });

  it('F26: refuses a time to settle that is no longer than the handle may take', () => {
    expect(
      problemsIn(() => definePipeline({ ...valid, timeout: '2m', source: queue('q', { settleWithin: '2m' }) })),
    ).to.deep.equal([
      'pipeline "orders": source.settleWithin: expected more than the timeout, 2m, or messages are taken from handles that still have time; got 2m',
    ]);
  });
});

describe('queue', () => {
  it('that only looks for its exchanges may bind one by any types', () =>
    expect(
      queue('q', {
        topology: 'check',
        bindings: [
          { exchange: 'e', key: 'a' },
          { exchange: 'e', key: 'b', type: 'direct' },
        ],
      }).bindings,
    ).to.have.length(2));

  for (const [options, problem] of [
    [{ prefetch: 0 }, 'queue "q": prefetch: expected at least 1, got 0'],
    [{ prefetch: 70_000 }, 'queue "q": prefetch: expected at most 65535, got 70000'],
    [{ retry: { delays: ['25d'] } }, 'queue "q": retry.delays.0: expected a duration above 0 to 24 days'],
    [
      { retry: { delays: ['5s', 0.5] } },
      'queue "q": retry.delays.1: expected whole milliseconds, in which RabbitMQ counts delays',
    ],
    [{ retry: { delays: [] } }, 'queue "q": retry.delays: expected at least 1'],
    [{ settleWithin: '25h' }, `queue "q": settleWithin: expected '1s' to '24h'`],
    [
      {
        bindings: [
          { exchange: 'e', key: 'a' },
          { exchange: 'e', key: 'b', type: 'direct' },
        ],
      },
      'queue "q": bindings.1.type: is direct, and topic in a binding before it: exchange "e" has one type',
    ],
    [
      {
        bindings: [
          { exchange: 'e', key: 'a', type: 'direct' },
          { exchange: 'e', key: 'b' },
        ],
      },
      'queue "q": bindings.1.type: is topic, as nothing is said, and direct in a binding before it: exchange "e" has one type',
    ],
    [{ topology: 'asert' }, `queue "q": topology: expected 'assert' or 'check', got 'asert'`],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, () =>
      expect(problemsIn(untyped((given: never) => queue('q', given), options)).join()).to.include(problem));
  }
});

describe('collectProblems', () => {
  it('finishes a queue whose lists are none, so that the rest of its module is looked at', async () => {
    const problems = await collectProblems(async () => {
      untyped(({ name, ...options }: { name: string }) => queue(name, options as never), {
        name: 'q',
        bindings: { exchange: 'x', key: 'k' },
        retry: { delays: '5s' },
      })();
    });
    expect(problems.map(describeProblem)).to.have.members([
      "queue \"q\": bindings: expected an array, got { exchange: 'x', key: 'k' }",
      'queue "q": retry.delays: expected an array, got \'5s\'',
    ]);
  });

  it('takes the problems of all definitions instead of throwing at the first', async () => {
    const problems = await collectProblems(async () => {
      queue('a', { prefetch: 0 });
      queue('b', { prefetch: 0 });
    });
    expect(problems.map(({ subject }) => subject)).to.deep.equal(['queue "a"', 'queue "b"']);
    expect(() => queue('c', { prefetch: 0 })).to.throw(DefinitionError);
  });
});

describe('nearest', () => {
  it('finds the word that was meant, and none where none is near', () => {
    expect(nearest('concurency', ['timeout', 'concurrency'])).to.equal('concurrency');
    expect(nearest('retries', ['retry', 'timeout'])).to.equal(undefined);
    expect(nearest('TIMEOUT', ['timeout'])).to.equal('timeout');
    expect(nearest('x', ['timeout'])).to.equal(undefined);
  });
});

/** What becomes of a message whose handle builds calls and does not make them: what it was to do is not done. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { defer, EMPTY, firstValueFrom, iif, lastValueFrom, type Observable, of } from 'rxjs';
import sinon from 'sinon';
import { defineApi, definePipeline, defineService, type Pipeline, queue, saga } from 'sluice';
import { cached, createCache, timeoutWithin } from 'sluice/operators';
import { ack, advancing, call as callTo, deadLetter, ok } from 'sluice/testing';
import { z } from 'zod';
import { BuiltCalls, streamOfWork } from '../../src/http/built-calls.ts';
import { silentLogger } from '../../src/log.ts';
import { scopeOf } from './call-scope.ts';
import { base, bound, ok as okResponse, transportOf } from './scripted-transport.ts';

const Order = z.object({ id: z.string() });
const order = { id: 'o1' };
const bank = defineApi('bank', { baseUrl: 'http://bank.test', retry: false, cache: { ttl: '1m' } });
const rates = defineService('rates', { queue: 'rates', operations: { quote: { request: Order } } });
const common = {
  name: 'payments',
  source: queue('payments', { retry: false }),
  input: Order,
  apis: { bank, rates },
} as const;

interface Bank {
  post(path: string): Observable<unknown>;
  get(path: string): Observable<unknown>;
}
/** As JavaScript has it, and lint rules that nobody turned on. */
type Handle = (api: Bank) => unknown;
const pipelineOf = (handle: Handle): Pipeline =>
  definePipeline({ ...common, handle: (_, { apis }) => handle(apis.bank) as unknown[] });

const HOW =
  'put it into await firstValueFrom(…), a gather({ … }) and a call.pipe(…) too, or return it (not out of an async function); where it is not always wanted, write defer(() => call)';
const ONE = `bank POST /charge: built and never made; ${HOW}`;
const TWO = `bank POST /charge; bank POST /notify: built and never made; ${HOW}`;

/** Its message is a dead letter, and nobody was called. */
const endsAs = (pipeline: Pipeline, reason: string, code = 'ERR_HANDLE_FAILED') =>
  advancing(pipeline, async ({ deliver, expectCalls, expectSettled, expectDeadLetters }) => {
    deliver('          a', { a: order });
    expectCalls('      -');
    expectSettled('    D', { D: deadLetter(order, code) });
    expectDeadLetters('D', { D: { reason } });
  });

describe('a handle that makes none of the calls it builds', () => {
  it(
    'makes a dead letter: it lets one stand',
    endsAs(
      pipelineOf(async (api) => {
        api.post('/charge');
        return [];
      }),
      ONE,
    ),
  );
  it(
    'makes a dead letter: it awaits what an operator of sluice made of one',
    endsAs(
      pipelineOf(async (api) => {
        await (api.post('/charge').pipe(timeoutWithin('1s')) as unknown);
      }),
      ONE,
    ),
  );
  it(
    'makes a dead letter: it waits until many are settled',
    endsAs(
      pipelineOf(async (api) => {
        const paths = ['/a', '/b', '/c', '/d', '/e', '/f', '/g'];
        await Promise.allSettled(paths.map((path) => api.post(path) as unknown));
      }),
      `bank POST /a; bank POST /b; bank POST /c; bank POST /d; bank POST /e; and 2 more: built and never made; ${HOW}`,
    ),
  );
  it(
    'makes a dead letter: it catches the refusal of an awaited one',
    endsAs(
      pipelineOf(async (api) => {
        try {
          await (api.post('/charge') as unknown);
        } catch {
          // As one that "must not fail".
        }
        return [];
      }),
      ONE,
    ),
  );
  it(
    'makes a dead letter: it waits until all are settled',
    endsAs(
      pipelineOf(async (api) => {
        await Promise.allSettled([api.post('/charge') as unknown, api.post('/notify') as unknown]);
        return [];
      }),
      TWO,
    ),
  );
  it(
    'makes a dead letter: it goes on, as a generator',
    endsAs(
      pipelineOf(async function* (api) {
        api.post('/charge');
        yield 'charged';
      }),
      ONE,
    ),
  );
  it(
    'makes a dead letter: it lets one stand whose answer may be in the cache',
    endsAs(
      pipelineOf(async (api) => void api.get('/balance')),
      `bank GET /balance: built and never made; ${HOW}`,
    ),
  );
  it(
    'makes a dead letter: it lets one of a service stand',
    endsAs(
      definePipeline({ ...common, handle: async (_, { apis }) => void apis.rates.ask('quote', order) }),
      `rates ASK quote: built and never made; ${HOW}`,
    ),
  );

  const pay = saga({ name: 'pay', input: Order, apis: { bank }, id: ({ id }) => id });
  it(
    'fails as a step of a saga',
    endsAs(
      definePipeline({
        ...common,
        apis: { bank },
        handle: pay
          .step('charge', async ({ apis }) => {
            apis.bank.post('/charge');
          })
          .returns(() => 'paid'),
      }),
      ONE,
    ),
  );
  it(
    'leaves a saga stuck as its compensation',
    advancing<'bank'>(
      definePipeline({
        ...common,
        apis: { bank },
        handle: pay
          .step(
            'charge',
            ({ apis }) => apis.bank.post('/charge'),
            async ({ apis }) => {
              apis.bank.post('/refund');
            },
          )
          .step('ship', () => {
            throw new Error('sold out');
          })
          .returns(() => 'paid'),
      }),
      async ({ deliver, api, expectCalls, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: order });
        api.bank.on('POST /charge', '(r|)', { r: ok() });
        expectCalls('      c', { c: callTo('bank', 'POST /charge') });
        expectSettled('    D', { D: deadLetter(order, 'ERR_COMPENSATION_FAILED') });
        expectDeadLetters('D', {
          D: {
            reason: `saga "pay" o1 is stuck: the compensation of step "charge" failed: bank POST /refund: built and never made; ${HOW}`,
          },
        });
      },
    ),
  );
});

describe('a handle that makes a call it builds', () => {
  /** Its message is done, with these calls. */
  const isDone = (handle: Handle, calls: string, made: Record<string, ReturnType<typeof callTo>> = {}) =>
    advancing<'bank'>(
      typeof handle === 'function' ? pipelineOf(handle) : handle,
      async ({ deliver, api, expectCalls, expectSettled }) => {
        deliver('      a', { a: order });
        api.bank.on('POST /charge', '(r|)', { r: ok() });
        expectCalls(calls, made);
        expectSettled('A', { A: ack(order) });
      },
    );
  const known = createCache<unknown>({ ttl: '1m' });
  const CHARGE = { c: callTo('bank', 'POST /charge') };

  it(
    'need not make them all',
    isDone(
      async (api) => {
        const charge = api.post('/charge');
        api.post('/refund');
        await firstValueFrom(charge);
        return [];
      },
      'c',
      CHARGE,
    ),
  );
  it(
    'may make it within an operator',
    isDone(
      async (api) => {
        await firstValueFrom(api.post('/charge').pipe(timeoutWithin('1s')));
        return [];
      },
      'c',
      CHARGE,
    ),
  );
  it(
    'may have none to make',
    isDone(async () => [], '-'),
  );
  it(
    'leaves one that is not always wanted to defer, as the refusal says',
    isDone(async (api) => {
      const isLarge = (): boolean => order.id !== 'o1';
      await firstValueFrom(
        iif(
          isLarge,
          defer(() => api.post('/charge')),
          of(undefined),
        ),
      );
      return [];
    }, '-'),
  );
  it(
    'may have an operator answer in its place, or turn it away, once it was made',
    advancing<'bank'>(
      pipelineOf(async (api) => {
        await firstValueFrom(api.post('/charge').pipe(cached(known, 'charge')));
        return [];
      }),
      async ({ deliver, api, expectCalls, expectSettled }) => {
        deliver('      a 99ms b', { a: order, b: { id: 'o2' } });
        api.bank.on('POST /charge', '(r|)', { r: ok() });
        expectCalls('  c', CHARGE);
        expectSettled('A 99ms B', { A: ack(order), B: ack({ id: 'o2' }) });
      },
    ),
  );
  it(
    'decides by its Observable which of them are wanted',
    isDone((api) => {
      const charge = api.post('/charge');
      return order.id === 'o1' ? EMPTY : charge;
    }, '-'),
  );
});

describe('a call that is left behind where others are made', () => {
  const author = () => ({});
  /** What the log is told when the work is over. */
  async function warnings(work: (api: Bank) => Promise<unknown>, of: object = author()) {
    const calls = new BuiltCalls(of);
    const warn = sinon.spy();
    const log = { ...silentLogger, warn };
    await lastValueFrom(streamOfWork('the handle returned', work(client.bind(scopeOf({ calls }))), { calls, log }));
    return warn.args;
  }
  const answering = of(okResponse());
  const { client } = bound(base, transportOf(answering).transport);
  const told = (call: string) => [
    { call },
    `a call was built and never made, while others were: its message goes on without it, and of further ones nothing is said; ${HOW}`,
  ];
  const chargeAndForget = async (api: Bank, forgotten: string): Promise<void> => {
    await firstValueFrom(api.post('/charge'));
    api.post(forgotten);
  };

  it('is told to the log', async () => {
    const args = await warnings((api) => chargeAndForget(api, '/notify'));
    expect(args).to.deep.equal([told('payment POST /notify')]);
  });

  it('is told once of a pipeline, and each of them', async () => {
    const pipeline = author();
    const forget = (path: string, of = pipeline) => warnings((api) => chargeAndForget(api, path), of);
    expect(await forget('/notify')).to.have.length(1);
    expect(await forget('/notify')).to.deep.equal([]);
    expect(await forget('/audit')).to.deep.equal([told('payment POST /audit')]);
    expect(await forget('/notify', author())).to.have.length(1);
  });

  it('is told of a pipeline for a hundred paths, which may be built from messages', async () => {
    const pipeline = author();
    let lines = 0;
    for (let n = 0; n < 102; n++)
      lines += (await warnings((api) => chargeAndForget(api, `/orders/${n}`), pipeline)).length;
    expect(lines).to.equal(100);
  });

  it('is not told where its pipeline makes it at other times', async () => {
    const pipeline = author();
    const notWanted = (api: Bank) => chargeAndForget(api, '/notify');
    await warnings((api) => firstValueFrom(api.post('/notify')), pipeline);
    expect(await warnings(notWanted, pipeline)).to.deep.equal([]);
    expect(await warnings(notWanted)).to.have.length(1);
  });

  it('is not told where paths built from messages are too many to be known, and such ones are made', async () => {
    const { client: own } = bound(base, transportOf(answering).transport);
    const of = (pipeline: object) => {
      const calls = new BuiltCalls(pipeline);
      return { calls, api: own.bind(scopeOf({ calls })) };
    };
    const [pipeline, other] = [author(), author()];
    for (let n = 0; n < 501; n++) await firstValueFrom(of(pipeline).api.get(`/customers/${n}`));
    const leave = (who: object) => {
      const { calls, api } = of(who);
      api.get('/customers/again');
      calls.requireMade(() => silentLogger);
    };
    leave(pipeline);
    expect(() => leave(other)).to.throw('payment GET /customers/again: built and never made');
  });

  it('is not held: a handle may build many, and want few', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const calls = new BuiltCalls(author());
    const api = client.bind(scopeOf({ calls }));
    const asked = ((options: object) => {
      api.get('/left', options);
      return new WeakRef(options);
    })({});
    // The heap lets go of it in a later turn than that in which it was seen.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(asked.deref()).to.equal(undefined);
    expect(() => calls.requireMade(() => silentLogger)).to.throw('payment GET /left: built and never made');
  });

  it('is made where its answer comes from the cache', async () => {
    const { client: caching } = bound({ ...base, cache: { ttl: '1m' } }, transportOf(answering).transport);
    const read = (calls?: BuiltCalls) => firstValueFrom(caching.bind(scopeOf({ calls })).get('/balance'));
    await read();
    const calls = new BuiltCalls(author());
    await read(calls);
    calls.requireMade(() => silentLogger);
  });
});

/** What becomes of who awaits a call, which is an Observable and no promise. Without types, as JavaScript has it. */
/* eslint-disable @typescript-eslint/await-thenable -- it says so too, where it is asked */
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { expect } from 'chai';
import Mocha from 'mocha';
import {
  catchError,
  firstValueFrom,
  forkJoin,
  from,
  isObservable,
  lastValueFrom,
  map,
  type Observable,
  of,
  retry,
  share,
  timeout,
  toArray,
} from 'rxjs';
import sinon from 'sinon';
import { definePipeline, defineService, type Pipeline, queue, saga } from 'sluice';
import { fallbackTo } from 'sluice/operators';
import { advancing, call as callTo, deadLetter, ok, status } from 'sluice/testing';
import { z } from 'zod';
import { placeOf } from '../../src/errors.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { rejectionOf } from '../support/rejection-of.ts';
import { base, bound, ok as okResponse, transportOf } from './scripted-transport.ts';

const refusalOf = (call: string): string =>
  `${call} was not made, for a call is no promise: return it itself (not out of an async function), or await firstValueFrom(call); several become one by gather({ … })`;

const REFUND = refusalOf('bank POST /refund');

/** Hands on RxJS loaded once more, as a package has it that brings its own. */
function anotherRxjs<T>(use: (other: typeof import('rxjs')) => T): T {
  const require = createRequire(import.meta.url);
  const own = Object.keys(require.cache).filter((file) => file.includes('/node_modules/rxjs/'));
  const kept = own.map((file) => [file, require.cache[file]] as const);
  for (const file of own) delete require.cache[file];
  const other = require('rxjs') as typeof import('rxjs');
  for (const [file, module] of kept) require.cache[file] = module;
  return use(other);
}

describe('a call that is awaited', () => {
  const begin = (options = {}) => {
    const { transport, requests } = transportOf(of(okResponse({ id: 'r1' })));
    return { requests, api: bound({ ...base, ...options }, transport).api };
  };
  /** As it is seen without types. */
  const untyped = (value: unknown): unknown => value;

  for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const)
    it(`is refused and not made, with its name: ${method}`, async () => {
      const { api, requests } = begin();
      const error = await rejectionOf(async () => await untyped(api[method]('/refunds/{id}', { path: { id: 'x' } })));
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message).to.equal(refusalOf(`payment ${method.toUpperCase()} /refunds/{id}`));
      expect(requests).to.deep.equal([]);
    });

  it('is refused where its answer may be in the cache', async () => {
    const { api, requests } = begin({ cache: { ttl: '1m' } });
    const error = await rejectionOf(async () => await untyped(api.get('/x')));
    expect(error.message).to.equal(refusalOf('payment GET /x'));
    expect(await firstValueFrom(api.get('/x'))).to.deep.equal({ id: 'r1' });
    expect(requests).to.have.length(1);
  });

  const ways: Readonly<Record<string, (call: unknown) => unknown>> = {
    await: async (call) => await call,
    'an async function that returns it': async (call) => call,
    'Promise.resolve': (call) => Promise.resolve(call),
    'Promise.all': (call) => Promise.all([1, call]),
    'Promise.any': (call) => Promise.any([call]).catch(({ errors }: AggregateError) => Promise.reject(errors[0])),
    'Promise.race': (call) => Promise.race([call]),
    'then of a promise': (call) => Promise.resolve(1).then(() => call),
    'its own then': async (call) => (call as PromiseLike<unknown>).then(() => 1),
    'the resolve of a promise': (call) => new Promise((resolve) => resolve(call)),
    'for await': async (call) => {
      for await (const answer of [call]) return answer;
      return 'none';
    },
    'an async generator': (call) =>
      lastValueFrom(
        from(
          (async function* () {
            yield call;
          })(),
        ),
      ),
    'firstValueFrom of what emits it': (call) => firstValueFrom(of(call)),
  };
  for (const [way, take] of Object.entries(ways))
    it(`is refused by ${way}`, async () => {
      const { api, requests } = begin();
      expect((await rejectionOf(() => take(api.post('/x')))).message).to.equal(refusalOf('payment POST /x'));
      expect(requests).to.deep.equal([]);
    });

  it('is refused as often as it is awaited, and can be made all the same', async () => {
    const { api, requests } = begin();
    const call = api.post('/x');
    for (const _ of [1, 2]) await rejectionOf(async () => await untyped(call));
    expect(await firstValueFrom(call)).to.deep.equal({ id: 'r1' });
    expect(requests).to.have.length(1);
  });

  const piped: Readonly<Record<string, (call: Observable<unknown>) => Observable<unknown>>> = {
    map: (call) => call.pipe(map(String)),
    'several operators': (call) =>
      call.pipe(
        timeout(5),
        retry(2),
        catchError(() => of(1)),
      ),
    share: (call) => call.pipe(share()),
    'an operator of ours that rests on theirs': (call) => call.pipe(fallbackTo(() => of(1))),
    'the map of another copy of RxJS': (call) => anotherRxjs(({ map: other }) => call.pipe(other(String))),
  };
  for (const [way, pipe] of Object.entries(piped))
    it(`is refused where it is piped first, and made where that is subscribed to: ${way}`, async () => {
      const { api, requests } = begin();
      const asked = pipe(api.post('/x'));
      expect((await rejectionOf(async () => await untyped(asked))).message).to.equal(refusalOf('payment POST /x'));
      expect(requests).to.deep.equal([]);
      await firstValueFrom(asked);
      expect(requests).to.have.length(1);
    });

  it('says where it is awaited, and nothing of this package', async () => {
    const { api } = begin();
    const error = await rejectionOf(async function refund() {
      await null;
      await untyped(api.post('/x'));
    });
    expect(error.stack?.split('\n')[1]).to.match(/^ {4}at refund \(.*cold-call\.spec\.ts/);
    expect(placeOf(error)).to.include('cold-call.spec.ts');
  });

  it('fails the spec that returns it', () => {
    const { api } = begin();
    const spec = new Mocha.Runnable('refunds', () => untyped(api.post('/x')) as PromiseLike<unknown>);
    let failure: unknown;
    spec.run((error) => {
      failure = error;
    });
    expect(failure).to.have.property('message', refusalOf('payment POST /x'));
  });
});

describe('a call that is not awaited', () => {
  const call = () => bound(base, transportOf(of(okResponse(7))).transport).api.get('/x');

  it('is an Observable to all of RxJS', async () => {
    const one = call();
    expect(isObservable(one)).to.equal(true);
    expect(from(one)).to.equal(one);
    let emitted: unknown;
    of(one).subscribe((value) => {
      emitted = value;
    });
    expect(emitted).to.equal(one);
    expect(await lastValueFrom(one)).to.equal(7);
    expect(await firstValueFrom(forkJoin([call(), call()]))).to.deep.equal([7, 7]);
    expect(await firstValueFrom(of(1, 2).pipe(map(call), toArray()))).to.have.length(2);
  });

  it('is one to another copy of RxJS, which knows it by its symbol', async () => {
    await anotherRxjs(async (other) => {
      expect(call()).not.to.be.instanceOf(other.Observable);
      expect(await other.firstValueFrom(other.of(1).pipe(other.mergeMap(call)))).to.equal(7);
    });
  });

  it('is shown, compared and handed on by who only looks', () => {
    const one = call();
    expect(one).to.have.property('then').that.is.a('function');
    expect(inspect(one)).not.to.include('then');
    expect(JSON.stringify({ one: Object.keys(one) })).not.to.include('then');
    expect({ one }).to.deep.equal({ one });
    expect(sinon.stub().returns(one)()).to.equal(one);
    expect(sinon.match({ one }).test({ one })).to.equal(true);
  });
});

describe('a handle that awaits a call', () => {
  const bank = defineApi('bank', { baseUrl: 'http://bank.test', retry: false });
  const Trip = z.object({ id: z.string() });
  const trip = { id: 'x' };
  const common = { name: 'trips', source: queue('trips', { retry: false }), input: Trip, apis: { bank } } as const;
  type Untyped = (api: { post(path: string): Observable<unknown> }) => unknown;

  /** Its message is a dead letter, and nobody was called. */
  const endsAs = (pipeline: Pipeline, code: string, reason: string) =>
    advancing(pipeline, async ({ deliver, expectCalls, expectSettled, expectDeadLetters }) => {
      deliver('          a', { a: trip });
      expectCalls('      -');
      expectSettled('    D', { D: deadLetter(trip, code) });
      expectDeadLetters('D', { D: { reason } });
    });
  const isRefused = (handle: Untyped) =>
    endsAs(
      definePipeline({ ...common, handle: (_, { apis }) => handle(apis.bank) as unknown[] }),
      'ERR_HANDLE_FAILED',
      REFUND,
    );

  it(
    'in its middle makes a dead letter',
    isRefused(async (api) => {
      await api.post('/refund');
      return ['refunded'];
    }),
  );
  it(
    'piped makes a dead letter',
    isRefused(async (api) => {
      await (api.post('/refund').pipe(retry(2)) as unknown);
      return ['refunded'];
    }),
  );
  it(
    'at its end makes a dead letter',
    isRefused(async (api) => api.post('/refund')),
  );
  it(
    'among others makes a dead letter',
    isRefused(async (api) => await Promise.all([api.post('/refund')])),
  );
  it(
    'by a generator makes a dead letter',
    isRefused(async function* (api) {
      yield api.post('/refund');
    }),
  );
  it(
    'by its then makes a dead letter',
    isRefused((api) => (api.post('/refund') as unknown as PromiseLike<unknown>).then(() => [])),
  );

  const awaiting = async (call: unknown): Promise<unknown> => {
    await call;
    return 'refunded';
  };
  const travel = () => saga({ name: 'travel', input: Trip, apis: { bank }, id: ({ id }) => id });

  it(
    'as a step of a saga leaves it in doubt, with a way back: nobody knows what came before',
    endsAs(
      definePipeline({
        ...common,
        handle: travel()
          .step(
            'charge',
            ({ apis }) => awaiting(apis.bank.post('/refund')),
            ({ apis }) => apis.bank.post('/undo'),
          )
          .returns(() => 'booked'),
      }),
      'ERR_SAGA_IN_DOUBT',
      `saga "travel" x is stuck: step "charge" may or may not have taken effect: ${REFUND}`,
    ),
  );

  it(
    'as a step without one fails it',
    endsAs(
      definePipeline({
        ...common,
        handle: travel()
          .step('charge', ({ apis }) => awaiting(apis.bank.post('/refund')))
          .returns(() => 'booked'),
      }),
      'ERR_HANDLE_FAILED',
      REFUND,
    ),
  );

  it(
    'as a compensation leaves it stuck: what was not given back is not taken for undone',
    advancing<'bank'>(
      definePipeline({
        ...common,
        handle: travel()
          .step(
            'charge',
            ({ apis }) => apis.bank.post('/pay'),
            ({ apis }) => awaiting(apis.bank.post('/refund')),
          )
          .step('seat', ({ apis }) => apis.bank.post('/seat'))
          .returns(() => 'booked')
          .whenCompensated(() => 'refused'),
      }),
      async ({ deliver, api, expectCalls, expectSettled, expectDeadLetters }) => {
        deliver('          a   ', { a: trip });
        api.bank.on('POST /pay', '(r|)', { r: ok() });
        api.bank.on('POST /seat', '(r|)', { r: status(422) });
        expectCalls('      (ps)', { p: callTo('bank', 'POST /pay'), s: callTo('bank', 'POST /seat') });
        expectSettled('    D', { D: deadLetter(trip, 'ERR_COMPENSATION_FAILED') });
        expectDeadLetters('D', {
          D: { reason: `saga "travel" x is stuck: the compensation of step "charge" failed: ${REFUND}` },
        });
      },
    ),
  );

  const rates = defineService('rates', { queue: 'rates', operations: { quote: { request: Trip } } });
  it(
    'of a service makes a dead letter',
    endsAs(
      definePipeline({ ...common, apis: { rates }, handle: (_, { apis }) => awaiting(apis.rates.ask('quote', trip)) }),
      'ERR_HANDLE_FAILED',
      refusalOf('rates ASK quote'),
    ),
  );
});

/** The cap over all APIs of a worker, through the clients that the worker makes: what runs at once, whose turn it is, what a stuck API leaves. */
import { expect } from 'chai';
import { concat, from, lastValueFrom, NEVER, Observable, range, timer } from 'rxjs';
import { ignoreElements, map, mergeMap, tap } from 'rxjs/operators';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import type { Api } from '../../src/http/api.ts';
import { type ApiDefinition, type ApiOptions, defineApi } from '../../src/http/define-api.ts';
import type { TransportResponse } from '../../src/http/transport.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { createApiRegistry } from '../../src/worker/api-registry.ts';
import { shareCalls } from '../../src/worker/share-calls.ts';
import { scopeOf } from '../http/call-scope.ts';

const options: ApiOptions = { baseUrl: 'http://localhost:1', retry: false, breaker: false, timeout: '1m' };
const api = (name: string, concurrency?: ApiOptions['concurrency']): ApiDefinition =>
  defineApi(name, concurrency === undefined ? options : { ...options, concurrency });

describe('shareCalls', () => {
  const sharesOf = (maxCalls: number, ...concurrencies: ApiOptions['concurrency'][]) =>
    [
      ...shareCalls(
        concurrencies.map((concurrency, at) => api(`a${at}`, concurrency)),
        maxCalls,
      ).values(),
    ].map(({ maxCalls: share, isNarrow }) => (isNarrow ? share : 'whole'));

  it('makes none where all APIs together cannot reach the cap', () => {
    expect(sharesOf(128, undefined, 64)).to.deep.equal([]);
    expect(sharesOf(264, { adaptive: 'vegas' }, 64)).to.deep.equal([]);
    expect(sharesOf(9, { adaptive: 'aimd', max: 8 }, 1)).to.deep.equal([]);
    expect(sharesOf(Number.POSITIVE_INFINITY, 10_000)).to.deep.equal([]);
  });

  it('leaves the whole cap to an API alone', () => {
    expect(sharesOf(10, 64)).to.deep.equal([10]);
  });

  it('leaves to the others what they may use, at most half', () => {
    expect(sharesOf(100, 90, 20)).to.deep.equal([80, 'whole']);
    expect(sharesOf(100, 64, 64, 64)).to.deep.equal([50, 50, 50]);
    expect(sharesOf(101, 64, 64)).to.deep.equal([51, 51]);
    expect(sharesOf(263, { adaptive: 'aimd' }, 64)).to.deep.equal([199, 'whole']);
    expect(sharesOf(263, { adaptive: 'aimd', min: 300 }, 64)).to.deep.equal([199, 'whole']);
  });

  it('leaves at least one call to each, also of a cap of one', () => {
    expect(sharesOf(1, 64, 64)).to.deep.equal([1, 1]);
    expect(sharesOf(2, 64, 64)).to.deep.equal([1, 1]);
  });
});

/** APIs of one worker, and how many calls of them are in flight. */
function workerOf(
  maxCalls: number,
  apis: Readonly<Record<string, { readonly concurrency?: ApiOptions['concurrency']; readonly ms: number }>>,
  log: Logger = silentLogger,
) {
  const facts = createFacts();
  const heard: Fact[] = [];
  facts.stream.subscribe((fact) => heard.push(fact));
  const running = new Map<string, number>();
  const count = (name: string, change: 1 | -1): void => void running.set(name, (running.get(name) ?? 0) + change);
  const all = (): number => [...running.values()].reduce((sum, each) => sum + each, 0);
  let most = 0;
  const order: string[] = [];
  const definitions = Object.fromEntries(
    Object.entries(apis).map(([name, { concurrency }]) => [name, api(name, concurrency)]),
  );
  const answer = (name: string) => () =>
    new Observable<TransportResponse>((sink) => {
      count(name, 1);
      order.push(name);
      most = Math.max(most, all());
      sink.add(() => count(name, -1));
      const ms = apis[name]?.ms ?? 0;
      const answered = ms === Number.POSITIVE_INFINITY ? NEVER : timer(ms);
      answered.pipe(map(() => ({ status: 204, headers: {}, body: new Uint8Array() }))).subscribe(sink);
    });
  const pipeline = definePipeline({
    name: 'p',
    source: queue('work'),
    input: z.unknown(),
    apis: definitions,
    handle: () => NEVER,
  });
  const registry = createApiRegistry([pipeline], {
    facts,
    random: () => 0.5,
    maxCalls,
    log,
    sandbox: (definition) => ({ definition, transport: answer(definition.name) }),
  });
  const apiOf = (name: string): Api => {
    const definition = definitions[name];
    if (definition === undefined) throw new Error(`no api ${name}`);
    return registry.bind(definition, scopeOf());
  };
  const call = (name: string): Observable<unknown> => apiOf(name).get('/x');
  return { call, running: (name: string) => running.get(name) ?? 0, most: () => most, order, heard };
}
const calls = (many: number, call: () => Observable<unknown>) => range(many).pipe(mergeMap(call), ignoreElements());

describe('the cap over all APIs of a worker', () => {
  it(
    'holds over all of them, and gives each its turn',
    marbles(({ expectObservable, flush }) => {
      const { call, most, order } = workerOf(2, { stock: { ms: 10 }, payment: { ms: 10 } });
      expectObservable(calls(6, () => call('stock'))).toBe('60ms |');
      expectObservable(calls(3, () => call('payment'))).toBe('30ms |');
      flush();
      expect(most()).to.equal(2);
      expect(order.slice(0, 6).filter((name) => name === 'payment')).to.have.length(3);
    }),
  );

  it(
    'holds where the shares of several APIs come to more',
    marbles(({ expectObservable, flush }) => {
      const { call, most } = workerOf(4, { stock: { ms: 10 }, payment: { ms: 10 }, shipping: { ms: 10 } });
      const all = from(['stock', 'payment', 'shipping']).pipe(mergeMap((name) => calls(4, () => call(name))));
      expectObservable(all).toBe('30ms |');
      flush();
      expect(most()).to.equal(4);
    }),
  );

  it(
    'leaves half of it to the others while an API hangs',
    marbles(({ expectObservable, flush, scheduler }) => {
      const { call, running } = workerOf(10, { hanging: { ms: Number.POSITIVE_INFINITY }, payment: { ms: 10 } });
      expectObservable(
        calls(100, () => call('hanging')),
        '^ 500ms !',
      ).toBe('-');
      expectObservable(calls(50, () => call('payment'))).toBe('100ms |');
      scheduler.schedule(() => expect([running('hanging'), running('payment')]).to.deep.equal([5, 5]), 15);
      flush();
      expect(running('hanging')).to.equal(0);
    }),
  );

  it(
    'cannot be the end of calls that wait for each other: whoever waits holds nothing',
    marbles(({ expectObservable }) => {
      const { call } = workerOf(2, { stock: { concurrency: 2, ms: 5 }, payment: { concurrency: 2, ms: 5 } });
      const oneWay = () => concat(call('stock'), call('payment'));
      const otherWay = () => concat(call('payment'), call('stock'));
      const both = from([oneWay, otherWay, oneWay, otherWay, oneWay, otherWay]);
      expectObservable(
        both.pipe(
          mergeMap((ways) => ways()),
          ignoreElements(),
        ),
      ).toBe('30ms |');
    }),
  );

  it(
    'frees the slots of calls that are given up, running or waiting, and leaves no timer',
    marbles(({ expectObservable, expectNoTimersLeft, flush, scheduler }) => {
      const { call, running, order } = workerOf(2, { stock: { ms: 100 }, payment: { ms: 5 } });
      expectObservable(call('stock'), '^---!').toBe('-');
      expectObservable(call('stock'), '^--!').toBe('-');
      expectObservable(
        timer(6).pipe(
          mergeMap(() => call('stock')),
          ignoreElements(),
        ),
      ).toBe('106ms |');
      scheduler.schedule(() => expect(running('stock')).to.equal(0), 5);
      expectNoTimersLeft();
      flush();
      expect(order).to.deep.equal(['stock', 'stock']);
    }),
  );

  it(
    'is no latency of an API: what waits for it tells the adaptive limit nothing',
    marbles(({ expectObservable, flush }) => {
      // With aimd a call of more than 5 s counts as dropped.
      const { call, heard } = workerOf(2, {
        slow: { concurrency: { adaptive: 'aimd', initial: 8, max: 8 }, ms: 2_000 },
        other: { ms: 1 },
      });
      expectObservable(calls(6, () => call('slow'))).toBe('12s |');
      flush();
      expect(heard.filter(({ type }) => type === 'limitChanged')).to.deep.equal([]);
    }),
  );

  it('is told of where it keeps an API below its own concurrency', () => {
    const warned: unknown[] = [];
    workerOf(
      100,
      { big: { concurrency: 90, ms: 1 }, small: { concurrency: 20, ms: 1 } },
      { ...silentLogger, warn: (fields: unknown) => void warned.push(fields) },
    );
    expect(warned).to.deep.equal([{ api: 'big', concurrency: 90, maxCalls: 80 }]);
  });

  it('is no cap where none is set', async () => {
    const { call, most } = workerOf(Number.POSITIVE_INFINITY, { stock: { ms: 1 }, payment: { ms: 1 } });
    await Promise.all(
      ['stock', 'payment'].map((name) =>
        lastValueFrom(calls(64, () => call(name)).pipe(tap()), { defaultValue: undefined }),
      ),
    );
    expect(most()).to.equal(128);
  });
});

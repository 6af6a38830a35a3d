/** Calls that share their answers, in virtual time. */
import { expect } from 'chai';
import { concat, EMPTY, firstValueFrom, merge, Observable, of, range, throwError, timer } from 'rxjs';
import { concatMap, ignoreElements, map, mergeMap, tap, toArray } from 'rxjs/operators';
import { z } from 'zod';
import { isTransient, ResponseInvalidError } from '../../src/errors.ts';
import type { Fact } from '../../src/events.ts';
import type { Api, CallOptions } from '../../src/http/api.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import type { Transport, TransportResponse } from '../../src/http/transport.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { scopeOf, TRACE } from './call-scope.ts';
import { base, bound, codes, down, ok, status, transportOf } from './scripted-transport.ts';

const once: ApiOptions = { ...base, retry: false };
const cached: ApiOptions = { ...once, cache: { ttl: '1m' } };
const typesOf = (seen: readonly Fact[]) => seen.map(({ type }) => type);
const at = <T>(ms: number, then: () => Observable<T>): Observable<T> => timer(ms).pipe(mergeMap(then));
const later = (ms: number, response: TransportResponse) => timer(ms).pipe(map(() => response));
const told = (value: unknown, headers: TransportResponse['headers']): TransportResponse => ({
  ...ok(value),
  headers: { 'content-type': 'application/json', ...headers },
});

/** One API for two messages. */
function twoMessages(options: ApiOptions, transport: Transport, deadlines: readonly [number?, number?] = []) {
  const { api: first, client, seen } = bound(options, transport, { deadlineAt: deadlines[0] });
  const second = client.bind(scopeOf({ messageId: 'm2', correlationId: 'c2', deadlineAt: deadlines[1] }));
  return { first, second, client, seen };
}

describe('an API with a cache', () => {
  it(
    'answers a GET again without a call until ttl is over, for every message of the worker',
    marbles(({ expectObservable, expectNoTimersLeft, flush }) => {
      const { transport, requests } = transportOf(of(ok(1)), of(ok(2)));
      const { first, second, seen } = twoMessages({ ...once, cache: { ttl: 10 } }, transport);
      expectObservable(concat(first.get('/x'), first.get('/x'))).toBe('(aa|)', { a: 1 });
      expectObservable(at(9, () => second.get('/x'))).toBe('---------(a|)', { a: 1 });
      expectObservable(at(10, () => second.get('/x'))).toBe('----------(b|)', { b: 2 });
      expectNoTimersLeft();
      flush();
      expect(requests).to.have.length(2);
      expect(typesOf(seen)).to.deep.equal([
        'callStarted',
        'callEnded',
        'cacheHit',
        'cacheHit',
        'callStarted',
        'callEnded',
      ]);
      expect(seen[3]).to.deep.equal({
        type: 'cacheHit',
        at: 9,
        pipeline: 'orders',
        messageId: 'm2',
        correlationId: 'c2',
        traceId: TRACE.slice(3, 35),
        messageAttempt: 1,
        deliveryTag: 1,
        api: 'payment',
        operation: 'GET /x',
        use: 'fresh',
      });
    }),
  );

  it(
    'gives the last answer at once while a call behind it fetches a new one',
    marbles(({ expectObservable, expectNoTimersLeft, flush }) => {
      const { transport, requests } = transportOf(of(ok(1)), later(2, ok(2)), of(ok(3)));
      const { api, seen } = bound({ ...once, cache: { ttl: 5, staleFor: 5 } }, transport);
      expectObservable(api.get('/x')).toBe('                     (a|)', { a: 1 });
      expectObservable(at(6, () => api.get('/x'))).toBe('------(a|)', { a: 1 });
      expectObservable(at(9, () => api.get('/x'))).toBe('---------(b|)', { b: 2 });
      expectObservable(at(30, () => api.get('/x'))).toBe('30ms (c|)', { c: 3 });
      expectNoTimersLeft();
      flush();
      expect(requests).to.have.length(3);
      expect(seen.flatMap((fact) => (fact.type === 'cacheHit' ? [fact.use] : []))).to.deep.equal(['stale', 'fresh']);
    }),
  );

  it(
    'keeps the last answer when the call behind it fails, and tells of the failure as of any call',
    marbles(({ expectObservable, flush }) => {
      const { transport } = transportOf(
        of(ok(1)),
        throwError(() => down),
      );
      const { api, seen } = bound({ ...once, cache: { ttl: 5, staleFor: 5 } }, transport);
      expectObservable(api.get('/x')).toBe('                     (a|)', { a: 1 });
      expectObservable(at(6, () => api.get('/x'))).toBe('------(a|)', { a: 1 });
      expectObservable(at(8, () => api.get('/x'))).toBe('--------(a|)', { a: 1 });
      flush();
      expect(seen.flatMap((fact) => (fact.type === 'callEnded' ? [fact.code ?? 'ok'] : []))).to.deep.equal([
        'ok',
        'ERR_NETWORK',
        'ERR_NETWORK',
      ]);
    }),
  );

  it(
    'is off unless it is asked for, and for calls with cache: false',
    marbles(({ flush }) => {
      const plain = transportOf(of(ok()));
      const { api } = bound(once, plain.transport);
      concat(api.get('/x'), api.get('/x')).subscribe();
      const past = transportOf(of(ok(1)), of(ok(2)), of(ok(3)));
      const { api: other } = bound(cached, past.transport);
      const seen: unknown[] = [];
      concat(
        other.get('/x'),
        other.get('/x', { cache: false }),
        other.get('/x'),
        other.get('/y', { cache: false }),
        other.get('/y'),
      ).subscribe((value) => seen.push(value));
      flush();
      expect(plain.requests).to.have.length(2);
      expect(seen).to.deep.equal([1, 2, 1, 3, 3]);
      expect(past.requests).to.have.length(4);
    }),
  );

  it(
    'never answers what is no GET',
    marbles(({ flush }) => {
      const { transport, requests } = transportOf(of(ok()));
      const { api } = bound(cached, transport);
      const calls = ['post', 'put', 'patch', 'delete'] as const;
      concat(...calls.flatMap((method) => [api[method]('/x'), api[method]('/x')])).subscribe();
      flush();
      expect(requests).to.have.length(8);
    }),
  );
});

describe('two calls share an answer', () => {
  const asked = (options: CallOptions, other: CallOptions, paths: readonly [string, string] = ['/x', '/x']): number => {
    const { transport, requests } = transportOf(of(ok()));
    const { first, second } = twoMessages(cached, transport);
    concat(first.get(paths[0], options), second.get(paths[1], other)).subscribe();
    return requests.length;
  };

  it('whatever order their headers and the letters of their names have, and whoever makes them', () => {
    expect(asked({ headers: { 'x-a': '1', 'X-B': '2' } }, { headers: { 'x-b': '2', 'X-A': '1' } })).to.equal(1);
    expect(asked({ path: { id: 1 } }, {}, ['/x/{id}', '/x/1'])).to.equal(1);
    expect(asked({ within: '1s' }, { idempotent: true })).to.equal(1);
  });

  it('only when path, query and every header of theirs are equal', () => {
    expect(asked({}, {}, ['/x', '/y'])).to.equal(2);
    expect(asked({ path: { id: 'a' } }, { path: { id: 'b' } }, ['/x/{id}', '/x/{id}'])).to.equal(2);
    expect(asked({ params: { q: 1 } }, { params: { q: 2 } })).to.equal(2);
    expect(asked({ params: { q: 1 } }, {})).to.equal(2);
    expect(asked({ headers: { 'x-tenant': 'a' } }, { headers: { 'x-tenant': 'b' } })).to.equal(2);
    expect(asked({ headers: { 'x-tenant': 'a' } }, {})).to.equal(2);
  });

  it('never because one header reads like two', () => {
    expect(asked({ headers: { 'x-a': '1' } }, { headers: { 'x-a': '1', 'x-b': '' } })).to.equal(2);
    expect(asked({ headers: { 'x-a': '3:x-b1:2' } }, { headers: { 'x-a': '', 'x-b': '2' } })).to.equal(2);
    expect(asked({ params: { q: 'a/b' } }, {}, ['/x', '/x/b'])).to.equal(2);
  });

  it('not when a call cannot be sent: that fails, and nothing is kept', () => {
    const { transport, requests } = transportOf(of(ok()));
    const { api } = bound(cached, transport);
    const results: unknown[] = [];
    const calls = [api.get('/x', { headers: { 'x-a': 'a\nb' } }), api.get('/x/{id}', { path: { id: '..' } })];
    for (const call of [...calls, ...calls]) call.pipe(codes).subscribe((result) => results.push(result));
    expect(new Set(results)).to.deep.equal(new Set(['ERR_REQUEST_INVALID']));
    expect(requests).to.have.length(0);
  });
});

describe('every caller of a cached call', () => {
  it(
    'has a value of its own: what one makes of it no other sees',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(3, ok({ list: [1] })));
      const { first, second } = twoMessages(cached, transport);
      const List = z.object({ list: z.array(z.number()) });
      const spoiling = (api: Api) => api.get('/x', { response: List }).pipe(tap(({ list }) => list.push(666)));
      const spoilt = { list: [1, 666] };
      expectObservable(spoiling(first)).toBe('---(a|)', { a: spoilt });
      expectObservable(spoiling(second)).toBe('---(a|)', { a: spoilt });
      expectObservable(at(9, () => spoiling(first))).toBe('---------(a|)', { a: spoilt });
      flush();
      expect(requests).to.have.length(1);
    }),
  );

  it(
    'has bytes of its own too',
    marbles(({ flush }) => {
      const bytes = { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: Buffer.from('abc') };
      const { transport } = transportOf(of(bytes));
      const { first, second } = twoMessages(cached, transport);
      const seen: string[] = [];
      const spoiling = tap((value: unknown) => {
        if (!(value instanceof Uint8Array)) throw new TypeError('no bytes');
        seen.push(Buffer.from(value).toString());
        value.fill(0);
      });
      concat(first.get('/x'), second.get('/x'), first.get('/x'))
        .pipe(concatMap((value) => of(value).pipe(spoiling)))
        .subscribe();
      flush();
      expect(seen).to.deep.equal(['abc', 'abc', 'abc']);
    }),
  );

  it(
    'reads it by its own schema; one that does not fit is nobody else’s failure, and the next call asks again',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(2, ok({ id: 'a' })));
      const { first, second } = twoMessages(cached, transport);
      const [Text, Count] = [z.object({ id: z.string() }), z.object({ id: z.number() })];
      expectObservable(first.get('/x', { response: Count }).pipe(codes)).toBe('--(e|)', { e: 'ERR_RESPONSE_INVALID' });
      // It joined a call that failed for the one who began it, and has made its own since.
      expectObservable(second.get('/x', { response: Text })).toBe('----(a|)', { a: { id: 'a' } });
      expectObservable(second.get('/x', { response: Count }).pipe(codes)).toBe('--(e|)', { e: 'ERR_RESPONSE_INVALID' });
      expectObservable(at(5, () => second.get('/x', { response: Text }))).toBe('-----(a|)', { a: { id: 'a' } });
      expectObservable(at(6, () => first.get('/x', { response: Count }).pipe(codes))).toBe('------(e|)', {
        e: 'ERR_RESPONSE_INVALID',
      });
      expectObservable(at(7, () => second.get('/x', { response: Text }))).toBe('---------(a|)', { a: { id: 'a' } });
      flush();
      expect(requests).to.have.length(3);
    }),
  );

  it(
    'of one schema fails together, after one call',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(2, ok('text')));
      const { first, second } = twoMessages(cached, transport);
      const response = z.number();
      for (const api of [first, second, first])
        expectObservable(api.get('/x', { response }).pipe(codes)).toBe('--(e|)', { e: 'ERR_RESPONSE_INVALID' });
      flush();
      expect(requests).to.have.length(1);
    }),
  );

  it(
    'with a schema made on the spot does not wait for the failures of all others',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(2, ok('text')));
      const { api } = bound(cached, transport);
      const calls = range(9).pipe(
        mergeMap(() => api.get('/x', { response: z.number() }).pipe(codes)),
        toArray(),
      );
      expectObservable(calls).toBe('------(e|)', { e: Array.from({ length: 9 }, () => 'ERR_RESPONSE_INVALID') });
      flush();
      expect(requests).to.have.length(9);
    }),
  );

  it(
    'has its misfit classified and tried again as the API says',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(of(ok('text')), of(ok(5)));
      const classify = (error: Error) => (error instanceof ResponseInvalidError ? ('transient' as const) : undefined);
      const retry = { backoff: { initial: 3, jitter: 'none' } } as const;
      const { api } = bound({ ...base, retry, classify, cache: { ttl: '1m' } }, transport);
      expectObservable(api.get('/x', { response: z.number() })).toBe('---(a|)', { a: 5 });
      flush();
      expect(requests).to.have.length(2);
    }),
  );

  it('has a misfit of what was kept classified too', () => {
    const { transport } = transportOf(of(ok('text')));
    const { api } = bound({ ...cached, classify: () => 'transient' }, transport);
    const failures: unknown[] = [];
    api.get('/x').subscribe();
    api.get('/x', { response: z.number() }).subscribe({ error: (failure) => failures.push(failure) });
    expect(failures.map((failure) => [failure instanceof ResponseInvalidError, isTransient(failure)])).to.deep.equal([
      [true, true],
    ]);
  });
});

describe('calls of the same request at the same time', () => {
  it(
    'are one call; failures too are shared, and not kept',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const failing = cold<TransportResponse>('--#', undefined, down);
      const { transport } = transportOf(failing, of(ok(2)));
      const { first, second, seen } = twoMessages(cached, transport);
      expectObservable(first.get('/x').pipe(codes)).toBe('          --(e|)', { e: 'ERR_NETWORK' });
      expectObservable(at(1, () => second.get('/x').pipe(codes))).toBe('--(e|)', { e: 'ERR_NETWORK' });
      expectObservable(at(3, () => second.get('/x'))).toBe('            ---(a|)', { a: 2 });
      expectSubscriptions(failing.subscriptions).toBe('^-!');
      flush();
      expect(typesOf(seen)).to.deep.equal(['callStarted', 'cacheHit', 'callEnded', 'callStarted', 'callEnded']);
    }),
  );

  for (const code of [304, 404, 429, 500]) {
    it(
      `keep nothing of a ${code}`,
      marbles(({ expectObservable }) => {
        const { transport } = transportOf(of(status(code)), of(ok(2)));
        const { api } = bound({ ...cached, breaker: false }, transport);
        expectObservable(concat(api.get('/x').pipe(codes), api.get('/x'))).toBe('(ea|)', {
          e: 'ERR_HTTP_STATUS',
          a: 2,
        });
      }),
    );
  }

  it(
    'go on when the one who began is gone, and are aborted when the last is',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const slow = cold<TransportResponse>('-----(a|)', { a: ok(1) });
      const { transport } = transportOf(slow);
      const { first, second } = twoMessages(cached, transport);
      expectObservable(first.get('/x'), ' ^-!').toBe('       --');
      expectObservable(second.get('/x'), '-^').toBe('        -----(a|)', { a: 1 });
      expectObservable(first.get('/y'), ' --------^-!').toBe(' -----------');
      expectObservable(second.get('/y'), '---------^--!').toBe('------------');
      expectSubscriptions(slow.subscriptions).toBe(['^----!', '--------^---!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'outlive the deadline and the limit of one of them; each is over at its own',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      const slow = cold<TransportResponse>('9ms (a|)', { a: ok(1) });
      const { transport, requests } = transportOf(slow);
      const { first, second, seen } = twoMessages(cached, transport, [4]);
      expectObservable(first.get('/x', { within: 5 }).pipe(codes)).toBe(' ----(t|)', { t: 'ERR_CALL_TIMEOUT' });
      expectObservable(second.get('/x', { within: 6 }).pipe(codes)).toBe('------(t|)', { t: 'ERR_CALL_TIMEOUT' });
      expectObservable(second.get('/x')).toBe('                         ---------(a|)', { a: 1 });
      expectSubscriptions(slow.subscriptions).toBe('^--------!');
      expectNoTimersLeft();
      flush();
      // What the server is told is the API's own timeout: it is waited for by others than the one who began.
      expect(requests.map(({ timeoutMs }) => timeoutMs)).to.deep.equal([10_000]);
      expect(typesOf(seen)).to.deep.equal(['callStarted', 'cacheHit', 'cacheHit', 'callEnded']);
    }),
  );

  it(
    'are aborted when the last of them has run out of time',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const slow = cold<TransportResponse>('9ms (a|)', { a: ok(1) });
      const { first, second } = twoMessages(cached, transportOf(slow).transport, [4, 6]);
      expectObservable(first.get('/x').pipe(codes)).toBe(' ----(t|)', { t: 'ERR_CALL_TIMEOUT' });
      expectObservable(second.get('/x').pipe(codes)).toBe('------(t|)', { t: 'ERR_CALL_TIMEOUT' });
      expectSubscriptions(slow.subscriptions).toBe('^-----!');
      expectNoTimersLeft();
    }),
  );

  it('bear a deadline that is too far for a timer of Node', async () => {
    const slow = new Observable<TransportResponse>((sink) => {
      const answer = setTimeout(() => {
        sink.next(ok(1));
        sink.complete();
      }, 20);
      return () => clearTimeout(answer);
    });
    const { api } = bound(cached, () => slow, { deadlineAt: Date.now() + 2 ** 40 });
    expect(await firstValueFrom(api.get('/x'))).to.equal(1);
  });

  it(
    'ask nothing when the time is over before, even where the answer is there',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(1, ok(1)));
      const { first, second } = twoMessages(cached, transport, [2 ** 40, 3]);
      expectObservable(first.get('/x')).toBe('-(a|)', { a: 1 });
      expectObservable(at(3, () => second.get('/x').pipe(codes))).toBe('---(t|)', { t: 'ERR_CALL_TIMEOUT' });
      flush();
      expect(requests).to.have.length(1);
    }),
  );
});

describe('an answer that is not for others', () => {
  for (const headers of [
    { 'cache-control': 'no-store' },
    { 'cache-control': 'max-age=60, Private' },
    { 'cache-control': 'private="set-cookie"' },
    { 'cache-control': ['max-age=5', 'no-cache'] },
    { vary: '*' },
    { vary: 'Accept, X-Correlation-Id' },
  ] as const) {
    it(
      `by ${JSON.stringify(headers)}, goes to the one who asked: the others ask for themselves, at once`,
      marbles(({ expectObservable, flush }) => {
        let given = 0;
        const counting = timer(2).pipe(map(() => told(++given, headers)));
        const { transport, requests } = transportOf(counting);
        const { first, second } = twoMessages({ ...once, cache: { ttl: 20 } }, transport);
        expectObservable(first.get('/x')).toBe(' --(a|)', { a: 1 });
        expectObservable(second.get('/x')).toBe('----(b|)', { b: 2 });
        expectObservable(second.get('/x')).toBe('----(c|)', { c: 3 });
        // Now that it is known, nobody waits for another.
        const two = at(10, () => merge(first.get('/x'), second.get('/x')));
        expectObservable(two).toBe('------------(de|)', { d: 4, e: 5 });
        // Told for ttl, it is looked at again.
        const anew = at(30, () => merge(first.get('/x'), second.get('/x')));
        expectObservable(anew).toBe('32ms f-(g|)', { f: 6, g: 7 });
        flush();
        expect(requests.at(-1)?.headers['x-correlation-id']).to.equal('c2');
      }),
    );
  }

  for (const headers of [
    {},
    { 'cache-control': 'max-age=0, must-revalidate' },
    { 'cache-control': 'public, x-no-store-here' },
    { vary: 'accept-encoding, x-tenant' },
  ]) {
    it(`is not one with ${JSON.stringify(headers)}`, () => {
      const { transport, requests } = transportOf(of(told(1, headers)));
      const { api } = bound(cached, transport);
      concat(api.get('/x'), api.get('/x')).subscribe();
      expect(requests).to.have.length(1);
    });
  }

  it(
    'leaves nothing to be stale: no call is made behind it for nobody',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(2, told(1, { 'cache-control': 'no-store' })));
      const { api } = bound({ ...once, cache: { ttl: 5, staleFor: 50 } }, transport);
      expectObservable(
        concat(
          api.get('/x'),
          at(6, () => api.get('/x')),
        ),
      ).toBe('--a-------(b|)', { a: 1, b: 1 });
      flush();
      expect(requests).to.have.length(2);
    }),
  );

  it(
    'takes the place of the one that was kept',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(of(ok(1)), of(told(2, { 'cache-control': 'no-store' })), of(ok(3)));
      const { api } = bound({ ...once, cache: { ttl: 5, staleFor: 50 } }, transport);
      expectObservable(api.get('/x')).toBe('                     (a|)', { a: 1 });
      // The call behind the stale answer is done at once here: its value is newer, and the one who began it may have it.
      expectObservable(at(6, () => api.get('/x'))).toBe('------(b|)', { b: 2 });
      expectObservable(at(7, () => api.get('/x'))).toBe('-------(c|)', { c: 3 });
      flush();
      expect(requests).to.have.length(3);
    }),
  );
});

describe('the bounds of a cache', () => {
  const kib = 2 ** 10;
  const sized = (bytes: number) => (): TransportResponse => ok('x'.repeat(bytes - 2));

  it('are as many answers, those that were asked for last', () => {
    const { transport, requests } = transportOf(of(ok()));
    const { api } = bound({ ...once, cache: { ttl: '1h', maxEntries: 2 } }, transport);
    concat(...['/a', '/b', '/a', '/c', '/a', '/b'].map((path) => api.get(path))).subscribe();
    expect(requests.map(({ path }) => path)).to.deep.equal(['/v1/a', '/v1/b', '/v1/c', '/v1/b']);
  });

  it('are as many bytes together, and a larger answer is given and not kept', () => {
    const { transport, requests } = transportOf(of(sized(4 * kib)()));
    const { api } = bound({ ...once, cache: { ttl: '1h', maxBytes: 10 * kib } }, transport);
    concat(...['/a', '/b', '/c', '/b', '/a'].map((path) => api.get(path))).subscribe();
    expect(requests.map(({ path }) => path)).to.deep.equal(['/v1/a', '/v1/b', '/v1/c', '/v1/a']);

    const large = transportOf(of(sized(11 * kib)()));
    const { api: other } = bound({ ...once, cache: { ttl: '1h', maxBytes: 10 * kib } }, large.transport);
    let given = 0;
    concat(other.get('/a'), other.get('/a')).subscribe(() => given++);
    expect([given, large.requests.length]).to.deep.equal([2, 2]);
  });

  it(
    'hold what one call is waited for, too: a thousand wait for one',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(later(5, ok(1)));
      const { api } = bound(cached, transport);
      const all = range(1_000).pipe(
        mergeMap(() => api.get('/x')),
        toArray(),
        map((values) => values.length),
      );
      expectObservable(all).toBe('-----(n|)', { n: 1_000 });
      flush();
      expect(requests).to.have.length(1);
    }),
  );
});

describe('what stands before a cached API', () => {
  it(
    'sees real calls alone: rate limit, slots and breaker',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(
        of(ok(1)),
        throwError(() => down),
        of(ok(3)),
      );
      const limits = { rateLimit: { requests: 2, per: '1h' }, concurrency: 1, maxQueued: 1 } as const;
      const breaker = { consecutiveFailures: 1, openFor: '1h' } as const;
      const { api, client } = bound({ ...cached, ...limits, breaker }, transport);
      expectObservable(
        range(50).pipe(
          mergeMap(() => api.get('/x')),
          ignoreElements(),
        ),
      ).toBe('|');
      expectObservable(concat(api.get('/y'), EMPTY).pipe(codes)).toBe('(e|)', { e: 'ERR_NETWORK' });
      // Open, and out of tokens: what is there is given all the same.
      expectObservable(at(1, () => api.get('/x'))).toBe('-(a|)', { a: 1 });
      expectObservable(at(1, () => api.get('/y').pipe(codes))).toBe('-(c|)', { c: 'ERR_CIRCUIT_OPEN' });
      flush();
      expect(client.breaker?.state).to.equal('open');
      expect(requests).to.have.length(2);
    }),
  );

  it(
    'is retried and hedged as it is without one',
    marbles(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(
        throwError(() => down),
        later(50, ok('slow')),
        later(5, ok('quick')),
      );
      const retry = { backoff: { initial: 1, jitter: 'none' } } as const;
      const { api } = bound({ ...base, retry, hedge: { after: 10 }, cache: { ttl: '1h' } }, transport);
      expectObservable(api.get('/x')).toBe('        16ms (q|)', { q: 'quick' });
      expectObservable(at(99, () => api.get('/x'))).toBe('99ms (q|)', { q: 'quick' });
      flush();
      expect(requests).to.have.length(3);
    }),
  );

  it(
    'keeps the answer that won, whatever its rival brought',
    marbles(({ expectObservable }) => {
      // The second ends first, and between its answer and its end the first has an answer too.
      const heldBack = (answerMs: number, endMs: number, value: string) =>
        merge(later(answerMs, ok(value)), later(endMs, ok()).pipe(ignoreElements()));
      const { transport } = transportOf(heldBack(13, 30, 'first'), heldBack(2, 5, 'second'));
      const { api } = bound({ ...once, hedge: { after: 10 }, cache: { ttl: '1h' } }, transport);
      expectObservable(api.get('/x')).toBe('          15ms (s|)', { s: 'second' });
      expectObservable(at(99, () => api.get('/x'))).toBe('99ms (s|)', { s: 'second' });
    }),
  );

  it(
    'is not fetched from any more, behind stale answers either, when the client is closed',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const slow = cold<TransportResponse>('5ms (a|)', { a: ok(2) });
      const { transport } = transportOf(of(ok(1)), slow);
      const { api, client } = bound({ ...once, cache: { ttl: 5, staleFor: 5 } }, transport);
      expectObservable(api.get('/x')).toBe('                     (a|)', { a: 1 });
      expectObservable(at(6, () => api.get('/x'))).toBe('------(a|)', { a: 1 });
      expectObservable(at(8, () => client.close())).toBe('--------|');
      expectSubscriptions(slow.subscriptions).toBe('------^-!');
      expectNoTimersLeft();
    }),
  );
});

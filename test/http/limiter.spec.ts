/** A rate limit that workers share, as an option of an API, in virtual time and over a scripted store. */
import { expect } from 'chai';
import { asyncScheduler, defer, EMPTY, NEVER, type Observable, of, range, throwError, timer } from 'rxjs';
import { ignoreElements, map, mergeMap, toArray } from 'rxjs/operators';
import { ConfigError } from '../../src/errors.ts';
import type { Fact } from '../../src/events.ts';
import { createFacts } from '../../src/events.ts';
import type { RateLimitOptions } from '../../src/http/api-options.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import type { SharedRate, TokenGrant, TokenStore, TokenStoreDefinition } from '../../src/operators/shared-tokens.ts';
import { TokenBucket } from '../../src/policies/token-bucket.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { clientOf } from './call-scope.ts';
import { base, bound, codes, ok, status, transportOf } from './scripted-transport.ts';

const once: ApiOptions = { ...base, retry: false };
const away = new Error('connect ECONNREFUSED');

/** A store that answers after 1 ms by real buckets, for everybody who opens it, unless it is told to be away. */
class ScriptedStore implements TokenStoreDefinition {
  readonly kind = 'token-store';
  readonly localShareRatio: number;
  readonly opened: string[] = [];
  readonly asked: { readonly bucket: string; readonly rate: SharedRate }[] = [];
  isAway = false;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(localShareRatio = 0.5) {
    this.localShareRatio = localShareRatio;
  }

  read(): TokenStore {
    this.opened.push('read');
    return {
      connect: () => this.opened.push('connect'),
      close: () =>
        defer(() => {
          this.opened.push('close');
          return EMPTY;
        }),
      take: (bucket, rate, wanted) => timer(1).pipe(mergeMap(() => this.#take(bucket, rate, wanted))),
    };
  }

  #take(name: string, rate: SharedRate, wanted: number): Observable<TokenGrant> {
    this.asked.push({ bucket: name, rate });
    if (this.isAway) return throwError(() => away);
    const bucket = this.#buckets.get(name) ?? new TokenBucket(rate);
    this.#buckets.set(name, bucket);
    const now = asyncScheduler.now();
    let granted = 0;
    for (; granted < wanted && bucket.waitMs(now) === 0; granted++) bucket.take(now);
    return of({ granted, waitMs: bucket.waitMs(now) });
  }
}

const sharing = (
  shared: TokenStoreDefinition,
  rate: RateLimitOptions = { requests: 10, per: 100, burst: 1 },
): ApiOptions => ({
  ...once,
  rateLimit: { ...rate, shared },
});
const changesIn = (seen: readonly Fact[]) =>
  seen.flatMap((fact) => (fact.type === 'rateLimitSharingChanged' ? [fact] : []));

describe('an API with a rate limit that workers share', () => {
  it(
    'starts no more calls together than the limit says, from a bucket that is named after the API',
    marbles(({ expectObservable, flush }) => {
      const store = new ScriptedStore();
      const { transport } = transportOf(of(ok()));
      const clients = [bound(sharing(store), transport), bound(sharing(store), transport)];
      const startedAt = clients.map(({ api }) =>
        range(5).pipe(
          mergeMap(() => api.get('/x').pipe(map(() => asyncScheduler.now()))),
          toArray(),
        ),
      );
      const all: number[] = [];
      for (const times of startedAt) times.subscribe((moments) => all.push(...moments));
      expectObservable(timer(1_000).pipe(ignoreElements())).toBe('1s |');
      flush();
      expect(all).to.have.length(10);
      const sorted = all.toSorted((a, b) => a - b);
      for (const [index, moment] of sorted.entries())
        for (const [other, later] of sorted.entries())
          if (other > index) expect(other - index + 1).to.be.at.most(1 + (later - moment) / 10 + 1);
      expect(Math.max(...all)).to.be.at.least(90);
      expect(new Set(store.asked.map(({ bucket }) => bucket))).to.deep.equal(new Set(['payment']));
      expect(store.asked[0]?.rate).to.deep.equal({ requests: 10, periodMs: 100, burst: 1 });
    }),
  );

  it(
    'keeps to its own share while the store is away, says so, and is back when it is',
    marbles(({ expectObservable, flush }) => {
      const store = new ScriptedStore(0.25);
      const { api, seen } = bound(
        sharing(store, { requests: 100, per: '1s', burst: 1 }),
        transportOf(of(ok())).transport,
      );
      const log: string[] = [];
      const line = (_: object, text: string) => void log.push(text);
      const relayed = createFacts();
      timer(100).subscribe(() => {
        store.isAway = true;
      });
      timer(3_000).subscribe(() => {
        store.isAway = false;
      });
      const started: number[] = [];
      const calls = timer(0, 5).pipe(
        mergeMap(() => api.get('/x').pipe(map(() => started.push(asyncScheduler.now())))),
        ignoreElements(),
      );
      expectObservable(calls, '^ 4s !').toBe('-');
      flush();
      const between = (from: number, to: number) => started.filter((at) => at >= from && at < to).length;
      // A hundred a second together, a quarter of it alone.
      expect(between(0, 100)).to.be.within(9, 11);
      expect(between(1_000, 3_000)).to.be.within(48, 51);
      const [gone, back] = changesIn(seen);
      expect(gone).to.include({ api: 'payment', state: 'local', reason: 'connect ECONNREFUSED' });
      expect(back).to.include({ api: 'payment', state: 'shared' }).and.not.have.property('reason');
      expect(changesIn(seen)).to.have.length(2);
      const listening = logFacts(relayed, { trace: line, debug: line, info: line, warn: line, error: line } as never, {
        level: 'trace',
      });
      for (const fact of changesIn(seen)) relayed.report(fact);
      listening.unsubscribe();
      expect(log).to.deep.equal([
        'rate limit of payment: its store is away, this worker keeps to its own share',
        'rate limit of payment is shared again',
      ]);
    }),
  );

  it(
    'waits no longer for a store that is silent than it says',
    marbles(({ expectObservable, flush }) => {
      const store = new ScriptedStore(1);
      const silent: TokenStoreDefinition = {
        kind: 'token-store',
        localShareRatio: 1,
        read: () => ({ ...store.read(), take: () => NEVER }),
      };
      const { api, seen } = bound(sharing(silent), transportOf(of(ok())).transport);
      expectObservable(api.get('/x').pipe(map(() => asyncScheduler.now() <= 270))).toBe('260ms (y|)', { y: true });
      flush();
      expect(changesIn(seen).map(({ state }) => state)).to.deep.equal(['local']);
    }),
  );

  it(
    'learns from a 429 of its own, whatever tokens there are',
    marbles(({ expectObservable }) => {
      const { transport } = transportOf(of(status(429, { 'retry-after': '2' })), of(ok('next')));
      const { api } = bound(sharing(new ScriptedStore(), { requests: 100, per: 1_000, burst: 100 }), transport);
      expectObservable(api.get('/x').pipe(codes)).toBe('-(s|)', { s: 'ERR_HTTP_STATUS' });
      expectObservable(timer(5).pipe(mergeMap(() => api.get('/x')))).toBe('2002ms (v|)', { v: 'next' });
    }),
  );

  it(
    'is connected to when the client is made, and closed with it',
    marbles(({ expectObservable, flush }) => {
      const store = new ScriptedStore();
      const options = sharing(store);
      expect(store.opened).to.deep.equal([]);
      const client = clientOf(options, transportOf(of(ok())).transport);
      expect(store.opened).to.deep.equal(['read', 'connect']);
      expectObservable(client.close()).toBe('|');
      flush();
      expect(store.opened).to.deep.equal(['read', 'connect', 'close']);
    }),
  );

  it('is not connected to when another setting is missing', () => {
    const store = new ScriptedStore();
    const read = (): never => {
      throw new ConfigError([{ subject: 'environment', path: 'URL', message: 'is not set' }]);
    };
    const baseUrl = { kind: 'setting', name: 'URL', read } as const;
    expect(() => clientOf({ ...sharing(store), baseUrl })).to.throw(ConfigError);
    expect(store.opened).to.not.include('connect');
  });
});

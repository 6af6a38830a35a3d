import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, EMPTY, finalize, map, merge, NEVER, Observable, of, Subject, tap, timer } from 'rxjs';
import { PermanentError, TimeoutExceededError, TransientError } from '../../src/errors.ts';
import {
  type Cache,
  type CacheOptions,
  cached,
  createCache,
  type WeighedCacheOptions,
} from '../../src/operators/cache.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const down = new TransientError('down');
const gone = new PermanentError('gone');
const textCache = (options: CacheOptions): Cache<string> => createCache(options);

describe('createCache', () => {
  it(
    'emits the answer kept under the key, or subscribes to the source and keeps what it emits last',
    documented('cache', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('  --a|              ');
      const first = '        ^                 ';
      const fresh = '        -----^            ';
      const expired = '      ------------^     ';
      const expected = '     ---(a|)           ';
      const expectedFresh = '-----(a|)         ';
      const expectedAnew = ' ---------------(a|)';

      const result = source.pipe(cached(textCache({ ttl: 9 }), 'key'));

      expectObservable(result, first).toBe(expected);
      expectObservable(result, fresh).toBe(expectedFresh);
      expectObservable(result, expired).toBe(expectedAnew);
      expectSubscriptions(source.subscriptions).toBe(['^--!', '------------^--!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'makes room by forgetting what was asked for longest ago, and gives what is too large without keeping it',
    marbles(({ flush }) => {
      const options: WeighedCacheOptions<string> = { ttl: '1h', maxBytes: 10, bytesOf: (text) => text.length };
      const cache = createCache(options);
      const asked: string[] = [];
      const ask = (key: string, text: string): void => {
        const source = defer(() => {
          asked.push(key);
          return of(text);
        });
        let given: string | undefined;
        cache.run(source, key).subscribe((answer) => {
          given = answer;
        });
        expect(given).to.equal(text);
      };
      for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) ask(key, '12345');
      expect(asked).to.deep.equal(['a', 'b', 'c', 'b']);
      ask('d', '12345678901');
      ask('d', '12345678901');
      expect(asked.slice(4)).to.deep.equal(['d', 'd']);
      expect(cache.size).to.equal(2);
      expect(() => createCache({ ...options, maxBytes: 0 })).to.throw(RangeError, 'maxBytes');
      flush();
    }),
  );

  it(
    'is asked for each key apart',
    marbles(({ cold, expectObservable }) => {
      const cache = textCache({ ttl: '1m' });
      expectObservable(cache.run(cold('-(a|)'), 'one')).toBe('-(a|)');
      expectObservable(cache.run(cold('-(b|)'), 'two')).toBe('-(b|)');
      expectObservable(cache.run(cold('-(c|)'), '__proto__'), '--^').toBe('---(c|)');
      expectObservable(cache.run(cold('-(c|)'), 'two'), '--^').toBe('--(b|)');
    }),
  );

  it(
    'runs one source at a time for each key; who asks meanwhile waits for it',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const cache = textCache({ ttl: 0 });
      const [source, other] = [cold('----(a|)'), cold('-(b|)')];
      expectObservable(cache.run(source, 'key')).toBe('        ----(a|)');
      expectObservable(cache.run(other, 'key'), '--^').toBe('   ----(a|)');
      expectObservable(cache.run(other, 'key'), '-----^').toBe('------(b|)');
      expectSubscriptions(source.subscriptions).toBe('^---!');
      expectSubscriptions(other.subscriptions).toBe('-----^!');
    }),
  );

  it(
    'leaves a source to the others, and unsubscribes it with the last of them',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const cache = textCache({ ttl: '1m' });
      const [source, other] = [cold('-----(a|)'), cold('-----(b|)')];
      expectObservable(cache.run(source, 'key'), ' ^-!').toBe('  -');
      expectObservable(cache.run(source, 'key'), ' -^--!').toBe('-');
      expectObservable(cache.run(other, 'key'), '  ------^').toBe('-----------(b|)');
      expectSubscriptions(source.subscriptions).toBe('^---!');
      expectSubscriptions(other.subscriptions).toBe('------^----!');
      expectNoTimersLeft();
    }),
  );

  it(
    'passes a failure to all who wait and keeps nothing of it',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const cache = textCache({ ttl: '1m' });
      const failing = cold('--#', undefined, down);
      expectObservable(cache.run(failing, 'key')).toBe('      --#', undefined, down);
      expectObservable(cache.run(failing, 'key'), '-^').toBe('--#', undefined, down);
      expectObservable(cache.run(cold('-(a|)'), 'key'), '---^').toBe('----(a|)');
      expectSubscriptions(failing.subscriptions).toBe('^-!');
    }),
  );

  it(
    'completes for a source without a value and keeps nothing of it',
    marbles(({ cold, expectObservable, flush }) => {
      const cache = textCache({ ttl: '1m' });
      expectObservable(cache.run(cold('--|'), 'key')).toBe('--|');
      expectObservable(cache.run(NEVER, 'key'), '-^').toBe('--|');
      expectObservable(cache.run(cold('-(a|)'), 'key'), '---^').toBe('----(a|)');
      flush();
      expect(cache.size).to.equal(1);
    }),
  );

  it(
    'waits for a source that never ends',
    marbles(({ expectObservable }) => {
      expectObservable(textCache({ ttl: '1m' }).run(concat(of('a'), NEVER), 'key')).toBe('-');
    }),
  );

  it(
    'fails with what subscribing throws, and is free for the next',
    marbles(({ expectObservable }) => {
      const cache = textCache({ ttl: '1m' });
      const thrown = new TypeError('thrown');
      const throwing = defer(() => {
        throw thrown;
      });
      expectObservable(cache.run(throwing, 'key')).toBe('#', undefined, thrown);
      expectObservable(cache.run(of('a'), 'key')).toBe('(a|)');
    }),
  );

  it(
    'has the answer ready for whoever asks in answer to it, and begins anew in answer to a failure',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-(a|)');
      const result = textCache({ ttl: '1m' }).run(source, 'key');
      expectObservable(concat(result, result)).toBe('-(aa|)');
      expectSubscriptions(source.subscriptions).toBe('^!');
    }),
  );

  it(
    'is free for whoever asks in answer to an end that is not kept',
    marbles(({ cold, expectObservable }) => {
      const cache = textCache({ ttl: 0 });
      const askedAgain = (first: Observable<string>, key: string): Observable<string> =>
        new Observable((sink) => {
          const ask = (): unknown => cache.run(cold('-(b|)'), key).subscribe(sink);
          cache.run(first, key).subscribe({ next: ask, error: ask, complete: () => first === empty && ask() });
        });
      const empty = cold<string>('-|');
      expectObservable(askedAgain(cold('-(a|)'), 'value')).toBe('--(b|)');
      expectObservable(askedAgain(cold('-#'), 'failure')).toBe('--(b|)');
      expectObservable(askedAgain(empty, 'empty')).toBe('--(b|)');
    }),
  );

  it(
    'forgets the answer asked for longest ago when it is full',
    marbles(({ expectObservable, flush }) => {
      const cache = textCache({ ttl: '1m', maxEntries: 2 });
      const ask = (key: string, answer: string): void =>
        expectObservable(cache.run(of(answer), key)).toBe(`(${answer}|)`);
      expectObservable(concat(...[...'abac'].map((key) => cache.run(of(key), key)))).toBe('(abac|)');
      flush();
      expect(cache.size).to.equal(2);
      ask('a', 'a');
      ask('b', 'x');
    }),
  );

  it(
    'lets go of an answer that is too old when it is asked for',
    marbles(({ cold, expectObservable, flush }) => {
      const cache = textCache({ ttl: 5 });
      expectObservable(cache.run(of('a'), 'key')).toBe('(a|)');
      expectObservable(cache.run(cold('-#'), 'key'), '-----^').toBe('------#');
      flush();
      expect(cache.size).to.equal(0);
    }),
  );

  describe('with staleWhileRevalidate', () => {
    const options: CacheOptions = { ttl: 5, staleWhileRevalidate: 10 };

    it(
      'gives a stale answer at once and fetches a new one behind it',
      marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
        const cache = textCache(options);
        const [old, next] = [cold('(a|)'), cold('---(b|)')];
        expectObservable(cache.run(old, 'key')).toBe('           (a|)');
        expectObservable(cache.run(next, 'key'), '------^').toBe('------(a|)');
        expectObservable(cache.run(next, 'key'), '-------^').toBe('-------(a|)');
        expectObservable(cache.run(next, 'key'), '----------^').toBe('----------(b|)');
        expectSubscriptions(next.subscriptions).toBe('------^--!');
        expectNoTimersLeft();
      }),
    );

    it(
      'waits for a new answer when the old one is too old',
      marbles(({ cold, expectObservable }) => {
        const cache = textCache(options);
        expectObservable(cache.run(cold('(a|)'), 'key')).toBe('            (a|)');
        expectObservable(cache.run(cold('--(b|)'), 'key'), '15ms ^').toBe(' 15ms --(b|)');
      }),
    );

    it(
      'says when a fetch behind has failed, and keeps the stale answer',
      marbles(({ cold, expectObservable, flush }) => {
        const failures: unknown[] = [];
        const cache = textCache({ ...options, onRefreshFailed: (cause, key) => failures.push([cause, key]) });
        expectObservable(cache.run(cold('(a|)'), 'key')).toBe('                         (a|)');
        expectObservable(cache.run(cold('-#', undefined, down), 'key'), '------^').toBe('------(a|)');
        expectObservable(cache.run(cold('-(b|)'), 'key'), '--------^').toBe('            --------(a|)');
        flush();
        expect(failures).to.deep.equal([[down, 'key']]);
      }),
    );

    it(
      'ends a fetch behind after its time, also for who joined it',
      marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
        const failures: unknown[] = [];
        const cache = textCache({ ...options, refreshWithin: 12, onRefreshFailed: (cause) => failures.push(cause) });
        const hanging = cold('-');
        expectObservable(cache.run(cold('(a|)'), 'key')).toBe('(a|)');
        expectObservable(cache.run(hanging, 'key'), '6ms ^').toBe('6ms (a|)');
        expectObservable(cache.run(hanging, 'key'), '16ms ^').toBe('18ms #', undefined, new TimeoutExceededError(12));
        expectSubscriptions(hanging.subscriptions).toBe('6ms ^ 11ms !');
        expectNoTimersLeft();
        flush();
        expect(failures).to.have.length(1);
      }),
    );
  });

  describe('with staleIfError', () => {
    const options: CacheOptions = { ttl: 5, staleIfError: 10 };

    it(
      'gives the last answer in place of a transient failure, as long as it may',
      marbles(({ cold, expectObservable }) => {
        const cache = textCache(options);
        const failing = cold('--#', undefined, down);
        expectObservable(cache.run(cold('(a|)'), 'key')).toBe('      (a|)');
        expectObservable(cache.run(failing, 'key'), '5ms ^').toBe('  7ms (a|)');
        expectObservable(cache.run(failing, 'key'), '12ms ^').toBe(' 14ms (a|)');
        expectObservable(cache.run(failing, 'key'), '14ms ^').toBe(' 14ms (a|)');
        expectObservable(cache.run(failing, 'key'), '15ms ^').toBe(' 17ms #', undefined, down);
        expectObservable(cache.run(cold('(a|)'), 'other')).toBe('    (a|)');
        expectObservable(cache.run(failing, 'other'), '14ms ^').toBe('16ms #', undefined, down);
      }),
    );

    it(
      'passes a permanent failure',
      marbles(({ cold, expectObservable }) => {
        const cache = textCache(options);
        expectObservable(cache.run(cold('(a|)'), 'key')).toBe('(a|)');
        expectObservable(cache.run(cold('-#', undefined, gone), 'key'), '5ms ^').toBe('6ms #', undefined, gone);
      }),
    );
  });

  it(
    'drops what it is told to forget, and does not keep what was under way',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const cache = textCache({ ttl: '1m' });
      const source = cold('---(a|)');
      scheduler.schedule(() => cache.forget('key'), 2);
      expectObservable(cache.run(source, 'key')).toBe('          ---(a|)');
      expectObservable(cache.run(source, 'key'), '----^').toBe(' -------(a|)');
      expectSubscriptions(source.subscriptions).toBe(['^--!', '----^--!']);
    }),
  );

  it(
    'still runs one source at a time when one from before it forgot ends',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const cache = textCache({ ttl: 0 });
      const [old, next, third] = [cold('---(a|)'), cold('----(b|)'), cold('-(c|)')];
      scheduler.schedule(() => cache.forget('key'), 1);
      expectObservable(cache.run(old, 'key')).toBe('           ---(a|)');
      expectObservable(cache.run(next, 'key'), '--^').toBe('   ------(b|)');
      expectObservable(cache.run(third, 'key'), '----^').toBe('------(b|)');
      expectSubscriptions(third.subscriptions).toBe([]);
    }),
  );

  it(
    'clears all, and ends the fetches that nobody waits for',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, scheduler, flush }) => {
      const cache = textCache({ ttl: 1, staleWhileRevalidate: '1m' });
      const hanging = cold('-');
      scheduler.schedule(() => cache.clear(), 5);
      expectObservable(cache.run(of('a'), 'key')).toBe('         (a|)');
      expectObservable(cache.run(hanging, 'key'), '---^').toBe(' ---(a|)');
      expectObservable(cache.run(of('b'), 'key'), '------^').toBe('------(b|)');
      expectSubscriptions(hanging.subscriptions).toBe('---^-!');
      expectNoTimersLeft();
      flush();
      expect(cache.size).to.equal(1);
    }),
  );

  it(
    'does not keep what was under way when it was cleared',
    marbles(({ cold, expectObservable, scheduler, flush }) => {
      const cache = textCache({ ttl: '1m' });
      scheduler.schedule(() => cache.clear(), 1);
      expectObservable(cache.run(cold('--(a|)'), 'key')).toBe('--(a|)');
      flush();
      expect(cache.size).to.equal(0);
    }),
  );

  it(
    'says what it did',
    marbles(({ cold, flush }) => {
      const uses: string[] = [];
      const cache = textCache({
        ttl: 5,
        staleWhileRevalidate: 5,
        staleIfError: 10,
        onUse: (use, key) => uses.push(`${use} ${key}`),
      });
      const run = (source: Observable<string>, at: number): Observable<unknown> =>
        concat(
          timer(at).pipe(tap()),
          defer(() => cache.run(source, 'k')),
        );
      merge(
        run(cold('--(a|)'), 0),
        run(cold('--(a|)'), 1),
        run(cold('--(a|)'), 3),
        run(EMPTY, 8),
        run(cold('-#', undefined, down), 13),
      ).subscribe();
      flush();
      expect(uses).to.deep.equal(['miss k', 'joined k', 'fresh k', 'stale k', 'miss k', 'replaced-failure k']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<string>();
    const cache = textCache({ ttl: '1m' });
    const seen: string[] = [];
    cache.run(source, 'key').subscribe((value) => {
      seen.push(value);
      source.next('x');
      cache.run(source, 'key').subscribe((again) => seen.push(again));
    });
    source.next('a');
    source.complete();
    expect(seen).to.deep.equal(['a', 'a']);
  });

  it('refuses options out of their range, by name', () => {
    expect(() => createCache({ ttl: -1 })).to.throw(RangeError, 'ttl');
    expect(() => createCache({ ttl: 1, staleWhileRevalidate: -1 })).to.throw(RangeError, 'staleWhileRevalidate');
    expect(() => createCache({ ttl: 1, staleIfError: '25d' })).to.throw(RangeError, 'staleIfError');
    expect(() => createCache({ ttl: 1, refreshWithin: 0 })).to.throw(RangeError, 'refreshWithin');
    for (const maxEntries of [0, 1.5, Number.POSITIVE_INFINITY])
      expect(() => createCache({ ttl: 1, maxEntries })).to.throw(RangeError, 'maxEntries');
  });

  it('never runs a key twice at once, never gives what is too old, and ends every source', () => {
    const question = fc.record({
      at: fc.nat({ max: 30 }),
      key: fc.constantFrom('a', 'b', 'c'),
      takesMs: fc.nat({ max: 6 }),
      leavesAfter: fc.option(fc.nat({ max: 6 }), { nil: 99 }),
    });
    fc.assert(
      fc.property(
        fc.array(question, { maxLength: 20 }),
        fc.nat({ max: 8 }),
        fc.nat({ max: 8 }),
        fc.integer({ min: 1, max: 3 }),
        (questions, ttl, staleWhileRevalidate, maxEntries) => {
          const open = new Map<string, number>();
          let mostOpen = 0;
          let mostKept = 0;
          let oldest = 0;
          marbles(({ flush, scheduler, subscribe }) => {
            const cache = createCache<number>({ ttl, staleWhileRevalidate, maxEntries });
            for (const { at, key, takesMs, leavesAfter } of questions) {
              const source = defer(() => {
                open.set(key, (open.get(key) ?? 0) + 1);
                mostOpen = Math.max(mostOpen, open.get(key) ?? 0);
                return timer(takesMs).pipe(
                  map(() => scheduler.now()),
                  finalize(() => open.set(key, (open.get(key) ?? 0) - 1)),
                );
              });
              const asking = defer(() => cache.run(source, key)).pipe(
                tap((arrivedAt) => {
                  oldest = Math.max(oldest, scheduler.now() - arrivedAt);
                  mostKept = Math.max(mostKept, cache.size);
                }),
              );
              subscribe(asking, `${'-'.repeat(at)}^${'-'.repeat(leavesAfter)}!`);
            }
            flush();
          })();
          expect(mostOpen).to.be.at.most(1);
          expect([...open.values()].filter((count) => count > 0)).to.deep.equal([]);
          expect(mostKept).to.be.at.most(maxEntries);
          expect(oldest).to.be.at.most(Math.max(0, ttl + staleWhileRevalidate - 1));
        },
      ),
      { numRuns: 300 },
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { concat, EMPTY, NEVER, type Observable, Subject, tap, timer } from 'rxjs';
import { type JoinByKeyOptions, joinByKey, type Unmatched } from '../../src/operators/join-by-key.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

type Options = JoinByKeyOptions<string, string, string>;

/** Left values are lower-case letters, right values the upper case of the same. */
const join = (
  left: Observable<string>,
  right: Observable<string>,
  { heard = [], ...options }: Partial<Options> & { heard?: string[] } = {},
): Observable<readonly [string, string]> =>
  joinByKey(left, right, {
    leftKey: (value) => value,
    rightKey: (value) => value.toLowerCase(),
    within: '1m',
    onUnmatched: ({ value, reason }) => heard.push(`${value} ${reason}`),
    ...options,
  });
const pairs = { a: ['a', 'A'], b: ['b', 'B'], c: ['c', 'C'] };

describe('joinByKey', () => {
  it(
    'emits a pair when a value meets a waiting one of the other stream with the same key',
    documented('join-by-key', ({ hot, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const left = hot('     a-b-----c-|  ');
      const right = hot('    ---B-A-C----|');
      const expected = '     ---b-a--c---|';

      expectObservable(join(left, right)).toBe(expected, pairs);
      expectSubscriptions(left.subscriptions).toBe(' ^---------!  ');
      expectSubscriptions(right.subscriptions).toBe('^-----------!');
      expectNoTimersLeft();
    }),
  );

  it(
    'hands on what finds no partner in time, when its time is over',
    marbles(({ hot, expectObservable, expectNoTimersLeft, flush, scheduler }) => {
      const heard: (readonly [number, Unmatched<string, string>])[] = [];
      const onUnmatched = (unmatched: Unmatched<string, string>): unknown => heard.push([scheduler.now(), unmatched]);
      const left = hot(' a--------|');
      const right = hot('-B---A---|');
      expectObservable(join(left, right, { within: 4, onUnmatched })).toBe('---------|');
      expectNoTimersLeft();
      flush();
      expect(heard).to.deep.equal([
        [4, { side: 'left', value: 'a', reason: 'timeout' }],
        [5, { side: 'right', value: 'B', reason: 'timeout' }],
        [9, { side: 'right', value: 'A', reason: 'ended' }],
      ]);
    }),
  );

  it(
    'pairs several values of one key in the order they came',
    marbles(({ cold, expectObservable }) => {
      const numbered = { leftKey: () => 'key', rightKey: () => 'key' };
      expectObservable(join(cold('(xyz)'), cold('---1-2-3'), numbered)).toBe('---p-q-r', {
        p: ['x', '1'],
        q: ['y', '2'],
        r: ['z', '3'],
      });
    }),
  );

  it(
    'lets the one that waits longest go when too many wait, of either side',
    marbles(({ hot, expectObservable, flush }) => {
      const heard: string[] = [];
      const left = hot(' a--c----b--');
      const right = hot('-B--D--A---');
      expectObservable(join(left, right, { maxWaiting: 2, heard }), '^----------!').toBe('-----------');
      flush();
      expect(heard).to.deep.equal(['a crowded-out', 'B crowded-out', 'c crowded-out', 'D crowded-out']);
    }),
  );

  it(
    'hands on at once what has no partner because the other stream has ended',
    marbles(({ hot, expectObservable, flush, expectNoTimersLeft }) => {
      const heard: string[] = [];
      const left = hot(' ab|        ');
      const right = hot('C---A-D-B--|');
      expectObservable(join(left, right, { heard })).toBe('----a---b--|', pairs);
      expectNoTimersLeft();
      flush();
      expect(heard).to.deep.equal(['C ended', 'D ended']);
    }),
  );

  it(
    'hands on what waits on both sides when both have ended, in the order it came',
    marbles(({ hot, expectObservable, flush }) => {
      const heard: string[] = [];
      expectObservable(join(hot('b-a---|'), hot('-C-D--|'), { heard })).toBe('------|');
      flush();
      expect(heard).to.deep.equal(['C ended', 'D ended', 'b ended', 'a ended']);
    }),
  );

  it(
    'completes with empty sources, and goes on for as long as one does',
    marbles(({ cold, expectObservable }) => {
      expectObservable(join(EMPTY, EMPTY)).toBe('|');
      expectObservable(join(cold('--|'), cold('----|'))).toBe('----|');
      expectObservable(join(NEVER, EMPTY)).toBe('-');
      expectObservable(join(EMPTY, NEVER)).toBe('-');
    }),
  );

  it(
    'fails with either stream, with a key and with the listener, and ends both',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const thrown = new TypeError('thrown');
      const throwing = (): never => {
        throw thrown;
      };
      const [left, right] = [cold('-a---'), cold('--B---')];
      expectObservable(join(left, cold('---#'))).toBe('---#');
      expectObservable(join(cold('---#'), right)).toBe('---#');
      expectObservable(join(left, right, { leftKey: throwing })).toBe('-#', undefined, thrown);
      expectObservable(join(left, right, { rightKey: throwing })).toBe('--#', undefined, thrown);
      expectObservable(join(left, right, { within: 3, onUnmatched: throwing })).toBe('----#', undefined, thrown);
      expectObservable(join(left, right, { maxWaiting: 1, onUnmatched: throwing })).toBe('--#', undefined, thrown);
      expectObservable(join(left, cold('---|'), { onUnmatched: throwing })).toBe('---#', undefined, thrown);
      expectSubscriptions(left.subscriptions).toBe(['^--!', '^!', '^-!', '^---!', '^-!', '^--!']);
      expectSubscriptions(right.subscriptions).toBe(['^--!', '^!', '^-!', '^---!', '^-!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'ends both streams and clears its timers when unsubscribed, and says nothing',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      const heard: string[] = [];
      const [left, right] = [cold('a-b--'), cold('-C---')];
      expectObservable(join(left, right, { heard }), '^---!').toBe('----');
      expectSubscriptions(left.subscriptions).toBe(' ^---!');
      expectSubscriptions(right.subscriptions).toBe('^---!');
      expectNoTimersLeft();
      flush();
      expect(heard).to.deep.equal([]);
    }),
  );

  it('sets no timer for a value whose key ends the result', () => {
    const [left, ended] = [new Subject<string>(), new Subject<string>()];
    const subscription = join(left, ended, {
      leftKey: (value) => {
        subscription.unsubscribe();
        return value;
      },
    }).subscribe();
    left.next('a');
    expect([left.observed, ended.observed]).to.deep.equal([false, false]);
  });

  it('lets a pair or an unmatched value feed the streams', () => {
    const [left, right] = [new Subject<string>(), new Subject<string>()];
    const seen: unknown[] = [];
    join(left, right, {
      maxWaiting: 1,
      onUnmatched: ({ value }) => {
        seen.push(value);
        if (value === 'x') right.next('Y');
      },
    }).subscribe((pair) => {
      seen.push(pair.join(''));
      if (pair[0] === 'a') left.next('b');
      if (pair[0] === 'a') right.next('B');
    });
    left.next('a');
    right.next('A');
    left.next('x');
    left.next('y');
    expect(seen).to.deep.equal(['aA', 'bB', 'x', 'yY']);
  });

  it(
    'waits for each subscription alone, again and again',
    marbles(({ cold, expectObservable }) => {
      const result = join(cold('a-|'), cold('-A|'));
      expectObservable(result).toBe('-a|', pairs);
      expectObservable(result, '-^').toBe('--a|', pairs);
      expectObservable(concat(result, result)).toBe('-a-a|', pairs);
    }),
  );

  it('holds 30 000 waiting values, and lets go of each without walking past the others', () => {
    const count = 30_000;
    const [left, right] = [new Subject<number>(), new Subject<number>()];
    let paired = 0;
    const subscription = joinByKey(left, right, {
      leftKey: (value) => value,
      rightKey: (value) => value,
      within: '1h',
      maxWaiting: count,
      onUnmatched: () => {},
    }).subscribe(() => paired++);
    for (let value = 0; value < count; value++) left.next(value);
    for (let value = 0; value < count; value++) right.next((value * 7_919) % count);
    expect(paired).to.equal(count);
    subscription.unsubscribe();
  });

  it('refuses options out of their range, by name', () => {
    expect(() => join(NEVER, NEVER, { within: 0 })).to.throw(RangeError, 'within: expected at least 1 ms, got 0 ms');
    expect(() => join(NEVER, NEVER, { maxWaiting: 0 })).to.throw(RangeError, 'maxWaiting');
  });

  it('accounts for every value once, keeps its bound, and pairs nothing that came too far apart', () => {
    interface Arrival {
      readonly id: number;
      readonly key: number;
      readonly at: number;
    }
    const arrivals = fc.array(fc.record({ key: fc.nat({ max: 3 }), at: fc.nat({ max: 30 }) }), { maxLength: 15 });
    fc.assert(
      fc.property(
        arrivals,
        arrivals,
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (lefts, rights, within, maxWaiting, ends) => {
          const accounted: number[] = [];
          let waiting = 0;
          let mostWaiting = 0;
          marbles(({ scheduler, flush, expectNoTimersLeft, subscribe }) => {
            const at = (ms: number, act: () => void) => subscribe(timer(ms).pipe(tap(act)));
            const [left, right] = [new Subject<Arrival>(), new Subject<Arrival>()];
            const result = joinByKey(left, right, {
              leftKey: ({ key }) => key,
              rightKey: ({ key }) => key,
              within,
              maxWaiting,
              onUnmatched: ({ value, reason }) => {
                accounted.push(value.id);
                waiting--;
                if (reason === 'timeout') expect(scheduler.now() - value.at).to.equal(within);
              },
            });
            result.subscribe(([one, other]) => {
              accounted.push(one.id, other.id);
              waiting -= 2;
              expect(one.key).to.equal(other.key);
              expect(Math.abs(one.at - other.at)).to.be.at.most(within);
            });
            const feed = (
              stream: Subject<Arrival>,
              list: readonly { key: number; at: number }[],
              offset: number,
            ): void => {
              for (const [index, { key, at: atMs }] of list.entries()) {
                at(atMs, () => {
                  waiting++;
                  stream.next({ id: index + offset, key, at: atMs });
                  mostWaiting = Math.max(mostWaiting, waiting);
                });
              }
            };
            feed(left, lefts, 0);
            feed(right, rights, 100);
            if (ends) {
              at(31, () => left.complete());
              at(32, () => right.complete());
              expectNoTimersLeft();
            }
            flush();
          })();
          const all = [...lefts.keys(), ...[...rights.keys()].map((index) => index + 100)];
          expect(accounted.toSorted((one, other) => one - other)).to.deep.equal(all);
          expect(mostWaiting).to.be.at.most(maxWaiting);
        },
      ),
      { numRuns: 300 },
    );
  });
});

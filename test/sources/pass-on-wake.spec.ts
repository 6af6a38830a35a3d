import { expect } from 'chai';
import { defer, of, Subject } from 'rxjs';
import { passOnWake } from '../../src/sources/pass-on-wake.ts';
import { marbles } from '../../src/testing/index.ts';

describe('passOnWake', () => {
  it(
    'makes one pass at a time, and one more for whatever wakes it meanwhile',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const wakes = hot('  a--bc-----d------|    ');
      const pass = cold('  --x--|                ');
      const passes = [
        '                  ^----!               ',
        '                  -----^----!          ',
        '                  ----------^----!     ',
      ];
      const expected = '   --x----x----x----|    ';

      expectObservable(wakes.pipe(passOnWake(pass))).toBe(expected);
      expectSubscriptions(pass.subscriptions).toBe(passes);
    }),
  );

  it(
    'completes after the pass under way, and the one that waits',
    marbles(({ cold, hot, expectObservable }) => {
      const wakes = hot('  ab|        ');
      const pass = cold('  --x--|     ');
      const expected = '   --x----x--|';

      expectObservable(wakes.pipe(passOnWake(pass))).toBe(expected);
    }),
  );

  it(
    'completes at once when nothing runs, and never when the source does not',
    marbles(({ cold, hot, expectObservable }) => {
      const pass = cold('-x|');
      expectObservable(hot('---|').pipe(passOnWake(pass))).toBe('---|');
      expectObservable(hot('a---').pipe(passOnWake(pass))).toBe('-x--');
    }),
  );

  it(
    'fails with the source and with a pass, and ends the other',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const pass = cold('       --x--|  ');
      const bad = cold('        --#     ');
      const wakes = hot('       a---b---');
      expectObservable(hot('    a--#    ').pipe(passOnWake(pass))).toBe('--x#');
      expectSubscriptions(pass.subscriptions).toBe('^--!');
      expectObservable(wakes.pipe(passOnWake(bad))).toBe('--#');
      expectSubscriptions(wakes.subscriptions).toBe('^-!');
    }),
  );

  it(
    'ends the pass under way when it is unsubscribed',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const pass = cold('--x--|');
      expectObservable(hot('a-----').pipe(passOnWake(pass)), '^--!').toBe('--x-');
      expectSubscriptions(pass.subscriptions).toBe('^--!');
    }),
  );

  it('makes one pass after the other where they end at once, also when they wake it themselves', () => {
    const wakes = new Subject<void>();
    let passes = 0;
    const pass = defer(() => {
      if (++passes < 5_000) wakes.next();
      return of(passes);
    });
    const seen: number[] = [];
    wakes.pipe(passOnWake(pass)).subscribe((value) => seen.push(value));
    wakes.next();
    expect(seen).to.have.length(5_000);
    wakes.next();
    expect(seen.at(-1)).to.equal(5_001);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { constantBackoff, decorrelatedBackoff, exponentialBackoff } from '../../src/policies/backoff.ts';
import { MAX_TIMER_MS } from '../../src/policies/duration.ts';

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const bounds = fc
  .tuple(fc.integer({ min: 0, max: MAX_TIMER_MS }), fc.integer({ min: 0, max: MAX_TIMER_MS }))
  .map(([one, other]) => ({ initialMs: Math.min(one, other), maxMs: Math.max(one, other) }));
const first = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('exponentialBackoff', () => {
  it('doubles from the initial pause up to the maximum', () => {
    const backoff = exponentialBackoff({ initialMs: 100, maxMs: 1_000, jitter: 'none' }, Math.random);
    expect(first(6).map(backoff)).to.deep.equal([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('grows by its factor', () => {
    const backoff = exponentialBackoff({ initialMs: 10, maxMs: 1_000, factor: 3, jitter: 'none' }, Math.random);
    expect(first(5).map(backoff)).to.deep.equal([10, 30, 90, 270, 810]);
  });

  it('draws under the ceiling of its attempt', () => {
    const full = exponentialBackoff({ initialMs: 100, maxMs: 1_000, jitter: 'full' }, () => 0.25);
    const equal = exponentialBackoff({ initialMs: 100, maxMs: 1_000, jitter: 'equal' }, () => 0.25);
    expect(first(5).map(full)).to.deep.equal([25, 50, 100, 200, 250]);
    expect(first(5).map(equal)).to.deep.equal([62.5, 125, 250, 500, 625]);
  });

  it('stays a pause of at most the maximum for any attempt, 10 000 and an initial 0 included', () => {
    for (const attempt of [1_023, 1_024, 1_025, 10_000, Number.MAX_SAFE_INTEGER]) {
      expect(exponentialBackoff({ initialMs: 100, maxMs: 5_000, jitter: 'none' }, Math.random)(attempt)).to.equal(
        5_000,
      );
      expect(exponentialBackoff({ initialMs: 0, maxMs: 5_000, jitter: 'none' }, Math.random)(attempt)).to.equal(0);
    }
    fc.assert(
      fc.property(
        bounds,
        fc.constantFrom('none', 'full', 'equal'),
        share,
        fc.integer({ min: 1, max: 10_000 }),
        (range, jitter, drawn, attempt) => {
          expect(exponentialBackoff({ ...range, jitter }, () => drawn)(attempt)).to.be.within(0, range.maxMs);
        },
      ),
    );
  });

  for (const [title, options] of [
    ['a negative initial pause', { initialMs: -1, maxMs: 10 }],
    ['an initial pause that is no number', { initialMs: Number.NaN, maxMs: 10 }],
    ['a maximum under the initial pause', { initialMs: 11, maxMs: 10 }],
    ['a maximum no timer can hold', { initialMs: 1, maxMs: MAX_TIMER_MS + 1 }],
    ['a shrinking factor', { initialMs: 1, maxMs: 10, factor: 0.9 }],
    ['a factor that is no number', { initialMs: 1, maxMs: 10, factor: Number.NaN }],
  ] as const) {
    it(`refuses ${title}`, () => {
      expect(() => exponentialBackoff({ ...options, jitter: 'none' }, Math.random)).to.throw(
        RangeError,
        /expected .* got/,
      );
    });
  }
});

describe('constantBackoff', () => {
  it('is the same after each attempt', () => expect(first(3).map(constantBackoff(250))).to.deep.equal([250, 250, 250]));

  it('refuses what is no pause', () => {
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, MAX_TIMER_MS + 1])
      expect(() => constantBackoff(ms)).to.throw(RangeError, `got ${ms}`);
  });
});

describe('decorrelatedBackoff', () => {
  it('draws between the initial pause and three times the last one, up to the maximum', () => {
    const pauses = (drawn: number): number[] => {
      const backoff = decorrelatedBackoff({ initialMs: 100, maxMs: 1_000 }, () => drawn);
      const made: number[] = [];
      for (const attempt of first(4)) made.push(backoff(attempt, undefined, made.at(-1) ?? 0));
      return made;
    };
    expect(pauses(0)).to.deep.equal([100, 100, 100, 100]);
    expect(pauses(0.5)).to.deep.equal([200, 350, 575, 912.5]);
    expect(pauses(1)).to.deep.equal([300, 900, 1_000, 1_000]);
  });

  it('gives the same for the same last pause, however often and by whomever it is asked', () => {
    const backoff = decorrelatedBackoff({ initialMs: 100, maxMs: 1_000 }, () => 0.5);
    expect([
      backoff(1, undefined, 0),
      backoff(1, undefined, 0),
      backoff(7, undefined, 200),
      backoff(2, undefined, 200),
    ]).to.deep.equal([200, 200, 350, 350]);
  });

  it('never leaves its range', () => {
    fc.assert(
      fc.property(bounds, share, fc.integer({ min: 0, max: MAX_TIMER_MS }), (range, drawn, previousMs) => {
        expect(decorrelatedBackoff(range, () => drawn)(1, undefined, previousMs)).to.be.within(
          range.initialMs,
          range.maxMs,
        );
      }),
    );
  });

  it('refuses bounds that hold no pause', () => {
    expect(() => decorrelatedBackoff({ initialMs: 2, maxMs: 1 }, Math.random)).to.throw(RangeError, 'maxMs');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { createRetryBudget, type RetryBudget } from '../../src/policies/retry-budget.ts';

const deposit = (budget: RetryBudget, calls: number, nowMs = 0): void => {
  for (let call = 0; call < calls; call++) budget.deposit(nowMs);
};
const withdrawAll = (budget: RetryBudget, nowMs = 0): number => {
  let retries = 0;
  while (budget.withdraw(nowMs)) retries++;
  return retries;
};

describe('createRetryBudget', () => {
  describe('as Finagle documents RetryBudget', () => {
    it('allows one retry for every ten calls at 0.1', () => {
      const budget = createRetryBudget({ ratio: 0.1, minimumPerSecond: 0 });
      deposit(budget, 9);
      expect(withdrawAll(budget)).to.equal(0);
      deposit(budget, 1);
      expect(withdrawAll(budget)).to.equal(1);
    });

    it('allows two for every call at 2', () => {
      const budget = createRetryBudget({ ratio: 2, minimumPerSecond: 0 });
      deposit(budget, 3);
      expect(withdrawAll(budget)).to.equal(6);
    });

    it('holds a reserve of its minimum rate times its window for those who have just started', () => {
      const budget = createRetryBudget({ ratio: 0.2, minimumPerSecond: 10, windowMs: 10_000 });
      expect(budget.balance(0)).to.equal(100);
      expect(withdrawAll(budget)).to.equal(100);
      expect(withdrawAll(budget, 9_999)).to.equal(0);
      expect(withdrawAll(budget, 10_000)).to.equal(100);
    });

    it('adds the share of calls to the reserve', () => {
      const budget = createRetryBudget({ ratio: 0.2, minimumPerSecond: 1, windowMs: 5_000 });
      deposit(budget, 50);
      expect(withdrawAll(budget)).to.equal(15);
    });

    it('lets deposits expire after its window', () => {
      const budget = createRetryBudget({ ratio: 1, minimumPerSecond: 0, windowMs: 10_000 });
      deposit(budget, 5);
      expect(budget.balance(9_999)).to.equal(5);
      expect(budget.balance(10_000)).to.equal(0);
    });

    it('never allows one with neither ratio nor minimum', () => {
      const budget = createRetryBudget({ ratio: 0, minimumPerSecond: 0 });
      deposit(budget, 100);
      expect(budget.withdraw(0)).to.equal(false);
    });
  });

  it('takes nothing out when there is too little', () => {
    const budget = createRetryBudget({ ratio: 0.5, minimumPerSecond: 0 });
    deposit(budget, 1);
    expect([budget.withdraw(0), budget.withdraw(0)]).to.deep.equal([false, false]);
    deposit(budget, 1);
    expect(budget.withdraw(0)).to.equal(true);
  });

  it('allows ten retries without a call by default', () => {
    expect(withdrawAll(createRetryBudget({ ratio: 0.2 }))).to.equal(10);
  });

  it('loses no retry to rounding', () => {
    for (const [ratio, calls] of [
      [0.1, 30],
      [0.29, 100],
      [0.2, 5],
      [0.7, 10],
    ] as const) {
      const budget = createRetryBudget({ ratio, minimumPerSecond: 0 });
      deposit(budget, calls);
      expect(withdrawAll(budget)).to.equal(Math.round(ratio * calls));
    }
  });

  it('is never overdrawn: in no window are there more retries than ratio × calls + reserve', () => {
    const step = fc.record({
      pauseMs: fc.nat({ max: 900 }),
      isRetry: fc.boolean(),
      times: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 3 }),
        (steps, tenths, minimumPerSecond) => {
          const ratio = tenths / 10;
          const budget = createRetryBudget({ ratio, minimumPerSecond, windowMs: 2_000 });
          const [calls, retries]: [number[], number[]] = [[], []];
          let nowMs = 0;
          for (const { pauseMs, isRetry, times } of steps) {
            nowMs += pauseMs;
            for (let time = 0; time < times; time++) {
              if (!isRetry) {
                budget.deposit(nowMs);
                calls.push(nowMs);
              } else if (budget.withdraw(nowMs)) retries.push(nowMs);
            }
            expect(budget.balance(nowMs)).to.be.at.least(0);
            // Slices are forgotten as a whole, so the retries of nine tenths of a window are paid by the calls of a whole one.
            const since = (moments: readonly number[], ms: number): number =>
              moments.filter((moment) => moment > nowMs - ms).length;
            expect(since(retries, 1_800)).to.be.at.most(ratio * since(calls, 3_800) + minimumPerSecond * 2 + 1e-6);
            // And from the beginning: each window brings its reserve once, no call pays twice.
            const windows = Math.floor(nowMs / 1_800) + 1;
            expect(retries.length).to.be.at.most(ratio * calls.length + minimumPerSecond * 2 * windows + 1e-6);
          }
        },
      ),
    );
  });

  for (const [option, value] of [
    ['ratio', -0.1],
    ['ratio', Number.NaN],
    ['ratio', Number.POSITIVE_INFINITY],
    ['minimumPerSecond', -1],
    ['windowMs', 0],
  ] as const) {
    it(`refuses ${option} ${value}`, () => {
      expect(() => createRetryBudget({ ratio: 0.2, [option]: value })).to.throw(
        RangeError,
        `${option}: expected a number`,
      );
      expect(() => createRetryBudget({ ratio: 0.2, [option]: value })).to.throw(RangeError, `got ${value}`);
    });
  }
});

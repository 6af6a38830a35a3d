import { expect } from 'chai';
import { LearnedQuota } from '../../src/policies/learned-quota.ts';

const quotaOf = (): LearnedQuota => new LearnedQuota(100, 10_000);

describe('LearnedQuota', () => {
  it('lets everything start before anything is told', () => {
    expect([quotaOf().waitMs(0), quotaOf().isAtRest(0)]).to.deep.equal([0, true]);
  });

  it('pauses, and does not shorten a pause that lasts longer', () => {
    const quota = quotaOf();
    expect(quota.pause(50, 0)).to.equal(50);
    expect(quota.pause(20, 10)).to.equal(undefined);
    expect([quota.waitMs(10), quota.waitMs(50)]).to.deep.equal([40, 0]);
    expect([quota.isAtRest(49), quota.isAtRest(50)]).to.deep.equal([false, true]);
  });

  it('pauses no longer than it may, whatever it is told', () => {
    const quota = quotaOf();
    expect(quota.pause(1e12, 0)).to.equal(10_000);
    for (const ms of [-5, 0, Number.NaN, Number.NEGATIVE_INFINITY]) expect(quotaOf().pause(ms, 0)).to.equal(undefined);
    expect(quotaOf().pause(Number.POSITIVE_INFINITY, 0)).to.equal(10_000);
  });

  it('lets start what is left, less what runs, and waits for the reset then', () => {
    const quota = quotaOf();
    quota.learn({ remaining: 3, resetAfterMs: 60 }, 1, 0);
    quota.take(0);
    expect(quota.waitMs(0)).to.equal(0);
    quota.take(1);
    expect([quota.waitMs(1), quota.waitMs(60)]).to.deep.equal([59, 0]);
    quota.take(60);
    expect(quota.waitMs(60)).to.equal(0);
  });

  it('believes the latest answer', () => {
    const quota = quotaOf();
    quota.learn({ remaining: 0, resetAfterMs: 60 }, 0, 0);
    expect(quota.waitMs(0)).to.equal(60);
    quota.learn({ remaining: 2, resetAfterMs: 30 }, 0, 5);
    expect(quota.waitMs(5)).to.equal(0);
  });

  it('takes the period for the reset when none is told, and ignores numbers that are none', () => {
    const quota = quotaOf();
    quota.learn({ remaining: 0, resetAfterMs: -4 }, 0, 0);
    expect(quota.waitMs(0)).to.equal(100);
    const unmoved = quotaOf();
    for (const remaining of [undefined, Number.NaN, -1, Number.POSITIVE_INFINITY]) unmoved.learn({ remaining }, 9, 0);
    expect(unmoved.waitMs(0)).to.equal(0);
  });
});

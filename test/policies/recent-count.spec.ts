import { expect } from 'chai';
import fc from 'fast-check';
import { RecentCount } from '../../src/policies/recent-count.ts';

describe('RecentCount', () => {
  it('counts what happened within the window and forgets it by tenths', () => {
    const count = new RecentCount(1_000);
    count.add(0);
    count.add(50);
    count.add(150);
    expect(count.total(999)).to.equal(3);
    expect(count.total(1_000)).to.equal(1);
    expect(count.total(1_099)).to.equal(1);
    expect(count.total(1_100)).to.equal(0);
  });

  it('has forgotten all after a long silence', () => {
    const count = new RecentCount(1_000);
    for (let ms = 0; ms < 1_000; ms += 10) count.add(ms);
    expect(count.total(1e12)).to.equal(0);
  });

  it('counts nothing less than nine tenths of the window, and nothing older than the window', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        pauses,
        fc.integer({ min: 10, max: 3_000 }),
        fc.nat({ max: 2_000 }),
        (pausesMs, windowMs, startMs) => {
          const count = new RecentCount(windowMs);
          const moments: number[] = [];
          let nowMs = startMs;
          for (const pauseMs of pausesMs) {
            nowMs += pauseMs;
            moments.push(nowMs);
            count.add(nowMs);
            const within = (ms: number): number => moments.filter((moment) => moment > nowMs - ms).length;
            expect(count.total(nowMs)).to.be.within(within(windowMs * 0.9), within(windowMs));
          }
        },
      ),
    );
  });

  it('forgets after a window at most when its clock is set back', () => {
    const count = new RecentCount(1_000);
    for (let ms = 3_600_000; ms < 3_601_000; ms += 100) count.add(ms);
    expect(count.total(500)).to.equal(10);
    expect(count.total(1_500)).to.equal(0);
  });

  it('knows moments with fractions', () => {
    const count = new RecentCount(3);
    count.add(0.25);
    expect([count.total(2.99), count.total(3.01)]).to.deep.equal([1, 0]);
  });
});

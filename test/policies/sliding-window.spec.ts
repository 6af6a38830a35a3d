import { expect } from 'chai';
import fc from 'fast-check';
import { SlidingWindow } from '../../src/policies/sliding-window.ts';

describe('SlidingWindow', () => {
  it('counts a start until exactly one period after it', () => {
    const window = new SlidingWindow({ requests: 2, periodMs: 100 });
    window.take(0);
    window.take(30);
    expect([30, 99, 100].map((nowMs) => window.waitMs(nowMs))).to.deep.equal([70, 1, 0]);
    window.take(100);
    expect(window.waitMs(100)).to.equal(30);
  });

  it('goes slower while it is limited to less, and never faster than it was made for', () => {
    const window = new SlidingWindow({ requests: 3, periodMs: 100 });
    window.take(0);
    window.limitTo(1);
    expect(window.waitMs(10)).to.equal(90);
    window.limitTo(1_000);
    window.take(10);
    window.take(20);
    expect(window.waitMs(20)).to.equal(80);
  });

  it('is at rest one period after the last start', () => {
    const window = new SlidingWindow({ requests: 3, periodMs: 100 });
    expect(window.isAtRest(0)).to.equal(true);
    window.take(5);
    expect([window.isAtRest(104), window.isAtRest(105)]).to.deep.equal([false, true]);
  });

  it('lets exactly those start that keep every span of the period within its limit', () => {
    const steps = fc.array(fc.nat({ max: 6 }), { maxLength: 200 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 50 }),
        steps,
        (requests, periodMs, gaps) => {
          const window = new SlidingWindow({ requests, periodMs });
          const starts: number[] = [];
          let nowMs = 0;
          for (const gap of gaps) {
            nowMs += gap;
            const within = starts.filter((at) => at > nowMs - periodMs);
            expect(window.waitMs(nowMs) === 0).to.equal(within.length < requests);
            if (within.length >= requests) {
              const [oldest = 0] = within;
              expect(window.waitMs(nowMs)).to.equal(oldest + periodMs - nowMs);
            } else {
              window.take(nowMs);
              starts.push(nowMs);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { AdaptiveThrottle, rejectRatio } from '../../src/policies/adaptive-throttle.ts';
import { seededRandom } from '../support/seeded-random.ts';

const rules = { windowMs: 120_000, multiplier: 2, minimumRequests: 0, maxRejectRatio: 1 };

describe('rejectRatio', () => {
  it('is the formula of the SRE book, equation 21-1', () => {
    expect(rejectRatio(0, 0, 2)).to.equal(0);
    expect(rejectRatio(100, 100, 2)).to.equal(0);
    expect(rejectRatio(100, 50, 2)).to.equal(0);
    expect(rejectRatio(100, 49, 2)).to.equal(2 / 101);
    expect(rejectRatio(99, 0, 2)).to.equal(0.99);
    expect(rejectRatio(99, 50, 1.1)).to.be.closeTo(0.44, 1e-12);
  });

  it('is a chance below 1, and less the more was accepted', () => {
    const counts = fc
      .tuple(fc.nat(), fc.nat())
      .map(([one, other]) => [Math.max(one, other), Math.min(one, other)] as const);
    fc.assert(
      fc.property(counts, fc.double({ min: 1, max: 10, noNaN: true }), ([requests, accepts], multiplier) => {
        const ratio = rejectRatio(requests, accepts, multiplier);
        expect(ratio >= 0 && ratio < 1).to.equal(true);
        expect(rejectRatio(requests, accepts + 1, multiplier)).to.be.at.most(ratio);
      }),
    );
  });
});

describe('AdaptiveThrottle', () => {
  it('counts what was accepted and what was not, over its window', () => {
    const throttle = new AdaptiveThrottle(rules);
    expect(throttle.rejectRatio(0)).to.equal(0);
    for (let request = 0; request < 10; request++) throttle.record(request < 2, 0);
    expect(throttle.rejectRatio(119_999)).to.equal(6 / 11);
    expect(throttle.rejectRatio(120_000)).to.equal(0);
  });

  it('turns nothing away before its minimum of requests', () => {
    const throttle = new AdaptiveThrottle({ ...rules, minimumRequests: 3 });
    throttle.record(false, 0);
    throttle.record(false, 0);
    expect(throttle.rejectRatio(0)).to.equal(0);
    throttle.record(false, 0);
    expect(throttle.rejectRatio(0)).to.equal(3 / 4);
  });

  /** A backend that accepts so many requests a second and refuses the rest, under 100 a second. What reached it in the last minute. */
  const load = (acceptsPerSecond: number, multiplier: number): { readonly sent: number; readonly accepted: number } => {
    const throttle = new AdaptiveThrottle({ ...rules, multiplier });
    const random = seededRandom(7);
    let [sent, accepted] = [0, 0];
    for (let second = 0; second < 600; second++) {
      let left = acceptsPerSecond;
      for (let request = 0; request < 100; request++) {
        const nowMs = second * 1_000 + request * 10;
        if (random() < throttle.rejectRatio(nowMs)) {
          throttle.record(false, nowMs);
          continue;
        }
        const isAccepted = left > 0;
        if (isAccepted) left--;
        throttle.record(isAccepted, nowMs);
        if (second < 540) continue;
        sent++;
        if (isAccepted) accepted++;
      }
    }
    return { sent, accepted };
  };

  it('lets about K requests through for each one that is accepted, as the book says of K = 2 and K = 1.1', () => {
    for (const [acceptsPerSecond, multiplier] of [
      [10, 2],
      [25, 2],
      [10, 1.1],
      [50, 1.1],
    ] as const) {
      const { sent, accepted } = load(acceptsPerSecond, multiplier);
      expect(sent / accepted).to.be.closeTo(multiplier, multiplier * 0.08);
      expect(accepted).to.be.at.least(acceptsPerSecond * 60 * 0.85);
    }
  });

  it('turns nothing away while half of the requests or more are accepted', () => {
    expect(load(50, 2).sent).to.be.at.least(5_900);
  });

  it('turns no larger share away than its maximum', () => {
    const throttle = new AdaptiveThrottle({ ...rules, maxRejectRatio: 0.9 });
    for (let request = 0; request < 100; request++) throttle.record(false, 0);
    expect(throttle.rejectRatio(0)).to.equal(0.9);
  });

  /** Seconds from the end of a total outage of five minutes until nothing is turned away, under 20 requests a second. */
  const recoverySeconds = (maxRejectRatio: number): number => {
    const throttle = new AdaptiveThrottle({ ...rules, maxRejectRatio });
    const random = seededRandom(3);
    const passSecond = (second: number, isUp: boolean): void => {
      for (let request = 0; request < 20; request++) {
        const nowMs = second * 1_000 + request * 50;
        throttle.record(random() >= throttle.rejectRatio(nowMs) && isUp, nowMs);
      }
    };
    for (let second = 0; second < 300; second++) passSecond(second, false);
    for (let second = 300; second < 2_000; second++) {
      if (throttle.rejectRatio(second * 1_000) === 0) return second - 300;
      passSecond(second, true);
    }
    return Number.POSITIVE_INFINITY;
  };

  it('lets all through again after a total outage, sooner with a maximum', () => {
    expect(recoverySeconds(0.9)).to.be.below(recoverySeconds(1) / 2);
    expect(recoverySeconds(0.9)).to.be.below(240);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { LatencyQuantile } from '../../src/policies/latency-quantile.ts';

const median = (window: number, minimum = 1): LatencyQuantile =>
  new LatencyQuantile({ quantileRatio: 0.5, window, minimum });

describe('LatencyQuantile', () => {
  it('is undefined until there are enough measurements', () => {
    const latency = median(10, 3);
    const seen = [5, 7, 6].map((ms) => {
      latency.record(ms);
      return latency.valueMs;
    });
    expect(seen).to.deep.equal([undefined, undefined, 6]);
  });

  it('is the nearest rank', () => {
    // The worked example of https://en.wikipedia.org/wiki/Percentile#Worked_examples_of_the_nearest-rank_method
    const at = (quantileRatio: number): number | undefined => {
      const latency = new LatencyQuantile({ quantileRatio, window: 9, minimum: 1 });
      for (const ms of [50, 15, 40, 20, 35]) latency.record(ms);
      return latency.valueMs;
    };
    expect([0.05, 0.3, 0.4, 0.5, 1].map(at)).to.deep.equal([15, 20, 20, 35, 50]);
  });

  it('follows the latest measurements and forgets the oldest', () => {
    const latency = median(3);
    for (const ms of [900, 900, 900, 1, 2]) latency.record(ms);
    expect(latency.valueMs).to.equal(2);
    latency.record(3);
    expect(latency.valueMs).to.equal(2);
  });

  it('equals the quantile of the sorted window, whatever came', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0.5, 0.75, 0.9, 0.99),
        (latencies, window, quantileRatio) => {
          const latency = new LatencyQuantile({ quantileRatio, window, minimum: 1 });
          for (const ms of latencies) latency.record(ms);
          const kept = latencies.slice(-window).sort((a, b) => a - b);
          expect(latency.valueMs).to.equal(kept[Math.ceil(quantileRatio * kept.length) - 1]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

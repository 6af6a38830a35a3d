import { expect } from 'chai';
import fc from 'fast-check';
import { TokenBucket } from '../../src/policies/token-bucket.ts';

/** Takes at each moment as many as wanted there, where there are tokens. @returns the moments of the starts. */
function startsOf(
  bucket: TokenBucket,
  wishes: readonly { readonly afterMs: number; readonly wanted: number }[],
): number[] {
  const starts: number[] = [];
  let nowMs = 0;
  for (const { afterMs, wanted } of wishes) {
    nowMs += afterMs;
    for (let left = wanted; left > 0 && bucket.waitMs(nowMs) === 0; left--) {
      bucket.take(nowMs);
      starts.push(nowMs);
    }
  }
  return starts;
}

describe('TokenBucket', () => {
  it('starts full, and says when the next token is there', () => {
    const bucket = new TokenBucket({ requests: 10, periodMs: 1_000, burst: 2 });
    bucket.take(5);
    bucket.take(5);
    expect(bucket.waitMs(5)).to.equal(100);
    expect(bucket.waitMs(65)).to.equal(40);
    expect(bucket.waitMs(105)).to.equal(0);
  });

  it('begins with fewer tokens when asked to', () => {
    const bucket = new TokenBucket({ requests: 1, periodMs: 10, burst: 5, tokens: 0 });
    expect([bucket.waitMs(0), bucket.waitMs(4), bucket.waitMs(10)]).to.deep.equal([10, 6, 0]);
  });

  it('holds no more than its burst, however long nothing starts', () => {
    const bucket = new TokenBucket({ requests: 5, periodMs: 10, burst: 3 });
    expect(startsOf(bucket, [{ afterMs: 100_000, wanted: 10 }])).to.have.length(3);
    expect(startsOf(bucket, [{ afterMs: 200_000, wanted: 10 }])).to.have.length(3);
  });

  it('loses and wins nothing by rounding: a third of a token a millisecond is 100 000 in 300 seconds', () => {
    const bucket = new TokenBucket({ requests: 1, periodMs: 3, burst: 1 });
    let starts = 0;
    for (let nowMs = 0; nowMs < 300_000; nowMs++) {
      if (bucket.waitMs(nowMs) > 0) continue;
      bucket.take(nowMs);
      starts++;
    }
    expect(starts).to.equal(100_000);
  });

  it('goes slower while it is limited to less, and never faster than it was made for', () => {
    const bucket = new TokenBucket({ requests: 10, periodMs: 100, burst: 10 });
    bucket.limitTo(2);
    expect(startsOf(bucket, [{ afterMs: 0, wanted: 10 }])).to.have.length(2);
    expect(bucket.waitMs(0)).to.equal(50);
    bucket.limitTo(1_000);
    expect(bucket.waitMs(0)).to.equal(10);
    expect(startsOf(bucket, [{ afterMs: 100_000, wanted: 50 }])).to.have.length(10);
  });

  it('is at rest when it is full again', () => {
    const bucket = new TokenBucket({ requests: 1, periodMs: 10, burst: 2 });
    expect(bucket.isAtRest(0)).to.equal(true);
    bucket.take(0);
    expect([bucket.isAtRest(9), bucket.isAtRest(10)]).to.deep.equal([false, true]);
  });

  it('lets no more than burst + rate × t start in any span of t, and all of that when wanted', () => {
    const wishes = fc.array(fc.record({ afterMs: fc.nat({ max: 40 }), wanted: fc.nat({ max: 12 }) }), {
      maxLength: 40,
    });
    const positive = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(positive, positive, positive, wishes, (requests, periodMs, burst, wished) => {
        const starts = startsOf(new TokenBucket({ requests, periodMs, burst }), wished);
        starts.forEach((from, first) => {
          starts.slice(first).forEach((to, further) => {
            expect(further + 1).to.be.at.most(burst + ((to - from) * requests) / periodMs);
          });
        });
        const endMs = wished.reduce((sum, { afterMs }) => sum + afterMs, 0);
        const greedy = new TokenBucket({ requests, periodMs, burst: burst + requests });
        const everyMs = Array.from({ length: endMs + 1 }, (_, ms) => ({ afterMs: Math.min(ms, 1), wanted: 1_000 }));
        expect(startsOf(greedy, everyMs)).to.have.length(burst + requests + Math.floor((endMs * requests) / periodMs));
      }),
      { numRuns: 200 },
    );
  });
});

import { expect } from 'chai';
import { canReplaceFailure, freshnessAt } from '../../src/policies/freshness.ts';

describe('freshnessAt', () => {
  const agesOf = (staleWhileRevalidateMs: number, staleIfErrorMs: number): string[] =>
    [0, 9, 10, 12, 13, 16, 17].map((ageMs) =>
      freshnessAt(ageMs, { ttlMs: 10, staleWhileRevalidateMs, staleIfErrorMs }),
    );

  it('counts both limits from the end of freshness, each for itself', () => {
    expect(agesOf(3, 7)).to.deep.equal(['fresh', 'fresh', 'stale', 'stale', 'spare', 'spare', 'expired']);
    expect(agesOf(7, 3)).to.deep.equal(['fresh', 'fresh', 'stale', 'stale', 'stale', 'stale', 'expired']);
    expect(agesOf(3, 0)).to.deep.equal(['fresh', 'fresh', 'stale', 'stale', 'expired', 'expired', 'expired']);
    expect(agesOf(0, 7)).to.deep.equal(['fresh', 'fresh', 'spare', 'spare', 'spare', 'spare', 'expired']);
  });

  it('lets an answer stand in for a failure only as long as it was said to', () => {
    const limits = { ttlMs: 10, staleWhileRevalidateMs: 99, staleIfErrorMs: 3 };
    expect([0, 12, 13].map((ageMs) => canReplaceFailure(ageMs, limits))).to.deep.equal([true, true, false]);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { RecentKeys } from '../../src/policies/recent-keys.ts';

describe('RecentKeys', () => {
  it('knows a key until its time is over', () => {
    const recent = new RecentKeys<string>(10, 99);
    expect(recent.isRepeat('a', 0)).to.equal(false);
    expect(recent.isRepeat('a', 9)).to.equal(true);
    expect(recent.isRepeat('a', 10)).to.equal(false);
  });

  it('does not renew the time of a key that is asked for again', () => {
    const recent = new RecentKeys<string>(10, 99);
    const asked = Array.from({ length: 31 }, (_, now) => recent.isRepeat('a', now));
    expect(asked.flatMap((isRepeat, now) => (isRepeat ? [] : [now]))).to.deep.equal([0, 10, 20, 30]);
  });

  it('forgets the oldest when it knows as many as it may', () => {
    const recent = new RecentKeys<string>(10, 2);
    for (const key of 'abc') recent.isRepeat(key, 0);
    expect(recent.size).to.equal(2);
    expect(recent.isRepeat('c', 1)).to.equal(true);
    expect(recent.isRepeat('b', 1)).to.equal(true);
    expect(recent.isRepeat('a', 1)).to.equal(false);
  });

  it('knows nothing for a time of 0', () => {
    const recent = new RecentKeys<string>(0, 2);
    expect([recent.isRepeat('a', 5), recent.isRepeat('a', 5), recent.size]).to.deep.equal([false, false, 0]);
  });

  it('compares keys as a Map does', () => {
    const recent = new RecentKeys<unknown>(10, 9);
    const key = {};
    expect([Number.NaN, Number.NaN, key, key, {}].map((value) => recent.isRepeat(value, 0))).to.deep.equal([
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  it('forgets 200 000 keys without moving what stays each time', () => {
    const recent = new RecentKeys<number>(1_000, 100_000);
    for (let key = 0; key < 200_000; key++) recent.isRepeat(key, key / 100);
    expect(recent.size).to.equal(100_000);
  });

  it('never remembers more than its bound, and answers as a plain list of what was seen', () => {
    const question = fc.record({ key: fc.nat({ max: 5 }), afterMs: fc.nat({ max: 6 }) });
    fc.assert(
      fc.property(
        fc.array(question, { maxLength: 60 }),
        fc.nat({ max: 10 }),
        fc.integer({ min: 1, max: 4 }),
        (questions, ttlMs, maxKeys) => {
          const recent = new RecentKeys<number>(ttlMs, maxKeys);
          let now = 0;
          let seen: { key: number; at: number }[] = [];
          for (const { key, afterMs } of questions) {
            now += afterMs;
            seen = seen.filter(({ at }) => now - at < ttlMs);
            const isKnown = seen.some((one) => one.key === key);
            expect(recent.isRepeat(key, now)).to.equal(isKnown);
            if (!isKnown && ttlMs > 0) seen = [...seen, { key, at: now }].slice(-maxKeys);
            expect(recent.size).to.equal(seen.length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

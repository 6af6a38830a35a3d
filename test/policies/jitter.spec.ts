import { expect } from 'chai';
import fc from 'fast-check';
import { jittered } from '../../src/policies/jitter.ts';

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const ceiling = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('jittered', () => {
  it('takes the ceiling without jitter, and draws nothing', () => {
    const random = (): number => {
      throw new Error('drawn');
    };
    expect(jittered(800, 'none', random)).to.equal(800);
  });

  it('draws from nothing to the ceiling for full, from half of it for equal', () => {
    expect([0, 0.5, 0.999].map((drawn) => jittered(1000, 'full', () => drawn))).to.deep.equal([0, 500, 999]);
    expect([0, 0.5, 0.998].map((drawn) => jittered(1000, 'equal', () => drawn))).to.deep.equal([500, 750, 999]);
  });

  it('never leaves its range', () => {
    fc.assert(
      fc.property(share, ceiling, (drawn, ceilingMs) => {
        expect(jittered(ceilingMs, 'full', () => drawn)).to.be.within(0, ceilingMs);
        expect(jittered(ceilingMs, 'equal', () => drawn)).to.be.within(ceilingMs / 2, ceilingMs);
      }),
    );
  });
});

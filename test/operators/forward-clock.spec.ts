import { expect } from 'chai';
import { asyncScheduler } from 'rxjs';
import sinon from 'sinon';
import { ForwardClock } from '../../src/operators/forward-clock.ts';

describe('ForwardClock', () => {
  it('goes on from where it was when the clock of RxJS is set back', () => {
    let nowMs = 1_000;
    const stub = sinon.stub(asyncScheduler, 'now').callsFake(() => nowMs);
    try {
      const clock = new ForwardClock();
      const seen = [1_000, 1_010, 10, 20, 5, 2_000].map((at) => {
        nowMs = at;
        return clock.now();
      });
      expect(seen).to.deep.equal([1_000, 1_010, 1_010, 1_020, 1_020, 3_015]);
    } finally {
      stub.restore();
    }
  });
});

/** Several workers' readiness as one. */
import { expect } from 'chai';
import { fleetReadiness, type Member } from '../../../src/cli/workers/fleet-readiness.ts';

const ready: Member = { number: 1, readiness: { isReady: true, state: 'running', waiting: {} }, empty: '' };
const paused: Member = {
  number: 2,
  readiness: { isReady: false, state: 'running', waiting: { orders: 'circuit open' }, broker: 'lost: gone' },
  empty: '',
};
const gone: Member = { number: 3, readiness: undefined, empty: 'ended by SIGKILL, is started again' };

describe('the readiness of several workers', () => {
  it('is theirs where all are ready', () => {
    expect(fleetReadiness([ready, { ...ready, number: 2 }], false)).to.deep.equal({
      isReady: true,
      state: 'running',
      waiting: {},
    });
  });

  it('is not there while one does not take messages, and says which and why', () => {
    expect(fleetReadiness([ready, paused], false)).to.deep.equal({
      isReady: false,
      state: 'running',
      waiting: { 'worker 2: orders': 'circuit open' },
      broker: 'worker 2: lost: gone',
    });
    expect(fleetReadiness([ready, gone], false)).to.deep.equal({
      isReady: false,
      state: 'starting',
      waiting: { 'worker 3': 'ended by SIGKILL, is started again' },
    });
  });

  it('is over when all are told to stop', () => {
    expect(fleetReadiness([ready], true)).to.deep.include({ isReady: false, state: 'draining' });
  });
});

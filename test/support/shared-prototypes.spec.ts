import { expect } from 'chai';
import { SharedPrototypes } from './shared-prototypes.ts';

describe('the check that follows every test', () => {
  it('S5: tells what was added to a prototype that all objects share, and takes it away', () => {
    const prototypes = new SharedPrototypes();
    prototypes.requireUntouched();
    Object.defineProperty(Object.prototype, 'polluted', { value: true, configurable: true });
    expect(() => prototypes.requireUntouched()).to.throw('prototypes were polluted: Object.prototype.polluted');
    expect('polluted' in {}).to.equal(false);
    prototypes.requireUntouched();
  });
});

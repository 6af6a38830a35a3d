import { expect } from 'chai';
import { exactPattern } from '../../src/broker/permissions.ts';

describe('a pattern of permissions', () => {
  it('fits the names it is made of, and nothing else', () => {
    const names = ['orders', 'orders.placed', 'a+b (c)', 'x|y', '^$', 'back\\slash'];
    const pattern = new RegExp(exactPattern(names), 'u');
    for (const name of names) expect(pattern.test(name), name).to.equal(true);
    for (const other of ['ordersXplaced', 'orders.placed.dead', 'my.orders', 'x', ''])
      expect(pattern.test(other), other).to.equal(false);
  });

  it('fits nothing where there are no names', () => {
    expect(exactPattern([])).to.equal('^$');
  });
});

import { expect } from 'chai';
import { exchange } from '../../src/broker/exchange.ts';

describe('exchange', () => {
  it('refuses a name or a routing key that is left out, and takes an empty key', () => {
    const given = exchange as (...values: readonly unknown[]) => unknown;
    const expected = 'expected its name and a routing key, which may be empty';
    expect(() => given('orders')).to.throw(TypeError, `exchange("orders", undefined): ${expected}`);
    expect(() => given(undefined, 'x')).to.throw(TypeError, `exchange(undefined, "x"): ${expected}`);
    expect(() => given(5n, 'x')).to.throw(TypeError, `exchange(5, "x"): ${expected}`);
    expect(exchange('orders', '')).to.deep.equal({ kind: 'exchange', exchange: 'orders', routingKey: '' });
  });

  it('has its options beside it, and refuses one it does not have with its name and key', () => {
    const options = { mandatory: false, headers: { a: 'b' }, priority: 3 };
    const destination = { kind: 'exchange', exchange: 'orders', routingKey: 'x' };
    expect(exchange('orders', 'x', options)).to.deep.equal({ ...destination, ...options });
    expect(() => exchange('orders', 'x', { priority: 3, ...{ routingKey: 'y' } })).to.throw(
      TypeError,
      'exchange("orders", "x"): no option "routingKey", only mandatory, headers, priority',
    );
    expect(() => exchange('orders', 'x', { type: 'direct' } as object)).to.throw(
      TypeError,
      'exchange("orders", "x"): no option "type", only mandatory, headers, priority; an exchange\'s type belongs into publishes: [{ exchange: "orders", type: "direct" }]',
    );
  });
});

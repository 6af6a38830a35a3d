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

  it('refuses an option with a wrong value: who has no types would learn of it from the broker, or never', () => {
    for (const [options, problem] of [
      [{ mandatory: 'no' }, 'mandatory: expected true or false, got a string'],
      [{ headers: 'a=b' }, 'headers: expected an object of headers by name, got a string'],
      [{ headers: ['a'] }, 'headers: expected an object of headers by name, got a list'],
      [{ headers: new Map([['a', 'b']]) }, 'headers: expected an object of headers by name, got a Map'],
      [{ headers: null }, 'headers: expected an object of headers by name, got null'],
      [{ priority: 'high' }, 'priority: expected a whole number from 0 to 255, got a string'],
      [{ priority: 256 }, 'priority: expected a whole number from 0 to 255, got 256'],
      [{ priority: -1 }, 'priority: expected a whole number from 0 to 255, got -1'],
      [{ priority: 0.5 }, 'priority: expected a whole number from 0 to 255, got 0.5'],
    ] as const)
      expect(() => exchange('orders', 'x', options as object)).to.throw(
        TypeError,
        `exchange("orders", "x"): ${problem}`,
      );
    for (const priority of [0, 255]) expect(exchange('orders', 'x', { priority }).priority).to.equal(priority);
  });
});

/** Exchanges that a publish may not go to, without a broker. In virtual time. */
import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import sinon from 'sinon';
import { createExchangeGate, type ExchangeGate } from '../../../src/broker/amqp/exchange-gate.ts';
import type { Link } from '../../../src/broker/amqp/link.ts';
import { type SluiceError, TopologyError } from '../../../src/errors.ts';

describe('an exchange that the broker user may not write to', () => {
  let clock: sinon.SinonFakeTimers;
  let looks: string[];
  let gate: ExchangeGate;
  const cause = new Error('closed');
  const refusal = new TopologyError('exchange "out": the broker user may not write to it', { cause });

  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: 1_000_000 });
    looks = [];
    const channel = Object.assign(new EventEmitter(), {
      checkExchange: (name: string) => Promise.resolve(looks.push(name)),
      close: () => Promise.resolve(),
    });
    const link = {
      model: { createChannel: () => Promise.resolve(channel) },
      isOpen: true,
      ask: (told: unknown) => told,
    };
    gate = createExchangeGate(link as unknown as Link, (error) => {
      throw error;
    });
  });
  afterEach(() => clock.restore());

  const look = async (exchange = 'out'): Promise<SluiceError | undefined> => {
    let answered: SluiceError | undefined;
    gate.look(exchange, (found) => {
      answered = found;
    });
    await clock.tickAsync(0);
    return answered;
  };

  it('is refused for half a minute without asking, and says that it is from memory, and how long for', async () => {
    gate.refuse('out', refusal);
    const told: (string | undefined)[] = [];
    for (const afterMs of [0, 3_500, 26_000]) {
      await clock.tickAsync(afterMs);
      const answer = await look();
      expect(answer).to.be.instanceOf(TopologyError).and.include({ cause });
      told.push(answer?.message);
    }
    const of = (ago: number, left: number) =>
      `exchange "out": the broker user may not write to it; the broker said so ${ago} s ago, and is not asked again for ${left} s`;
    expect(told).to.deep.equal([of(0, 30), of(3, 27), of(29, 1)]);
    expect(looks).to.deep.equal([]);

    await clock.tickAsync(500);
    expect(await look()).to.equal(undefined);
    expect([looks, gate.isOpenFor('out')]).to.deep.equal([['out'], true]);
  });

  it('says nothing of another', async () => {
    gate.refuse('out', refusal);
    expect(await look('other')).to.equal(undefined);
    expect([gate.isOpenFor('other'), gate.isOpenFor('out')]).to.deep.equal([true, false]);
  });
});

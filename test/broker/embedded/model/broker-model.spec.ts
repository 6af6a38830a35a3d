/** What the model hands out, and to whom. */
import { expect } from 'chai';
import { BrokerModel } from '../../../../src/broker/embedded/model/broker-model.ts';
import type { Channel } from '../../../../src/broker/embedded/model/channel.ts';

const message = { exchange: '', routingKey: 'own', properties: {}, body: Buffer.from('{}') };

describe('the model of a broker', () => {
  for (const [what, isEndless] of [
    ['hands out what comes of a message, however often', false],
    ['says so where that has no end', true],
  ] as const)
    it(what, () => {
      const model = new BrokerModel({ now: () => 0, random: () => 0.5 });
      let came = 0;
      const channel: Channel = model.openChannel(model.openConnection('test'), ({ kind }) => {
        if (kind === 'deliver' && (++came < 1_000 || isEndless)) model.publish(channel, message);
      });
      model.declareQueue(channel, { queue: 'own', durable: true, arguments: new Map() });
      model.consume(channel, { queue: 'own', consumerTag: 'c', noAck: true });
      model.publish(channel, message);
      if (isEndless) expect(() => model.flush()).to.throw(RangeError, 'without end');
      else model.flush();
      expect(came).to.be.at.least(1_000);
    });
});

/** What one client may send must not end the process, nor hurt the clients beside it. */
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { expect } from 'chai';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../support/eventually.ts';

describe('the embedded broker and a hostile client', () => {
  let broker: EmbeddedBroker;
  let connection: ChannelModel;
  let channel: Channel;

  beforeEach(async () => {
    broker = createEmbeddedBroker();
    connection = await amqp.connect((await broker.start()).url);
    channel = await connection.createChannel();
  });
  afterEach(async () => {
    await connection.close().catch(() => {});
    await broker.stop();
  });
  const depthOf = async (queue: string) => (await channel.checkQueue(queue)).messageCount;

  for (const count of ['abc', 1.5, -3]) {
    it(`takes a forged x-death count of ${count} for none`, async () => {
      await channel.assertQueue('dead');
      const dies = { messageTtl: 1, deadLetterExchange: '', deadLetterRoutingKey: 'dead' };
      await channel.assertQueue('q', dies);
      const forged = [{ queue: 'q', reason: 'expired', count }];
      channel.sendToQueue('q', Buffer.from('x'), { headers: { 'x-death': forged } });
      await eventually('it is dead-lettered', async () => (await depthOf('dead')) === 1);
      const message = await channel.get('dead', { noAck: true });
      if (message === false) return expect.fail('no dead letter');
      expect(message.properties.headers?.['x-death']?.[0]?.count).to.equal(1);
    });
  }

  it('takes a message through 3 000 queues that dead-letter at once, each into the next', async () => {
    const length = 3_000;
    for (let n = 0; n < length; n++) {
      const next = { deadLetterExchange: '', deadLetterRoutingKey: `chain.${n + 1}` };
      channel.assertQueue(`chain.${n}`, { messageTtl: n === 0 ? 20 : 0, ...next }).catch(() => {});
    }
    await channel.assertQueue(`chain.${length}`);
    channel.sendToQueue('chain.0', Buffer.from('x'));
    await eventually('it is through', async () => (await depthOf(`chain.${length}`)) === 1, 50_000);
  });

  it('routes a key of 100 words by a pattern of eight # without trying every way', async () => {
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'amq.topic', Array(8).fill('#').join('.x.'));
    channel.publish('amq.topic', Array(100).fill('w').join('.'), Buffer.from('no'));
    channel.publish('amq.topic', Array(100).fill('x').join('.'), Buffer.from('yes'));
    await eventually('it is routed', async () => (await depthOf('q')) === 1);
    const message = await channel.get('q', { noAck: true });
    expect(message === false ? '' : message.content.toString()).to.equal('yes');
  });

  it('hands on headers and ids that are no UTF-8 in frames that can be read', async () => {
    await channel.assertQueue('q');
    const odd = Buffer.alloc(200, 0xff).toString('latin1');
    channel.sendToQueue('q', Buffer.from('x'), { messageId: odd.slice(0, 100), headers: { [odd.slice(0, 100)]: 1 } });
    await eventually('it is routed', async () => (await depthOf('q')) === 1);
    expect(await channel.get('q', { noAck: true })).to.not.equal(false);
    expect(await depthOf('q')).to.equal(0);
  });

  it('lets time go on after it was stopped and started', async () => {
    await channel.assertQueue('dead');
    await channel.assertQueue('q', { messageTtl: 300, deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
    channel.sendToQueue('q', Buffer.from('x'));
    // On a busy machine its time may be over before anybody looks.
    await eventually('it is there', async () => (await depthOf('q')) + (await depthOf('dead')) === 1);
    await connection.close();
    await broker.stop();
    connection = await amqp.connect((await broker.start()).url);
    channel = await connection.createChannel();
    await eventually('it is dead-lettered', async () => (await depthOf('dead')) === 1);
  });
});

import { connect } from 'amqplib';
import { expect } from 'chai';
import { describeWithOwnRabbitMq, describeWithRabbitMq, startPrivateRabbitMq } from './rabbitmq.ts';

describeWithRabbitMq('the shared RabbitMQ', (broker) => {
  it('accepts connections', async () => {
    const connection = await connect(broker().url);
    await connection.close();
  });
});

describeWithOwnRabbitMq('a private RabbitMQ', () => {
  it('comes back after a kill with its durable queues, and is gone after stop', async () => {
    const broker = await startPrivateRabbitMq();
    try {
      const first = await connect(broker.url);
      first.on('error', () => {});
      const channel = await first.createChannel();
      await channel.assertQueue('kept', { durable: true });
      // Which queues there are it writes down when it has the time: a kill may come before.
      await broker.control('eval', 'mnesia:sync_log().');
      await broker.kill();
      await broker.restart();
      const second = await connect(broker.url);
      await (await second.createChannel()).checkQueue('kept');
      await second.close();
      expect(await broker.control('list_queues', 'name')).to.contain('kept');
    } finally {
      await broker.stop();
    }
    const refusal = await connect(broker.url).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
    expect(refusal).to.not.equal('accepted');
  });
});

import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { rabbitMqUnderTest } from '../broker/amqp/rabbitmq-under-test.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { type AskedBroker, requestsContract } from './requests-cases.ts';

const asked = (url: string, stop: () => Promise<void>): Promise<AskedBroker> =>
  rabbitMqUnderTest(url).then(({ createBroker, admin, ...proxied }) => ({
    createBroker,
    declareQueue: (name) => admin.declareQueue(name),
    deleteQueue: admin.deleteQueue,
    cutConnections: admin.cutConnections,
    async stop() {
      await proxied.stop();
      await stop();
    },
  }));

describe('requests over the embedded broker', () => {
  requestsContract(async () => {
    const broker = createEmbeddedBroker();
    const { url } = await broker.start();
    return asked(url, () => broker.stop());
  });
});

describeWithRabbitMq('requests over RabbitMQ', (broker) => {
  requestsContract(() => asked(broker().url, () => Promise.resolve()));
});

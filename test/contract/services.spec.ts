import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { servicesContract } from './services-cases.ts';

describe('services over the embedded broker', () => {
  servicesContract(async () => {
    const broker = createEmbeddedBroker();
    const { url } = await broker.start();
    return { url, stop: () => broker.stop() };
  });
});

describeWithRabbitMq('services over RabbitMQ', (broker) => {
  servicesContract(() => Promise.resolve({ url: broker().url, stop: () => Promise.resolve() }));
});

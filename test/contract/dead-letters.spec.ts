import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { deadLettersCases } from './dead-letters-cases.ts';

describe('a look into a queue of the embedded broker', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  before(async () => {
    ({ url } = await broker.start());
  });
  deadLettersCases(() => url);
  after(() => broker.stop());
});

describeWithRabbitMq('a look into a queue of RabbitMQ', (rabbitMq) => {
  deadLettersCases(() => rabbitMq().url);
});

import { rabbitMqUnderTest } from '../broker/amqp/rabbitmq-under-test.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { brokerPortContract } from './broker-port.ts';

describeWithRabbitMq('the broker port over RabbitMQ', (broker) => {
  brokerPortContract(() => rabbitMqUnderTest(broker().url));
});

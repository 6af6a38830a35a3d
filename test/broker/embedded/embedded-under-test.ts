/** The broker in process for the port contract: ports and an administrator share one model. */
import { createEmbeddedPort } from '../../../src/broker/embedded/embedded-port.ts';
import { type Field, longstr, type Table } from '../../../src/broker/embedded/model/field.ts';
import { InProcessBroker } from '../../../src/broker/embedded/port/in-process-broker.ts';
import type { BrokerUnderTest, QueueArguments } from '../../contract/broker-port.ts';

export function embeddedUnderTest(): BrokerUnderTest {
  const broker = new InProcessBroker({ random: Math.random });
  const connection = broker.model.openConnection('admin');
  const channel = broker.model.openChannel(connection, () => {});
  const does = (act: () => unknown): Promise<void> => {
    broker.run(act);
    return Promise.resolve();
  };
  const { model } = broker;
  return {
    createBroker: () => createEmbeddedPort(broker, { reconnectMs: 20 }),
    admin: {
      declareQueue: (name, args = {}) =>
        does(() => model.declareQueue(channel, { queue: name, durable: true, arguments: tableOf(args) })),
      deleteQueue: (name) => does(() => model.deleteQueue(channel, { queue: name })),
      declareExchange: (name, type) => does(() => model.declareExchange({ exchange: name, type, durable: true })),
      deleteExchange: (name) => does(() => model.deleteExchange({ exchange: name })),
      bind: (queue, exchange, key) => does(() => model.bindQueue(channel, { queue, source: exchange, key })),
      unbind: (queue, exchange, key) => does(() => model.unbindQueue(channel, { queue, source: exchange, key })),
      ready: (queue) => Promise.resolve(model.queueDepth(queue).ready),
      cutConnections: () => does(() => broker.cutConnections()),
      publishRaw: (queue, body, headers) =>
        does(() =>
          model.publish(channel, {
            exchange: '',
            routingKey: queue,
            body,
            properties: {
              headers: new Map(Object.entries(headers).map(([name, value]) => [name, longstr(String(value))])),
            },
          }),
        ),
    },
    stop: () => does(() => model.closeConnection(connection)),
  };
}

const tableOf = (args: QueueArguments): Table =>
  new Map(Object.entries(args).map(([name, value]) => [name, fieldOf(value)]));

function fieldOf(value: string | number | boolean): Field {
  if (typeof value === 'string') return longstr(value);
  return typeof value === 'number' ? { type: 'long', value } : { type: 'bool', value };
}

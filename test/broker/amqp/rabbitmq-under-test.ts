/** RabbitMQ for the contract suite: the adapter goes through a proxy, the administrator straight to the broker. */
import { type Channel, connect } from 'amqplib';
import { createAmqpBroker } from '../../../src/broker/amqp/create-amqp-broker.ts';
import type { AmqpBrokerOptions } from '../../../src/broker/amqp/options.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { Asking } from '../../../src/broker/requests.ts';
import type { BrokerAdmin, BrokerUnderTest } from '../../contract/broker-port.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

/** The same broker behind another port on loopback. */
export function throughPort(url: string, port: number): string {
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  return through.href;
}

export function createTestBroker(url: string, options: Partial<AmqpBrokerOptions> = {}): Broker & Asking {
  return createAmqpBroker({ urls: [url], random: Math.random, reconnect: { initialMs: 20, maxMs: 200 }, ...options });
}

interface AmqpUnderTest extends BrokerUnderTest {
  createBroker(): Broker & Asking;
}

export async function rabbitMqUnderTest(url: string): Promise<AmqpUnderTest> {
  const proxy = await startTcpProxy(Number(new URL(url).port || 5672));
  const { admin, stop } = await connectAdmin(url, proxy);
  return {
    createBroker: () => createTestBroker(throughPort(url, proxy.port)),
    admin,
    async stop() {
      await stop();
      await proxy.stop();
    },
  };
}

async function connectAdmin(url: string, proxy: TcpProxy): Promise<{ admin: BrokerAdmin; stop: () => Promise<void> }> {
  const connection = await connect(url);
  connection.on('error', () => {});
  const withChannel = async <T>(act: (channel: Channel) => Promise<T>): Promise<T> => {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const result = await act(channel);
    await channel.close();
    return result;
  };
  const does = async (act: (channel: Channel) => Promise<unknown>): Promise<void> => {
    await withChannel(act);
  };
  const admin: BrokerAdmin = {
    declareQueue: (name, args = {}) =>
      does((channel) => channel.assertQueue(name, { durable: true, arguments: { ...args } })),
    deleteQueue: (name) => does((channel) => channel.deleteQueue(name)),
    declareExchange: (name, type) => does((channel) => channel.assertExchange(name, type, { durable: true })),
    deleteExchange: (name) => does((channel) => channel.deleteExchange(name)),
    bind: (queue, exchange, key) => does((channel) => channel.bindQueue(queue, exchange, key)),
    unbind: (queue, exchange, key) => does((channel) => channel.unbindQueue(queue, exchange, key)),
    ready: async (queue) => (await withChannel((channel) => channel.checkQueue(queue))).messageCount,
    cutConnections: () => {
      proxy.cut();
      return Promise.resolve();
    },
    publishRaw: (queue, body, headers) =>
      does(async (channel) => {
        channel.sendToQueue(queue, Buffer.from(body), { headers });
        // An answer to anything after it means that the broker has read it.
        await channel.checkQueue(queue);
      }),
  };
  return { admin, stop: () => connection.close() };
}

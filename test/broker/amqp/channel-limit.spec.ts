/** A user who may have few channels at once, over all of its connections: RabbitMQ ends the connection that opens one more. */
import { expect } from 'chai';
import { openDeclarer } from '../../../src/broker/amqp/open-declarer.ts';
import { queue } from '../../../src/broker/queue.ts';
import { sourceTopology } from '../../../src/broker/source-topology.ts';
import type { Topology } from '../../../src/broker/topology.ts';
import { BrokerUnavailableError } from '../../../src/errors.ts';
import { type Logger, silentLogger } from '../../../src/log.ts';
import { done, message, startConsumer, text } from '../../contract/broker-port.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../../support/rabbitmq.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { createTestBroker } from './rabbitmq-under-test.ts';

describeWithOwnRabbitMq('a user who may have few channels', () => {
  let rabbitmq: RabbitMq;
  let url = '';
  before(async () => {
    rabbitmq = await startPrivateRabbitMq();
    await rabbitmq.control('add_user', 'few', 'secret');
    await rabbitmq.control('set_permissions', 'few', '.*', '.*', '.*');
    url = rabbitmq.url.replace('guest:guest', 'few:secret');
  });
  after(() => rabbitmq.stop());

  const allow = (channels: number) =>
    rabbitmq.control('set_user_limits', 'few', JSON.stringify({ 'max-channels': channels }));
  const queuesOf = (name: string): Topology => {
    const parts = Array.from({ length: 6 }, (_, n) => sourceTopology(queue(`${name}.${n}`)));
    return {
      exchanges: parts.flatMap(({ exchanges }) => exchanges),
      queues: parts.flatMap(({ queues }) => queues),
      bindings: parts.flatMap(({ bindings }) => bindings),
    };
  };

  it('declares over as many as there are, and takes and publishes messages over one each', async () => {
    await allow(3);
    const lost: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (fields) => lost.push(fields) };
    const broker = createTestBroker(url, { log });
    try {
      await done(broker.establish(queuesOf('worker'), 'assert'));
      // Of eight at once to one: each time a connection, or some more, as RabbitMQ counts a closed channel for a moment. Who does not ask for less loses
      // one after the other, without an end.
      expect(lost.length).to.be.within(1, 20);
      const consumer = startConsumer(broker, 'worker.0', 1);
      await done(broker.publish(message('worker.0', 'through')));
      expect((await consumer.count(1)).map(text)).to.deep.equal(['through']);
      consumer.stop();
    } finally {
      await done(broker.close({ withinMs: 2_000 }));
    }
  });

  it('declares for a deployment over one', async () => {
    await allow(1);
    const declarer = await openDeclarer({ urls: [url] });
    try {
      await declarer.declare(queuesOf('deployment'));
    } finally {
      await declarer.close();
    }
  });

  it('is given up while it connects again to ask for less at once', async () => {
    await allow(1);
    const given = new AbortController();
    const line = await startTcpProxy(Number(new URL(url).port), {
      beforeChunk: () => {
        if (line.accepted === 1 || given.signal.aborted) return;
        line.freeze('both');
        setImmediate(() => given.abort());
      },
    });
    try {
      const through = new URL(url);
      through.port = String(line.port);
      const declarer = await openDeclarer({
        urls: [through.href],
        signal: given.signal,
        handshakeTimeoutMs: 3_600_000,
      });
      const error = await declarer.declare(queuesOf('given-up')).catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      expect(line.accepted).to.equal(2);
    } finally {
      await line.stop();
    }
  });

  it('is told who may have none, and what to do about it', async () => {
    await allow(0);
    const declarer = await openDeclarer({ urls: [url] });
    try {
      const error = await declarer.declare(queuesOf('none')).catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      // RabbitMQ 4.0 names its node for the user, and 4.3 has the number without its brackets.
      expect(String(error)).to.match(/has reached the maximum allowed user limit of (\(0\)|0); .*set_user_limits/);
    } finally {
      await declarer.close();
    }
  });
});

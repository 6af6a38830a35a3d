/** Peers that accept and then say nothing: noticed by deadlines and heartbeats, never by luck. */
import { once } from 'node:events';
import net, { createServer, type Server, Socket } from 'node:net';
import { connect } from 'amqplib';
import { expect } from 'chai';
import sinon from 'sinon';
import type { Broker, BrokerStatus } from '../../../src/broker/broker.ts';
import { done, message, outcomeOf, startConsumer, uniqueName } from '../../contract/broker-port.ts';
import { eventually } from '../../support/eventually.ts';
import { describeWithRabbitMq } from '../../support/rabbitmq.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { createTestBroker, throughPort } from './rabbitmq-under-test.ts';

describe('a peer that never answers the handshake', () => {
  let server: Server;
  let port: number;
  const sockets = new Set<Socket>();
  let accepted = 0;

  before(async () => {
    server = createServer((socket) => {
      accepted++;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.resume();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('F10: is given up at the deadline, its socket destroyed, and tried again', async () => {
    const statuses: BrokerStatus[] = [];
    const broker = createTestBroker(`amqp://127.0.0.1:${port}`, { handshakeTimeoutMs: 100 });
    broker.status.subscribe((status) => statuses.push(status));
    await eventually('several attempts', () => accepted >= 6);
    // Two connections at a time, never more.
    await eventually('two sockets at most', () => sockets.size <= 2);
    expect(statuses.find(({ reason }) => reason !== undefined)?.reason).to.equal('no AMQP handshake within 100 ms');
    await done(broker.close({ withinMs: 100 }));
    await eventually('no socket is left', () => sockets.size === 0);
    expect(statuses.at(-1)).to.deep.equal({ state: 'closed' });
  });

  it('is waited for while nothing is published, and what waits is failed by close', async () => {
    const broker = createTestBroker(`amqp://127.0.0.1:${port}`, { handshakeTimeoutMs: 100 });
    const outcome = outcomeOf(broker.publish(message('any', 'a')));
    const unsubscribed = broker
      .publish(message('any', 'b'))
      .subscribe({ error: () => expect.fail('told after unsubscribing') });
    unsubscribed.unsubscribe();
    await done(broker.close({ withinMs: 200 }));
    expect(await outcome).to.include({ code: 'ERR_BROKER_UNAVAILABLE' });
  });
});

describeWithRabbitMq('a black hole on the way to RabbitMQ', (rabbit) => {
  let proxy: TcpProxy;
  let broker: Broker;
  let queue: string;
  const statuses: BrokerStatus[] = [];

  /** Open sockets of ours to the proxy in this test. */
  const sockets = (): readonly Socket[] =>
    dialled.returnValues.filter(
      (socket) => socket instanceof Socket && socket.remotePort === proxy.port && !socket.destroyed,
    );
  let dialled: sinon.SinonSpy;

  beforeEach(async () => {
    dialled = sinon.spy(net, 'connect');
    proxy = await startTcpProxy(rabbit().port);
    broker = createTestBroker(throughPort(rabbit().url, proxy.port), { heartbeatS: 1, handshakeTimeoutMs: 500 });
    statuses.length = 0;
    broker.status.subscribe((status) => statuses.push(status));
    queue = uniqueName('queue');
    await done(broker.establish({ exchanges: [], queues: [{ name: queue, arguments: {} }], bindings: [] }, 'assert'));
  });
  afterEach(async () => {
    sinon.restore();
    proxy.thaw();
    await done(broker.close({ withinMs: 1_000 }));
    await proxy.stop();
    const connection = await connect(rabbit().url);
    await (await connection.createChannel()).deleteQueue(queue);
    await connection.close();
  });

  for (const direction of ['both', 'down', 'up'] as const) {
    it(`F7: is noticed by the heartbeat within three intervals (${direction})`, async () => {
      await done(broker.publish(message(queue, 'a')));
      const consumer = startConsumer(broker, queue, 1);
      await consumer.count(1);
      await eventually('both connections are open', () => sockets().length === 2);
      proxy.freeze(direction);
      const abandoned = sockets();
      // Counted from here: at a heartbeat of one second a busy machine may have lost one before.
      const [seen, came] = [consumer.changes.length, consumer.deliveries.length];
      const isLost = (): boolean => consumer.changes.slice(seen).some(({ isConsuming }) => !isConsuming);
      // Three intervals are 3 s, the rest is room for a busy machine; TCP alone would take a quarter of an hour.
      await eventually('the loss is noticed', isLost);
      expect(consumer.deliveries[came - 1]?.ack()).to.equal('late');
      // The peer will not close them for minutes.
      await eventually('both sockets are destroyed', () => abandoned.every(({ destroyed }) => destroyed));

      proxy.thaw();
      await consumer.count(came + 1);
      expect(consumer.deliveries[came]?.ack()).to.equal('sent');
      consumer.stop();
    });
  }

  it('F8: after a publish leaves it unknown, and the same message can be published again', async () => {
    await done(broker.publish(message(queue, 'a')));
    proxy.freeze('down');
    const outcome = await outcomeOf(broker.publish(message(queue, 'b')));
    expect(outcome).to.include({ code: 'ERR_PUBLISH_UNKNOWN' });
    proxy.thaw();
    expect(await outcomeOf(broker.publish(message(queue, 'b')))).to.equal(undefined);
  });

  it('ends a close at its deadline', async () => {
    await done(broker.close({ withinMs: 1_000 }));
    // Nothing but the deadline ends this in the time of a test: neither a heartbeat nor an answer that is overdue.
    const noneInTime = { heartbeatS: 600, rpcTimeoutMs: 600_000, confirmTimeoutMs: 600_000 };
    broker = createTestBroker(throughPort(rabbit().url, proxy.port), noneInTime);
    broker.status.subscribe((status) => statuses.push(status));
    await done(broker.publish(message(queue, 'a')));
    proxy.freeze('both');
    const outcome = outcomeOf(broker.publish(message(queue, 'b')));
    await done(broker.close({ withinMs: 400 }));
    expect(await outcome).to.include({ code: 'ERR_PUBLISH_UNKNOWN' });
    expect(statuses.at(-1)).to.deep.equal({ state: 'closed' });
    proxy.thaw();
    await eventually('no socket is left', () => proxy.connections === 0);
  });

  it('F6, F11: that comes and goes grows neither connections nor listeners', async () => {
    // Every loss is to be one of the proxy's making.
    await done(broker.close({ withinMs: 1_000 }));
    const acceptedBefore = proxy.accepted;
    broker = createTestBroker(throughPort(rabbit().url, proxy.port), { heartbeatS: 10, handshakeTimeoutMs: 10_000 });
    const consumer = startConsumer(broker, queue, 5);
    for (let round = 1; round <= 10; round++) {
      await eventually('consuming', () => consumer.changes.at(-1)?.isConsuming === true);
      await done(broker.publish(message(queue, String(round))));
      await eventually(`round ${round} is delivered`, () => {
        // Those of earlier rounds whose ack was lost on the way came again, and fill the prefetch.
        for (const delivery of consumer.deliveries) delivery.ack();
        return consumer.deliveries.some((delivery) => Number(bodyOf(delivery)) === round);
      });
      const seen = consumer.changes.length;
      proxy.cut(round % 2 === 0 ? 'reset' : 'end');
      // Among all changes since: on a busy machine it consumes again before anybody looks.
      await eventually('noticed', () => consumer.changes.slice(seen).some(({ isConsuming }) => !isConsuming));
      await eventually('two connections at most', () => proxy.connections <= 2);
    }
    await eventually('consuming', () => consumer.changes.at(-1)?.isConsuming === true);
    consumer.stop();
    // Two for each round and the first two, no connect in vain beside them.
    expect(proxy.accepted - acceptedBefore).to.be.at.most(2 * 11 + 2);
  });
});

const bodyOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

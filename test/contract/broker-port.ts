/**
 * What every broker adapter must do, as one suite. `setup` gives the adapter and, beside the port, the hands on the broker that
 * the cases need: RabbitMQ answers them over a plain connection and a proxy, a model in process directly.
 */
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, type Observable, type Subscription } from 'rxjs';
import type { Broker, BrokerStatus, ConsumeOptions, StreamOffset } from '../../src/broker/broker.ts';
import { partitioned } from '../../src/broker/partitioned.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import type { ExchangeSpec, ExchangeType, Topology } from '../../src/broker/topology.ts';
import { PublishUnknownError, ResultInvalidError, TopologyError, UnroutableError } from '../../src/errors.ts';
import type { Delivery, Headers, MessageProperties } from '../../src/message/delivery.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { eventually } from '../support/eventually.ts';

export type QueueArguments = Readonly<Record<string, string | number | boolean>>;

/** What a person with a console can do to the broker. All idempotent. */
export interface BrokerAdmin {
  declareQueue(name: string, args?: QueueArguments): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  declareExchange(name: string, type: 'direct' | 'topic' | 'fanout' | 'headers'): Promise<void>;
  deleteExchange(name: string): Promise<void>;
  bind(queue: string, exchange: string, key: string): Promise<void>;
  unbind(queue: string, exchange: string, key: string): Promise<void>;
  /** Messages ready in the queue, those out with consumers not counted. */
  ready(queue: string): Promise<number>;
  /** Ends every connection of the brokers under test, as a failing network does; new ones are let through. */
  cutConnections(): Promise<void>;
  /** Publishes beside the port, so that a header the port refuses or drops can be sent. */
  publishRaw(queue: string, body: Uint8Array, headers: Record<string, unknown>): Promise<void>;
}

export interface BrokerUnderTest {
  createBroker(): Broker;
  readonly admin: BrokerAdmin;
  stop(): Promise<void>;
}

/** Registers the cases in the suite around it. */
export function brokerPortContract(setup: () => Promise<BrokerUnderTest>): void {
  let subject: BrokerUnderTest;
  let admin: BrokerAdmin;
  let broker: Broker;
  let consumers: Consumer[] = [];
  const created: { queues: string[]; exchanges: string[] } = { queues: [], exchanges: [] };

  before(async () => {
    subject = await setup();
    admin = subject.admin;
  });
  after(() => subject?.stop());
  beforeEach(() => {
    broker = subject.createBroker();
  });
  afterEach(async () => {
    for (const consumer of consumers) consumer.stop();
    consumers = [];
    await done(broker.close({ withinMs: 2_000 }));
    for (const queue of created.queues.splice(0)) await admin.deleteQueue(queue);
    for (const exchange of created.exchanges.splice(0)) await admin.deleteExchange(exchange);
  });

  const queueNamed = async (args?: QueueArguments): Promise<string> => {
    const queue = uniqueName('queue');
    created.queues.push(queue);
    await admin.declareQueue(queue, args);
    return queue;
  };
  const exchangeNamed = async (type: 'direct' | 'topic' | 'fanout' = 'direct'): Promise<string> => {
    const exchange = uniqueName('exchange');
    created.exchanges.push(exchange);
    await admin.declareExchange(exchange, type);
    return exchange;
  };
  const consume = (queue: string, prefetch = 10): Consumer => {
    const consumer = startConsumer(broker, queue, prefetch);
    consumers.push(consumer);
    return consumer;
  };
  const consumeInOrder = (queue: string, prefetch: number): Consumer => {
    const consumer = startConsumer(broker, queue, prefetch, { keepsOrder: true });
    consumers.push(consumer);
    return consumer;
  };
  const publish = (queue: string, ...bodies: readonly string[]): Promise<unknown> =>
    Promise.all(bodies.map((body) => done(broker.publish(message(queue, body)))));

  describe('deliveries', () => {
    it('come in order with body, queue, exchange and routing key', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b', 'c');

      const { deliveries, count } = consume(queue);
      await count(3);

      expect(deliveries.map(text)).to.deep.equal(['a', 'b', 'c']);
      expect(deliveries.map((delivery) => delivery.deliveryTag)).to.deep.equal([1, 2, 3]);
      const [first] = deliveries;
      expect(first?.queue).to.equal(queue);
      expect(first?.exchange).to.equal('');
      expect(first?.routingKey).to.equal(queue);
      expect(first?.redelivered).to.equal(false);
    });

    it('are forgotten by the broker once acked', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a');
      const first = consume(queue);
      const [delivery] = await first.count(1);
      expect(delivery?.ack()).to.equal('sent');
      first.stop();

      const second = consume(queue);
      await second.consuming();
      await publish(queue, 'b');
      await second.count(1);
      expect(second.deliveries.map(text)).to.deep.equal(['b']);
    });

    it('come back marked as redelivered, before what waits behind them, when given back', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b');
      const { deliveries, count } = consume(queue, 1);
      const [first] = await count(1);

      expect(first?.requeue()).to.equal('sent');
      await count(2);
      expect(deliveries.map(text)).to.deep.equal(['a', 'a']);
      expect(deliveries.map(({ redelivered }) => redelivered)).to.deep.equal([false, true]);
    });

    it('are out in no greater number than the prefetch', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b', 'c', 'd');
      const { deliveries, count } = consume(queue, 2);
      await count(2);
      expect(await admin.ready(queue)).to.equal(2);
      expect(deliveries).to.have.length(2);

      deliveries[0]?.ack();
      await count(3);
      deliveries[1]?.ack();
      await count(4);
      expect(deliveries.map(text)).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('F14: are settled once: whatever comes after is told that it did nothing', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b');
      const { count } = consume(queue, 1);
      const [first] = await count(1);

      expect(first?.ack()).to.equal('sent');
      expect(first?.ack()).to.equal('repeated');
      expect(first?.requeue()).to.equal('repeated');
      // The channel has survived it.
      const [, second] = await count(2);
      expect(second?.ack()).to.equal('sent');
    });

    it('of 5000 messages pass through at prefetch 100, each once', async () => {
      const queue = await queueNamed();
      const bodies = Array.from({ length: 5_000 }, (_, index) => String(index));
      await publish(queue, ...bodies);
      const seen: string[] = [];
      const subscription = broker.consume(queue, { prefetch: 100 }).subscribe((delivery) => {
        seen.push(text(delivery));
        delivery.ack();
      });
      await eventually('all messages came', () => seen.length >= 5_000);
      subscription.unsubscribe();
      expect(seen).to.deep.equal(bodies);
    });
  });

  describe('a connection that is cut', () => {
    it('F6: loses the deliveries that were out: each is told so, settles late, and comes again', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b');
      const { deliveries, count } = consume(queue, 2);
      const [first, second] = await count(2);
      const reasons: string[] = [];
      first?.lost.subscribe((reason) => reasons.push(reason));

      await admin.cutConnections();
      await count(4);

      expect(reasons).to.have.length(1);
      expect(reasons[0]).to.not.equal('');
      expect(await firstValueFrom(second?.lost ?? nothing())).to.equal(reasons[0]);
      expect(first?.ack()).to.equal('late');
      expect(first?.ack()).to.equal('repeated');
      expect(second?.requeue()).to.equal('late');
      expect(deliveries.slice(2).map(text).sort()).to.deep.equal(['a', 'b']);
    });

    it('F15: never lets a late settlement reach another message', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b', 'c');
      const { count } = consume(queue, 1);
      const [first] = await count(1);
      await admin.cutConnections();
      const [, again] = await count(2);
      // Both carry tag 1, each on its own channel.
      expect(again?.deliveryTag).to.equal(first?.deliveryTag);

      expect(first?.ack()).to.equal('late');
      expect(await admin.ready(queue)).to.equal(2);
      expect(again?.requeue()).to.equal('sent');
      const [, , third] = await count(3);
      expect(third?.redelivered).to.equal(true);
    });

    it('is made again, and the consumer tells so', async () => {
      const queue = await queueNamed();
      const { changes, consuming } = consume(queue);
      await consuming();
      await admin.cutConnections();
      await eventually('the consumer is back', () => changes.length >= 3);
      expect(changes.map(({ isConsuming }) => isConsuming)).to.deep.equal([true, false, true]);
      expect(changes[1]?.reason).to.be.a('string');
      expect(changes[2]?.reason).to.equal(undefined);
    });

    it('shows in the status', async () => {
      const seen: BrokerStatus[] = [];
      const subscription = broker.status.subscribe((status) => seen.push(status));
      await eventually('connected', () => seen.at(-1)?.state === 'connected');
      seen.length = 0;
      await admin.cutConnections();
      await eventually('connected again', () => seen.at(-1)?.state === 'connected');
      subscription.unsubscribe();
      const lost = seen.find(({ state }) => state === 'lost');
      expect(lost?.reason).to.be.a('string').and.not.equal('');
    });

    it('leaves publishes that were out unknown or confirmed, and lets those that waited leave later', async () => {
      const queue = await queueNamed();
      await publish(queue, 'first');
      const states: string[] = [];
      const watching = broker.status.subscribe(({ state }) => states.push(state));
      const outcomes: unknown[] = [];
      for (let index = 0; index < 50; index++) {
        broker.publish(message(queue, String(index))).subscribe({
          error: (error: unknown) => outcomes.push(error),
          complete: () => outcomes.push('confirmed'),
        });
      }
      await admin.cutConnections();
      await eventually('the loss is noticed', () => states.includes('lost'));
      watching.unsubscribe();
      await publish(queue, 'later');
      await eventually('each has an outcome', () => outcomes.length === 50);
      for (const outcome of outcomes) {
        if (outcome !== 'confirmed') expect(outcome).to.be.instanceOf(PublishUnknownError);
      }
    });
  });

  describe('a consumer', () => {
    it('F12, F13: whose queue is deleted is told so, loses its deliveries, and comes back with the queue', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a');
      const { changes, deliveries, consuming, count } = consume(queue);
      await consuming();
      const [first] = await count(1);
      const lost = firstValueFrom(first?.lost ?? nothing());

      await admin.deleteQueue(queue);
      await eventually('told', () => changes.some(({ isConsuming }) => !isConsuming));
      expect(await lost).to.be.a('string');
      expect(first?.ack()).to.equal('late');

      await admin.declareQueue(queue);
      await publish(queue, 'b');
      await count(2);
      expect(deliveries.map(text)).to.deep.equal(['a', 'b']);
      await consuming();
    });

    it('of a queue that is not there yet waits for it', async () => {
      const queue = uniqueName('queue');
      created.queues.push(queue);
      const { changes, count } = consume(queue);
      await eventually('told', () => changes.length > 0);
      expect(changes[0]?.isConsuming).to.equal(false);
      expect(changes[0]?.reason).to.contain(queue);

      await admin.declareQueue(queue);
      await publish(queue, 'a');
      await count(1);
    });

    it('takes no more once unsubscribed, while what is out stays settleable', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b', 'c', 'd');
      const consumer = consume(queue, 2);
      const [first, second] = await consumer.count(2);
      consumer.stop();

      expect(first?.ack()).to.equal('sent');
      expect(second?.requeue()).to.equal('sent');
      // Nothing of it is left: another consumer gets everything but the acked one.
      const next = consume(queue);
      await next.count(3);
      expect(consumer.deliveries).to.have.length(2);
      expect(next.deliveries.map(text).sort()).to.deep.equal(['b', 'c', 'd']);
      // What waited behind was never handed to the first.
      expect(next.deliveries.filter(({ redelivered }) => redelivered).map(text)).to.deep.equal(['b']);
    });

    it('F28: has the queue hear of all that was settled after it stopped, however much it was at once', async () => {
      const queue = await queueNamed({ 'x-queue-type': 'quorum' });
      await publish(queue, ...Array.from({ length: 500 }, (_, index) => String(index)));
      const consumer = consume(queue, 500);
      const [first = nothing(), ...others] = await consumer.count(500);
      consumer.stop();
      // One ack each, since the first of them is not settled.
      for (const delivery of others) expect(delivery.ack()).to.equal('sent');
      await setImmediate();
      expect(first.ack()).to.equal('sent');
      await done(broker.close({ withinMs: 5_000 }));
      await admin.publishRaw(queue, Buffer.from('after'), {});
      await eventually('it is there', async () => (await admin.ready(queue)) > 0);
      expect(await admin.ready(queue)).to.equal(1);
    });

    it('with a prefetch the wire cannot carry is refused', () => {
      for (const prefetch of [0, -1, 1.5, 65_536, Number.NaN]) {
        expect(() => broker.consume('any', { prefetch })).to.throw(RangeError, 'prefetch');
      }
    });

    it('beside another shares the queue without sharing messages', async () => {
      const queue = await queueNamed();
      const [one, two] = [consume(queue, 1), consume(queue, 1)];
      await Promise.all([one.consuming(), two.consuming()]);
      await publish(queue, 'a', 'b');
      await Promise.all([one.count(1), two.count(1)]);
      expect([...one.deliveries, ...two.deliveries].map(text).sort()).to.deep.equal(['a', 'b']);
    });
  });

  describe('a consumer that keeps order', () => {
    const SINGLE_ACTIVE: QueueArguments = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true };
    const texts = ({ deliveries }: Consumer): readonly string[] => deliveries.map(text);

    it('lets the next one begin when all it has is settled, with what it was given meanwhile, in order', async () => {
      const queue = await queueNamed(SINGLE_ACTIVE);
      // The first in line is the active one.
      const one = consumeInOrder(queue, 2);
      await one.consuming();
      const two = consumeInOrder(queue, 10);
      await two.consuming();
      await publish(queue, 'a', 'b', 'c', 'd');
      const [a = nothing(), b = nothing()] = await one.count(2);
      one.stop();
      // Its ack makes room: what the broker sends for it is not for the engine any more.
      expect(a.ack()).to.equal('sent');
      await eventually('the ack is counted', async () => (await admin.ready(queue)) <= 1);
      expect(texts(one)).to.deep.equal(['a', 'b']);
      expect(texts(two)).to.deep.equal([]);

      expect(b.ack()).to.equal('sent');
      await two.count(2);
      expect(texts(two)).to.deep.equal(['c', 'd']);
    });

    it('gives back what is not done when it stops in the order it was in, whoever is asked first', async () => {
      const queue = await queueNamed(SINGLE_ACTIVE);
      // The first in line is the active one.
      const one = consumeInOrder(queue, 4);
      await one.consuming();
      const two = consumeInOrder(queue, 10);
      await two.consuming();
      await publish(queue, 'a', 'b', 'c', 'd');
      const [a = nothing(), b = nothing(), c = nothing(), d = nothing()] = await one.count(4);
      one.stop();
      for (const delivery of [c, d, b]) expect(delivery.requeue()).to.equal('sent');
      expect(texts(two)).to.deep.equal([]);
      a.requeue();
      await two.count(4);
      expect(texts(two)).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('has all that came after a message come again behind it, when that is given back', async () => {
      const queue = await queueNamed(SINGLE_ACTIVE);
      const one = consumeInOrder(queue, 10);
      await one.consuming();
      await publish(queue, 'a', 'b', 'c');
      const [a = nothing(), b = nothing(), c = nothing()] = await one.count(3);
      let reason = '';
      c.lost.subscribe((why) => {
        reason = why;
      });
      a.ack();
      expect(b.requeue()).to.equal('sent');
      expect(reason).to.contain('order');
      expect(c.ack()).to.equal('late');
      await one.count(5);
      expect(texts(one)).to.deep.equal(['a', 'b', 'c', 'b', 'c']);
    });

    for (const [end, giveUp] of [
      ['a message is given back', (last: Delivery): unknown => last.requeue()],
      ['it stops', (last: Delivery, one: Consumer): unknown => [one.stop(), last.requeue()]],
    ] as const)
      it(`has the queue hear of all that was settled before ${end}, however much it was at once`, async () => {
        const queue = await queueNamed(SINGLE_ACTIVE);
        const one = consumeInOrder(queue, 500);
        await one.consuming();
        // As much room as the first has when it consumes anew: RabbitMQ 4 has the one with most room next, and of those the oldest.
        const two = consumeInOrder(queue, 500);
        await two.consuming();
        await publish(queue, ...Array.from({ length: 500 }, (_, index) => String(index)));
        const all = [...(await one.count(500))];
        const [first = nothing(), last = nothing()] = [all.shift(), all.pop()];
        // One ack each, since the first of them is not settled.
        for (const delivery of all) expect(delivery.ack()).to.equal('sent');
        await setImmediate();
        expect(first.ack()).to.equal('sent');
        giveUp(last, one);
        await two.count(1);
        await publish(queue, 'after');
        await two.count(2);
        expect(texts(two)).to.deep.equal(['499', 'after']);
      });

    it('leaves the queue to others at once where it has nothing', async () => {
      const queue = await queueNamed(SINGLE_ACTIVE);
      // The first in line is the active one.
      const one = consumeInOrder(queue, 4);
      await one.consuming();
      const two = consumeInOrder(queue, 4);
      await two.consuming();
      one.stop();
      await publish(queue, 'a');
      await two.count(1);
    });
  });

  describe('streams', () => {
    const begun = async (bodies: readonly string[]): Promise<string> => {
      const stream = await queueNamed({ 'x-queue-type': 'stream' });
      for (const body of bodies) await publish(stream, body);
      return stream;
    };
    const read = (stream: string, streamOffset: () => StreamOffset): Consumer => {
      const consumer = startConsumer(broker, stream, 10, { streamOffset });
      consumers.push(consumer);
      return consumer;
    };
    const seen = ({ deliveries }: Consumer): unknown =>
      deliveries.map((delivery) => [text(delivery), delivery.headers['x-stream-offset']]);

    it('are read from a place, which is asked for again when the consumer is brought back', async () => {
      const stream = await begun(['a', 'b', 'c']);
      let next: StreamOffset = 'first';
      const consumer = read(stream, () => next);
      await consumer.count(3);
      for (const delivery of consumer.deliveries) delivery.ack();
      next = 2;
      await admin.cutConnections();
      await consumer.count(4);
      expect(seen(consumer)).to.deep.equal([
        ['a', 0],
        ['b', 1],
        ['c', 2],
        ['c', 2],
      ]);
    });

    it('are read from a moment, and by many', async () => {
      const stream = await begun(['a']);
      const [one, other] = [read(stream, () => new Date(0)), read(stream, () => 'last')];
      await Promise.all([one.count(1), other.count(1)]);
      expect([seen(one), seen(other)]).to.deep.equal([[['a', 0]], [['a', 0]]]);
    });
  });

  describe('looking into a queue', () => {
    it('tells what it holds, and how many consume it', async () => {
      const queue = await queueNamed();
      expect(await firstValueFrom(broker.depthOf(queue))).to.deep.equal({ queue, messages: 0, consumers: 0 });
      const [one, two] = [consume(queue), consume(queue)];
      await Promise.all([one.consuming(), two.consuming()]);
      expect(await firstValueFrom(broker.depthOf(queue))).to.deep.equal({ queue, messages: 0, consumers: 2 });
      one.stop();
      await eventually('one is left', async () => (await firstValueFrom(broker.depthOf(queue))).consumers === 1);
    });

    it('fails for a queue that is not there', async () => {
      const error: unknown = await firstValueFrom(broker.depthOf(uniqueName('nowhere'))).catch((cause) => cause);
      expect(error).to.be.instanceOf(TopologyError);
    });
  });

  describe('a publish', () => {
    it('completes when the message is in the queue', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a');
      expect(await admin.ready(queue)).to.equal(1);
    });

    it('does nothing until subscribed, and publishes once for each subscription', async () => {
      const queue = await queueNamed();
      const publishing = broker.publish(message(queue, 'a'));
      await publish(queue, 'b');
      expect(await admin.ready(queue)).to.equal(1);
      await done(publishing);
      await done(publishing);
      expect(await admin.ready(queue)).to.equal(3);
    });

    it('that has not left is taken back by unsubscribing', async () => {
      const queue = await queueNamed();
      const late = subject.createBroker();
      const waiting = Array.from({ length: 10 }, () => late.publish(message(queue, 'taken back')).subscribe());
      for (const each of waiting) each.unsubscribe();
      await done(late.publish(message(queue, 'sent')));
      expect(await admin.ready(queue)).to.equal(1);
      await done(late.close({ withinMs: 2_000 }));
    });

    it('F20: that reaches no queue fails as unroutable, and its neighbours do not', async () => {
      const exchange = await exchangeNamed();
      const queue = await queueNamed();
      await admin.bind(queue, exchange, 'bound');
      const to = (routingKey: string): OutgoingMessage => ({ ...message(routingKey, 'same'), exchange });
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, index) => outcomeOf(broker.publish(to(index % 2 === 0 ? 'bound' : 'unbound')))),
      );
      outcomes.forEach((outcome, index) => {
        if (index % 2 === 0) expect(outcome).to.equal(undefined);
        else expect(outcome).to.be.instanceOf(UnroutableError).and.include({ exchange, routingKey: 'unbound' });
      });
      expect(await admin.ready(queue)).to.equal(20);
    });

    it('to a queue that does not exist fails as unroutable', async () => {
      const outcome = await outcomeOf(broker.publish(message('no-such-queue', 'a')));
      expect(outcome).to.be.instanceOf(UnroutableError).and.include({ exchange: '', routingKey: 'no-such-queue' });
    });

    it('that need not reach a queue completes without one', async () => {
      expect(await outcomeOf(broker.publish({ ...message('no-such-queue', 'a'), mandatory: false }))).to.equal(
        undefined,
      );
    });

    it('F21: to a missing exchange fails alone', async () => {
      const queue = await queueNamed();
      const missing = uniqueName('missing');
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          outcomeOf(broker.publish(index === 50 ? { ...message('key', 'x'), exchange: missing } : message(queue, 'a'))),
        ),
      );
      const guilty = outcomes.splice(50, 1)[0];
      expect(guilty).to.be.instanceOf(TopologyError).and.have.property('missingExchange', missing);
      expect(guilty?.message).to.contain(missing);
      expect(outcomes.filter((outcome) => outcome !== undefined)).to.deep.equal([]);
      expect(await admin.ready(queue)).to.equal(99);
    });

    it('to an exchange that went away fails, and the next ones come right', async () => {
      const exchange = await exchangeNamed('fanout');
      const queue = await queueNamed();
      await admin.bind(queue, exchange, '');
      await done(broker.publish({ ...message('', 'a'), exchange }));
      await admin.deleteExchange(exchange);
      expect(await outcomeOf(broker.publish({ ...message('', 'b'), exchange }))).to.be.instanceOf(TopologyError);
      await publish(queue, 'c');
      expect(await outcomeOf(broker.publish({ ...message('', 'd'), exchange }))).to.be.instanceOf(TopologyError);
      await admin.declareExchange(exchange, 'fanout');
      await admin.bind(queue, exchange, '');
      await done(broker.publish({ ...message('', 'e'), exchange }));
      expect(await admin.ready(queue)).to.equal(3);
    });

    it('B24: of what AMQP cannot carry is refused before it leaves, and hurts nobody', async () => {
      const queue = await queueNamed();
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const good = message(queue, 'a');
      const bad: readonly OutgoingMessage[] = [
        { ...good, routingKey: 'k'.repeat(256) },
        { ...good, routingKey: 'line\nbreak' },
        { ...good, exchange: 'e'.repeat(300) },
        ...[
          Number.NaN,
          Number.POSITIVE_INFINITY,
          2n ** 63n,
          () => 1,
          Symbol('s'),
          new Date(Number.NaN),
          circular,
          new Map(),
        ].map((value) => ({ ...good, headers: { bad: value } as unknown as Headers })),
        { ...good, headers: { ['n'.repeat(256)]: 1 } },
        ...['one', null, { 0: 'one' }, [1]].flatMap((keys) => [
          { ...good, headers: { CC: keys } as unknown as Headers },
          { ...good, headers: { BCC: keys } as unknown as Headers },
        ]),
        { ...good, headers: { large: 'x'.repeat(70_000) } },
        { ...good, properties: { messageId: 'm'.repeat(256) } },
        { ...good, properties: { expiration: '1e3' } },
        { ...good, properties: { expiration: '-1' } },
        { ...good, properties: { expiration: '99999999999' } },
        { ...good, properties: { priority: 256 } },
        { ...good, properties: { priority: 1.5 } },
        { ...good, properties: { timestamp: -1 } },
      ];
      const neighbours = Array.from({ length: 10 }, () => outcomeOf(broker.publish(good)));
      for (const each of bad) {
        expect(await outcomeOf(broker.publish(each)), describeBad(each)).to.be.instanceOf(ResultInvalidError);
      }
      expect(await Promise.all(neighbours)).to.deep.equal(Array.from({ length: 10 }, () => undefined));
      expect(await admin.ready(queue)).to.equal(10);
    });
  });

  describe('what a message carries', () => {
    const roundTrip = async (outgoing: Partial<OutgoingMessage>): Promise<Delivery> => {
      const queue = await queueNamed();
      await done(broker.publish({ ...message(queue, ''), ...outgoing }));
      const [delivery] = await consume(queue).count(1);
      if (delivery === undefined) throw new Error('no delivery');
      return delivery;
    };

    it('B17: keeps headers of every type', async () => {
      const headers: Headers = {
        text: 'žluťoučký 🐎',
        empty: '',
        byte: 7,
        short: -300,
        int: 70_000,
        long: 2 ** 40,
        safe: Number.MAX_SAFE_INTEGER,
        double: 1.5,
        huge: 1e300,
        minusZero: -0,
        yes: true,
        no: false,
        nothing: null,
        date: new Date(1_700_000_000_000),
        bytes: Uint8Array.of(0, 1, 255),
        list: [1, 'two', null, [true]],
        table: { inner: { deep: 'yes' }, '!': 'not a type' },
      };
      const { headers: received } = await roundTrip({ headers });
      expect(Object.getPrototypeOf(received)).to.equal(null);
      expect(plain(received)).to.deep.equal(headers);
    });

    it('takes a bigint for an integer, and leaves undefined out', async () => {
      const { headers } = await roundTrip({ headers: { big: 5n, gone: undefined } });
      expect(plain(headers)).to.deep.equal({ big: 5 });
    });

    it('B16: drops a header named __proto__ on both ways, and pollutes nothing', async () => {
      const evil: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
      evil.__proto__ = { polluted: true };
      evil.kept = 1;
      const { headers: republished } = await roundTrip({ headers: evil as Headers });
      expect(Object.keys(republished)).to.deep.equal(['kept']);

      const queue = await queueNamed();
      await admin.publishRaw(queue, Buffer.from('x'), evil);
      const [delivery] = await consume(queue).count(1);
      expect(Object.keys(delivery?.headers ?? {})).to.deep.equal(['kept']);
      expect(delivery?.headers.polluted).to.equal(undefined);
      expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
    });

    it('keeps every property, and adds none', async () => {
      const properties: MessageProperties = {
        messageId: 'm-1',
        correlationId: 'c-1',
        replyTo: 'answers',
        contentType: 'application/json',
        contentEncoding: 'gzip',
        type: 'order',
        appId: 'shop',
        priority: 3,
        timestamp: 1_700_000_000,
        expiration: '600000',
        persistent: true,
      };
      expect((await roundTrip({ properties })).properties).to.deep.equal(properties);
      expect((await roundTrip({ properties: { persistent: false } })).properties).to.deep.equal({ persistent: false });
    });

    it('keeps bodies of every size', async () => {
      for (const size of [0, 1, 2_000, 200_000, 3_000_000]) {
        const body = new Uint8Array(size).fill(size % 251);
        const delivery = await roundTrip({ body });
        expect(delivery.body.byteLength).to.equal(size);
        expect(Buffer.compare(delivery.body, body)).to.equal(0);
      }
    });
  });

  describe('queues', () => {
    it('hold a message for their time to live, then hand it to the dead-letter exchange: a retry that waits on the broker', async () => {
      const work = await queueNamed();
      const delay = await queueNamed({
        'x-message-ttl': 100,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': work,
      });
      const { count } = consume(work);
      await done(
        broker.publish({ ...message(delay, 'a'), headers: { 'x-attempt': 2 }, properties: { messageId: 'm' } }),
      );
      const [delivery] = await count(1);
      expect(delivery?.properties.messageId).to.equal('m');
      expect(delivery?.headers['x-attempt']).to.equal(2);
      expect(delivery?.queue).to.equal(work);
    });

    it('hand an expired message to the dead-letter queue with everything it carried', async () => {
      const dead = await queueNamed();
      const work = await queueNamed({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead });
      await done(
        broker.publish({
          ...message(work, 'body'),
          headers: { why: 'x' },
          properties: { expiration: '50', type: 't' },
        }),
      );
      const [delivery] = await consume(dead).count(1);
      expect(delivery === undefined ? '' : text(delivery)).to.equal('body');
      expect(delivery?.headers.why).to.equal('x');
      expect(delivery?.properties.type).to.equal('t');
    });
  });

  describe('establishing topology', () => {
    const topologyOf = (prefix: string): Topology => {
      const [exchange, queue] = [uniqueName(`${prefix}-exchange`), uniqueName(`${prefix}-queue`)];
      created.exchanges.push(exchange);
      created.queues.push(queue);
      return {
        exchanges: [{ name: exchange, type: 'topic' }],
        queues: [{ name: queue, arguments: { 'x-queue-type': 'classic', 'x-max-length': 1000 } }],
        bindings: [{ queue, exchange, key: 'order.*' }],
      };
    };

    it('declares exchanges, queues and bindings, as often as asked', async () => {
      const topology = topologyOf('assert');
      await done(broker.establish(topology, 'assert'));
      await done(broker.establish(topology, 'assert'));
      await done(broker.publish({ ...message('order.placed', 'a'), exchange: topology.exchanges[0]?.name ?? '' }));
      expect(await admin.ready(topology.queues[0]?.name ?? '')).to.equal(1);
    });

    it('only looks when told to check', async () => {
      const topology = topologyOf('check');
      const missing = await outcomeOf(broker.establish(topology, 'check'));
      expect(missing).to.be.instanceOf(TopologyError);
      expect(missing?.message).to.contain(topology.exchanges[0]?.name).and.contain(topology.queues[0]?.name);
      expect(missing?.message).to.contain('"sluice topology --apply"');

      await done(broker.establish(topology, 'assert'));
      expect(await outcomeOf(broker.establish(topology, 'check'))).to.equal(undefined);
    });

    it('F21: names everything the broker refuses at once, with the argument and what to do', async () => {
      const queue = await queueNamed({ 'x-max-length': 5 });
      const exchange = await exchangeNamed('direct');
      const fine = topologyOf('fine');
      const outcome = await outcomeOf(
        broker.establish(
          {
            exchanges: [{ name: exchange, type: 'topic' }, ...fine.exchanges],
            queues: [{ name: queue, arguments: { 'x-max-length': 7 } }, ...fine.queues],
            bindings: [...fine.bindings, { queue, exchange: 'no-such-exchange', key: '#' }],
          },
          'assert',
        ),
      );
      expect(outcome).to.be.instanceOf(TopologyError);
      const lines = outcome?.message.split('\n') ?? [];
      expect(lines).to.have.length(3);
      expect(lines[0]).to.contain(`exchange "${exchange}"`).and.contain('type');
      expect(lines[1]).to.contain(`queue "${queue}"`).and.contain('x-max-length');
      // True for who declares for a worker that only looks, too.
      expect(lines[1]).to.contain("with topology: 'check' a worker takes it as it is");
      expect(lines[2]).to.contain('no-such-exchange');
      // The refusals did not keep the rest from being declared.
      expect(await outcomeOf(broker.establish(fine, 'check'))).to.equal(undefined);
    });

    it('F21: does not advise to delete a stream, the queue that says how many partitions there are, or an exchange', async () => {
      const stream = uniqueName('stream');
      const workers = `${uniqueName('accounts')}.workers`;
      created.queues.push(stream, workers);
      const declared = (maxAge: string, partitions: number): Promise<Error | undefined> =>
        outcomeOf(
          broker.establish(
            {
              exchanges: [],
              queues: [
                { name: stream, arguments: { 'x-queue-type': 'stream', 'x-max-age': maxAge } },
                { name: workers, arguments: { 'x-queue-type': 'quorum', 'x-max-length': partitions } },
              ],
              bindings: [],
            },
            'assert',
          ),
        );
      expect(await declared('7D', 16)).to.equal(undefined);
      const lines = (await declared('1D', 8))?.message.split('\n') ?? [];
      expect(lines[0]).to.contain(`queue "${stream}"`).and.contain('say the same here');
      expect(lines[1]).to.contain(`queue "${workers}"`).and.contain('say as many partitions as it was declared with');
      const exchange = uniqueName('exchange');
      created.exchanges.push(exchange);
      const typed = (type: ExchangeType): Promise<Error | undefined> =>
        outcomeOf(broker.establish({ exchanges: [{ name: exchange, type }], queues: [], bindings: [] }, 'assert'));
      expect(await typed('direct')).to.equal(undefined);
      for (const wanted of ['topic', 'x-consistent-hash'] as const) {
        lines.push((await typed(wanted))?.message ?? '');
        expect(lines.at(-1)).to.contain(`exchange "${exchange}"`).and.contain('say the type it has');
      }
      expect(lines.join()).to.not.contain('when it is empty').and.not.contain("topology: 'check'");
    });

    it('F21: advises of an exchange only what can be said of it', async () => {
      const hashing = uniqueName('hash');
      const alternate = uniqueName('alternate');
      const accounts = uniqueName('accounts');
      created.exchanges.push(hashing, alternate, `${accounts}.delay.5s`);
      const refused = async (exchange: ExchangeSpec): Promise<string> =>
        (await outcomeOf(broker.establish({ exchanges: [exchange], queues: [], bindings: [] }, 'assert')))?.message ??
        '';
      expect(await refused({ name: hashing, type: 'x-consistent-hash' })).to.equal('');
      expect(await refused({ name: hashing, type: 'topic' })).to.contain('say the type it has');
      expect(await refused({ name: alternate, type: 'topic', arguments: { 'alternate-exchange': 'x' } })).to.equal('');
      expect(await refused({ name: alternate, type: 'topic' }))
        .to.contain("left out of publishes, or with topology: 'check', a worker takes it as it is")
        .and.not.contain('say the type');
      // What sluice alone declares and binds, nobody has a type to say of.
      const delays = sourceTopology(partitioned(accounts, { by: 'id', retry: { delays: ['5s'] } })).exchanges.slice(1);
      expect(await refused({ name: `${accounts}.delay.5s`, type: 'direct' })).to.equal('');
      expect(delays).to.have.length(1);
      for (const delay of delays)
        expect(await refused(delay))
          .to.contain('when it is empty, delete it')
          .and.not.contain('say the type');
    });

    const partitionedBy = (header?: string): Topology & { readonly exchange: string } => {
      const exchange = uniqueName('hash');
      const queues = [0, 1, 2].map((index) => `${exchange}.${index}`);
      created.exchanges.push(exchange);
      created.queues.push(...queues);
      const hashed = header === undefined ? {} : { arguments: { 'hash-header': header } };
      return {
        exchange,
        exchanges: [{ name: exchange, type: 'x-consistent-hash', ...hashed }],
        queues: queues.map((name) => ({ name, arguments: { 'x-queue-type': 'classic' } })),
        bindings: queues.map((queue) => ({ queue, exchange, key: '1' })),
      };
    };
    for (const header of [undefined, 'order-id'])
      it(`spreads keys over the queues of a hash exchange, each key to one: by ${header ?? 'routing key'}`, async () => {
        const topology = partitionedBy(header);
        const { exchange } = topology;
        const queues = topology.queues.map(({ name }) => name);
        await done(broker.establish(topology, 'assert'));
        const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
        for (const round of ['first', 'second'])
          await Promise.all(
            keys.map((key) =>
              done(
                broker.publish({
                  ...message(header === undefined ? key : round, key),
                  exchange,
                  headers: header === undefined ? {} : { [header]: key },
                }),
              ),
            ),
          );
        const places = new Map<string, Set<string>>();
        let delivered = 0;
        for (const queue of queues) {
          const ready = await admin.ready(queue);
          expect(ready).to.be.greaterThan(0);
          const { count } = consume(queue, 200);
          for (const delivery of await count(ready))
            places.set(text(delivery), (places.get(text(delivery)) ?? new Set()).add(queue));
          delivered += ready;
        }
        expect(delivered).to.equal(120);
        expect([...places.values()].map(({ size }) => size)).to.deep.equal(keys.map(() => 1));
      });

    it('is done again after a reconnect, before consumers return', async () => {
      const topology = topologyOf('again');
      const queue = topology.queues[0]?.name ?? '';
      await done(broker.establish(topology, 'assert'));
      const { changes, consuming } = consume(queue);
      await consuming();
      await admin.deleteQueue(queue);
      await eventually('told', () => changes.some(({ isConsuming }) => !isConsuming));
      await admin.cutConnections();
      await eventually('back', () => changes.at(-1)?.isConsuming === true);
      expect(await admin.ready(queue)).to.equal(0);
    });
  });

  describe('closing', () => {
    it('waits for confirms and sends what was settled last', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a', 'b', 'c');
      const consumer = consume(queue);
      for (const delivery of await consumer.count(3)) delivery.ack();
      const outcomes = Array.from({ length: 200 }, (_, index) =>
        outcomeOf(broker.publish(message(queue, `late ${index}`))),
      );

      await done(broker.close({ withinMs: 5_000 }));
      expect((await Promise.all(outcomes)).filter((outcome) => outcome !== undefined)).to.deep.equal([]);
      // Neither the acked ones nor a gap: exactly what was published last.
      await eventually('the consumer let go', async () => (await admin.ready(queue)) === 200);
    });

    it('F28: sends acks that were made in the moment before', async () => {
      const queue = await queueNamed();
      await publish(queue, ...Array.from({ length: 50 }, (_, index) => String(index)));
      const deliveries = await consume(queue, 50).count(50);
      for (const delivery of deliveries.slice(0, 50)) delivery.ack();
      await done(broker.close({ withinMs: 5_000 }));

      broker = subject.createBroker();
      const next = consume(queue, 100);
      await next.consuming();
      await publish(queue, 'after');
      await eventually('the last one came', () => next.deliveries.some((delivery) => text(delivery) === 'after'));
      expect(next.deliveries.map(text)).to.deep.equal(['after']);
    });

    it('gives back what was not settled', async () => {
      const queue = await queueNamed();
      await publish(queue, 'a');
      const [delivery] = await consume(queue).count(1);
      const lost = firstValueFrom(delivery?.lost ?? nothing());
      await done(broker.close({ withinMs: 2_000 }));
      expect(await lost).to.contain('closed');
      expect(delivery?.ack()).to.equal('late');
      await eventually('it is back', async () => (await admin.ready(queue)) === 1);
    });

    it('ends the status with closed, and whoever comes later gets that', async () => {
      await eventuallyConnected(broker);
      await done(broker.close({ withinMs: 2_000 }));
      await done(broker.close({ withinMs: 2_000 }));
      expect(await lastValueFrom(broker.status)).to.deep.equal({ state: 'closed' });
      expect(await outcomeOf(broker.publish(message('any', 'a')))).to.include({ code: 'ERR_BROKER_UNAVAILABLE' });
      expect(await outcomeOf(broker.establish({ exchanges: [], queues: [], bindings: [] }, 'check'))).to.include({
        code: 'ERR_BROKER_UNAVAILABLE',
      });
    });
  });
}

// ---- what the cases share

export interface Consumer {
  readonly deliveries: readonly Delivery[];
  readonly changes: readonly { readonly isConsuming: boolean; readonly reason: string | undefined }[];
  /** Resolves with all deliveries when there are so many. */
  count(many: number): Promise<readonly Delivery[]>;
  /** Resolves when the broker accepted the consumer. */
  consuming(): Promise<void>;
  stop(): void;
}

export function startConsumer(
  broker: Broker,
  queue: string,
  prefetch: number,
  options: Pick<ConsumeOptions, 'keepsOrder' | 'streamOffset'> = {},
): Consumer {
  const deliveries: Delivery[] = [];
  const changes: { isConsuming: boolean; reason: string | undefined }[] = [];
  const onConsuming = (isConsuming: boolean, reason?: string): void => {
    changes.push({ isConsuming, reason });
  };
  const subscription: Subscription = broker
    .consume(queue, { ...options, prefetch, onConsuming })
    .subscribe((delivery) => deliveries.push(delivery));
  return {
    deliveries,
    changes,
    async count(many) {
      await eventually(`${many} deliveries of ${queue}`, () => deliveries.length >= many);
      return deliveries;
    },
    consuming: () => eventually(`consuming ${queue}`, () => changes.at(-1)?.isConsuming === true),
    stop: () => subscription.unsubscribe(),
  };
}

export const message = (queue: string, body: string): OutgoingMessage => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(body),
  properties: {},
  headers: {},
});

export const text = (delivery: Delivery): string => Buffer.from(delivery.body).toString();

/** Resolves when the Observable completes. */
export const done = (source: Observable<never>): Promise<void> => lastValueFrom(source, { defaultValue: undefined });

/** The error it ended with, or undefined when it completed. */
export async function outcomeOf(source: Observable<never>): Promise<Error | undefined> {
  try {
    await done(source);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export const eventuallyConnected = async (broker: Broker): Promise<void> => {
  let state = '';
  const subscription = broker.status.subscribe((status) => {
    state = status.state;
  });
  await eventually('connected', () => state === 'connected').finally(() => subscription.unsubscribe());
};

let names = 0;
/** A name no other run of the suite uses, for brokers that are shared. */
export const uniqueName = (kind: string): string =>
  `sluice-test-${process.pid}-${Date.now().toString(36)}-${kind}-${++names}`;

/** Tables with ordinary prototypes, for deep equality. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function describeBad({ headers, properties, routingKey }: OutgoingMessage): string {
  const [header] = Object.values(headers);
  const shown = typeof header === 'object' || typeof header === 'symbol' ? typeof header : String(header).slice(0, 20);
  return `header ${shown}, properties ${JSON.stringify(properties).slice(0, 60)}, routing key of ${routingKey.length}`;
}

function nothing(): never {
  throw new Error('no delivery');
}

/** The port contract over the broker in process, and over the wire server through the adapter for RabbitMQ. */
import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { createEmbeddedPort } from '../../../src/broker/embedded/embedded-port.ts';
import { InProcessBroker } from '../../../src/broker/embedded/port/in-process-broker.ts';
import { brokerPortContract, message, text } from '../../contract/broker-port.ts';
import { rabbitMqUnderTest } from '../amqp/rabbitmq-under-test.ts';
import { embeddedUnderTest } from './embedded-under-test.ts';

describe('the broker port in process', () => {
  brokerPortContract(() => Promise.resolve(embeddedUnderTest()));
});

describe('the broker port over the embedded broker on loopback', () => {
  brokerPortContract(async () => {
    const broker = createEmbeddedBroker();
    const { url } = await broker.start();
    const subject = await rabbitMqUnderTest(url);
    return {
      ...subject,
      stop: async () => {
        await subject.stop();
        await broker.stop();
      },
    };
  });
});

describe('createEmbeddedPort in virtual time', () => {
  const inVirtualTime = (body: (scheduler: TestScheduler) => void): void => {
    const scheduler = new TestScheduler((actual, expected) => {
      expect(actual).to.deep.equal(expected);
    });
    scheduler.run(() => body(scheduler));
  };
  const WORK = { exchanges: [], bindings: [], queues: [{ name: 'work', arguments: {} }] };

  it('waits a minute in a delay queue without a minute passing', () => {
    const seen: [string, number][] = [];
    inVirtualTime((scheduler) => {
      const port = createEmbeddedPort(new InProcessBroker({ random: () => 0.5 }));
      const delay = { 'x-message-ttl': 60_000, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work' };
      const topology = { ...WORK, queues: [...WORK.queues, { name: 'delay', arguments: delay }] };
      port.establish(topology, 'assert').subscribe({
        complete: () => {
          port.consume('work', { prefetch: 5 }).subscribe((delivery) => {
            seen.push([text(delivery), scheduler.now()]);
            delivery.ack();
          });
          port.publish(message('delay', 'later')).subscribe();
          port.publish(message('work', 'now')).subscribe();
        },
      });
    });
    expect(seen).to.deep.equal([
      ['now', 0],
      ['later', 60_000],
    ]);
  });

  it('comes back after an outage in its time, with what was out', () => {
    const seen: [string, number, boolean][] = [];
    const states: [string, number][] = [];
    inVirtualTime((scheduler) => {
      const broker = new InProcessBroker({ random: () => 0.5 });
      const port = createEmbeddedPort(broker, { reconnectMs: 100 });
      port.status.subscribe(({ state }) => states.push([state, scheduler.now()]));
      port.establish(WORK, 'assert').subscribe({
        complete: () => {
          port.consume('work', { prefetch: 1 }).subscribe((delivery) => {
            seen.push([text(delivery), scheduler.now(), delivery.redelivered]);
            if (delivery.redelivered) delivery.ack();
          });
          port.publish(message('work', 'a')).subscribe();
        },
      });
      scheduler.schedule(() => broker.setReachable(false), 1000);
      scheduler.schedule(() => broker.setReachable(true), 1250);
    });
    expect(seen).to.deep.equal([
      ['a', 0, false],
      ['a', 1300, true],
    ]);
    expect(states.filter(([state]) => state !== 'connecting')).to.deep.equal([
      ['connected', 0],
      ['lost', 1000],
      ['connected', 1300],
    ]);
  });

  it('fails a publish whose confirm does not come in time, and one the broker nacks', () => {
    const outcomes: unknown[] = [];
    inVirtualTime((scheduler) => {
      const broker = new InProcessBroker({ random: () => 0.5 });
      const port = createEmbeddedPort(broker, { confirmTimeoutMs: 500 });
      port.establish(WORK, 'assert').subscribe({
        complete: () => {
          const watch = (name: string) => ({
            error: ({ code }: { readonly code: string }) => outcomes.push([name, code, scheduler.now()]),
            complete: () => outcomes.push([name, 'confirmed', scheduler.now()]),
          });
          broker.model.nackNextConfirms(1);
          port.publish(message('work', 'nacked')).subscribe(watch('nacked'));
          port.publish(message('work', 'fine')).subscribe(watch('fine'));
          scheduler.schedule(() => {
            broker.model.holdConfirms(true);
            port.publish(message('work', 'held')).subscribe(watch('held'));
          }, 10);
        },
      });
    });
    expect(outcomes).to.deep.equal([
      ['nacked', 'ERR_PUBLISH_NACKED', 0],
      ['fine', 'confirmed', 0],
      ['held', 'ERR_PUBLISH_UNKNOWN', 510],
    ]);
  });

  it('holds publishes back while the broker is blocked', () => {
    const confirmedAt: number[] = [];
    inVirtualTime((scheduler) => {
      const broker = new InProcessBroker({ random: () => 0.5 });
      const port = createEmbeddedPort(broker);
      broker.block('memory alarm');
      port.establish(WORK, 'assert').subscribe();
      port.publish(message('work', 'a')).subscribe({ complete: () => confirmedAt.push(scheduler.now()) });
      scheduler.schedule(() => broker.unblock(), 70);
    });
    expect(confirmedAt).to.deep.equal([70]);
  });
});

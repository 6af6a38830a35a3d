/** The AMQP cases on the embedded broker and on RabbitMQ: each as it is expected, and both alike. */
import amqp from 'amqplib';
import { expect } from 'chai';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { type AmqpCase, amqpCases } from './amqp-cases.ts';
import { Tools } from './amqp-tools.ts';

/**
 * Where the embedded broker differs from RabbitMQ 3.10 on purpose. None of these can be reached by a case above.
 * - `tx.*` is refused with 540: publisher confirms do what people want of transactions, and amqplib has no transactions.
 * - A place in a stream that is none is refused with 406; RabbitMQ 3.10 answers 541.
 * - Bounds of a stream end single messages, not segments; its last chunk is its last message.
 * - A frame with an unknown class or method is answered by 503; RabbitMQ 3.10 drops the connection without a word.
 * - A refusal during the handshake comes at once; RabbitMQ waits three seconds, and tells the tune faults only in its log.
 * - A body longer than its header says is answered by 501; RabbitMQ 3.10 waits for ever.
 * - A message over the size limit is refused at its header, not after its last byte.
 */

let runs = 0;

async function outcomeOf(url: string, { run }: AmqpCase): Promise<unknown> {
  const tools = new Tools(url, `sluice-amqp-${process.pid}-${++runs}`);
  try {
    const connection = await tools.connect();
    return tools.normalised(await run(connection, tools));
  } finally {
    await tools.cleanUp();
  }
}

describe('the AMQP cases', () => {
  const count = amqpCases.reduce((sum, [, cases]) => sum + cases.length, 0);

  it('are many, and each has a title of its own', () => {
    expect(count).to.be.at.least(60);
    const titles = amqpCases.flatMap(([subject, cases]) => cases.map(({ title }) => `${subject} ${title}`));
    expect(new Set(titles).size).to.equal(count);
  });
});

describe('the embedded broker', () => {
  let broker: EmbeddedBroker;
  let url: string;

  before(async () => {
    broker = createEmbeddedBroker({ users: { guest: 'guest' } });
    ({ url } = await broker.start());
  });
  after(() => broker.stop());

  for (const [subject, cases] of amqpCases) {
    describe(subject, () => {
      for (const each of cases) {
        it(each.title, async () => {
          expect(await outcomeOf(url, each)).to.deep.equal(sorted(each.expected));
        });
      }
    });
  }

  it('is clean after all cases', async () => {
    const connection = await amqp.connect(url);
    await connection.close();
    expect([...broker.stats().queues.keys()]).to.deep.equal([]);
  });

  describeWithRabbitMq('beside RabbitMQ', (rabbitMq) => {
    for (const [subject, cases] of amqpCases) {
      describe(subject, () => {
        for (const each of cases) {
          it(`${each.title}: alike`, async () => {
            const real = await outcomeOf(rabbitMq().url, each);
            expect(real).to.deep.equal(sorted(each.expected));
            expect(await outcomeOf(url, each)).to.deep.equal(real);
          });
        }
      });
    }
  });
});

/** Expected outcomes are written as they read best: undefined and the order of keys do not matter. */
function sorted(value: unknown): unknown {
  return new Tools('', 'none').normalised(value);
}

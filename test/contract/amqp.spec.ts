/** The AMQP cases on the embedded broker and on RabbitMQ: each as it is expected, and both alike. */
import amqp from 'amqplib';
import { expect } from 'chai';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { type AmqpCase, amqpCases } from './amqp-cases.ts';
import { Tools } from './amqp-tools.ts';
import { expectedOn, others } from './rabbitmq-versions.ts';

/**
 * Where the embedded broker differs from RabbitMQ 4.0 on purpose. None of these can be reached by a case above; where a version is named, others were
 * not asked.
 * - `tx.*` is refused with 540: publisher confirms do what people want of transactions, and amqplib has no transactions.
 * - A place in a stream that is none, and an age that is none, are refused with 406; RabbitMQ answers 541.
 * - Bounds of a stream end single messages, not segments; its last chunk is its last message.
 * - A frame with an unknown class or method is answered by 503; RabbitMQ 3.10 drops the connection without a word.
 * - A refusal during the handshake comes at once; RabbitMQ waits three seconds, and tells the tune faults only in its log.
 * - A body longer than its header says is answered by 501; RabbitMQ 3.10 waits for ever.
 * - A consumer of higher priority waits for the single active one of a quorum queue to go; RabbitMQ 4 lets it take over.
 * - Exchanges of type x-local-random are not known.
 * - A message over the size limit is refused at its header, not after its last byte.
 */

let runs = 0;

interface Outcome {
  readonly outcome: unknown;
  /** `4.3.6` as numbers. */
  readonly version: readonly number[];
}

async function outcomeOn(url: string, { run }: AmqpCase): Promise<Outcome> {
  const tools = new Tools(url, `sluice-amqp-${process.pid}-${++runs}`);
  try {
    const connection = await tools.connect();
    const { version } = connection.connection.serverProperties;
    const outcome = tools.normalised(await run(connection, tools));
    // The embedded one says none, and does as 4.0.
    return { outcome, version: (version ?? '4.0').split('.').map((part) => Number.parseInt(part, 10)) };
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

  it('are otherwise on other versions where that is said, and nowhere else', () => {
    const expected = new Map<string, unknown>(
      amqpCases.flatMap(([subject, cases]) =>
        cases.map((each) => [`${subject} ${each.title}`, each.expected] as const),
      ),
    );
    for (const [series, cases] of others)
      for (const [title, otherwise] of cases) {
        expect(expected.has(title), `${series}: ${title}`).to.equal(true);
        const onFour = expected.get(title);
        expect(otherwise(onFour), `${series}: ${title}`).to.not.deep.equal(onFour);
      }
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
          expect((await outcomeOn(url, each)).outcome).to.deep.equal(sorted(each.expected));
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
          const title = `${subject} ${each.title}`;
          const differs = [...others].flatMap(([series, cases]) => (cases.has(title) ? series : []));
          it(`${each.title}: alike${differs.length === 0 ? '' : `, but on ${differs.join(' and ')}`}`, async () => {
            const { outcome: real, version } = await outcomeOn(rabbitMq().url, each);
            const expected = expectedOn(version, title, each.expected);
            expect(real).to.deep.equal(sorted(expected));
            // The embedded broker came to what is expected of 4.0 above.
            if (expected === each.expected) expect((await outcomeOn(url, each)).outcome).to.deep.equal(real);
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

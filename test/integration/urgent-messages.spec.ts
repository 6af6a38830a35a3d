/** Urgent messages beside others that wait for their next try: the others wait as long as their pause is, whatever comes. */
import { expect } from 'chai';
import { interval, of, throwError } from 'rxjs';
import { z } from 'zod';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { definePipeline, queue, TransientError } from '../../src/index.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { startInProcess } from '../support/in-process-worker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';

/** So many that one by one, between urgent ones, they would take several times what they are given. */
const NORMAL = 80;

function urgentMessages(urlOf: () => string): void {
  it('hold up nothing that waits for its next try', async () => {
    const name = `urgent-${process.pid}`;
    const attempts = new Map<string, number>();
    const pipeline = definePipeline({
      name: 'urgent',
      source: queue(name, { retry: { delays: ['1s'] } }),
      input: z.object({ id: z.string() }),
      concurrency: 20,
      handle: ({ id }, { attempt }) => {
        attempts.set(id, attempt);
        return attempt === 1 ? throwError(() => new TransientError('not yet')) : of();
      },
    });
    const tried = (kind: string, attempt: number): number =>
      [...attempts].filter(([id, latest]) => id.startsWith(kind) && latest >= attempt).length;

    const worker = startInProcess([pipeline], { urls: [urlOf()] });
    await worker.isReady();
    const client = await connectClient(urlOf());
    const send = (id: string, priority: number): Promise<unknown> =>
      client.send(name, { id }, { messageId: id, priority });
    try {
      // Nobody else waits yet: then there is always somebody urgent who has waited less than the others.
      let urgent = 0;
      const flow = interval(200).subscribe(() => void send(`high-${urgent++}`, 9));
      await eventually('an urgent one waits', () => tried('high', 1) > 0);
      for (let count = 0; count < NORMAL; count++) await send(`normal-${count}`, count % 5);
      try {
        await eventually(
          () => `a second try of all: ${tried('normal', 2)} of ${NORMAL} had it`,
          () => tried('normal', 2) === NORMAL,
          8_000,
        );
      } finally {
        flow.unsubscribe();
      }
      expect(tried('high', 2)).to.be.above(0);
      await eventually('none is left', () => tried('high', 2) === urgent);
    } finally {
      await worker.stop();
      for (const left of [name, `${name}.dead`, `${name}.delay.1s`]) await client.channel.deleteQueue(left);
      await client.close();
    }
  });
}

describe('urgent messages on the embedded broker', () => {
  const broker = createEmbeddedBroker();
  let url = '';
  before(async () => {
    ({ url } = await broker.start());
  });
  after(() => broker.stop());
  urgentMessages(() => url);
});

describeWithRabbitMq('urgent messages on RabbitMQ', (broker) => urgentMessages(() => broker().url));

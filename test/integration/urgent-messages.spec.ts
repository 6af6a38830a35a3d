/** Urgent messages beside others that wait for their next try: the others wait as long as their pause is, whatever comes. */
import { expect } from 'chai';
import { of, Subject, throwError } from 'rxjs';
import { z } from 'zod';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { definePipeline, queue, TransientError } from '../../src/index.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { startInProcess } from '../support/in-process-worker.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';

/** Urgent ones that wait for their next try at any time. */
const URGENT = 5;
/** So many that one by one, between urgent ones, they would see twice as many of these pass. */
const NORMAL = 80;

function urgentMessages(urlOf: () => string): void {
  it('hold up nothing that waits for its next try', async () => {
    const name = `urgent-${process.pid}`;
    const attempts = new Map<string, number>();
    const handled = new Subject<{ readonly id: string; readonly attempt: number }>();
    const pipeline = definePipeline({
      name: 'urgent',
      source: queue(name, { retry: { delays: ['1s'] } }),
      input: z.object({ id: z.string() }),
      concurrency: 20,
      handle: ({ id }, { attempt }) => {
        attempts.set(id, attempt);
        handled.next({ id, attempt });
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
      // Nobody else waits yet: then there is always somebody urgent who has waited less than the others. The next comes when one is done, as
      // fast as the machine lets them.
      let urgent = 0;
      const sendUrgent = (): void => void send(`high-${urgent++}`, 9);
      const flow = handled.subscribe(({ id, attempt }) => {
        if (id.startsWith('high') && attempt === 2) sendUrgent();
      });
      while (urgent < URGENT) {
        const before = urgent;
        sendUrgent();
        await eventually('it waits', () => tried('high', 1) > before);
      }
      await Promise.all(Array.from({ length: NORMAL }, (_, count) => send(`normal-${count}`, count % 5)));
      const passed = tried('high', 2);
      try {
        await eventually(
          () => `a second try of all: ${tried('normal', 2)} of ${NORMAL} had it`,
          () => tried('normal', 2) === NORMAL || tried('high', 2) - passed >= NORMAL,
        );
        expect(tried('normal', 2), 'had their second try').to.equal(NORMAL);
      } finally {
        flow.unsubscribe();
      }
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

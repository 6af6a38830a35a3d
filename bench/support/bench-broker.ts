/** The RabbitMQ of the benchmarks: the one at AMQP_URL, or a private one where RabbitMQ is installed; and the messages in it. */
import amqp from 'amqplib';
import { privateRabbitMqAvailable, startPrivateRabbitMq } from '../../test/support/rabbitmq.ts';
import { type JobMessage, nowMicros } from '../whole-job/contender.ts';

export const QUEUE = 'sluice.bench';
export const EXCHANGE = 'sluice.bench.results';
/** Takes the results, and forgets them. */
const RESULTS = 'sluice.bench.results';

export async function findBroker(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env.AMQP_URL;
  if (url !== undefined && url !== '') return { url, stop: async () => {} };
  const availability = privateRabbitMqAvailable();
  if (!availability.available)
    throw new Error(`no broker: ${availability.reason}; set AMQP_URL, or ${availability.install}`);
  return startPrivateRabbitMq();
}

export interface Publisher {
  /** Empty queues, as every round begins with. */
  declare(queue?: string, type?: 'quorum' | 'classic'): Promise<void>;
  /** Hundreds of them: classic ones, which are there sooner. */
  declareMany(queues: readonly string[]): Promise<void>;
  /** So many messages as fast as the broker confirms them, in turn to each of the queues. */
  fill(count: number, queues?: readonly string[]): Promise<void>;
  /** So many messages, so many a second. */
  pace(count: number, perSecond: number): Promise<void>;
  close(): Promise<void>;
}

const NOTE = 'x'.repeat(150);

export async function openPublisher(url: string): Promise<Publisher> {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  let published = 0;
  const publish = (queue = QUEUE): void => {
    const n = published++;
    const message: JobMessage & { note: string } = {
      id: `order-${n}`,
      amount: n / 100,
      sentAtMicros: nowMicros(),
      note: NOTE,
    };
    const options = { messageId: `m${n}`, contentType: 'application/json', persistent: true };
    channel.sendToQueue(queue, Buffer.from(JSON.stringify(message)), options);
  };

  // Answers come in the order of the questions: none has to be waited for before the next is asked.
  const declareQueues = async (works: readonly string[], type: 'quorum' | 'classic'): Promise<void> => {
    const options = { durable: true, arguments: { 'x-queue-type': type } };
    const queues = works.flatMap((work) => [work, `${work}.dead`]);
    await Promise.all(queues.flatMap((queue) => [channel.deleteQueue(queue), channel.assertQueue(queue, options)]));
  };

  return {
    declare: async (work = QUEUE, type = 'quorum') => {
      await declareQueues([work], type);
      await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
      await channel.assertQueue(RESULTS, { durable: true, arguments: { 'x-max-length': 100 } });
      await channel.bindQueue(RESULTS, EXCHANGE, '#');
    },
    declareMany: (queues) => declareQueues(queues, 'classic'),
    fill: async (count, queues = [QUEUE]) => {
      for (let n = 0; n < count; n++) {
        publish(queues[n % queues.length]);
        if (n % 1_000 === 999) await channel.waitForConfirms();
      }
      await channel.waitForConfirms();
    },
    pace: (count, perSecond) =>
      new Promise((resolve) => {
        const beganAt = nowMicros();
        let sent = 0;
        const tick = setInterval(() => {
          const due = Math.min(count, Math.floor(((nowMicros() - beganAt) / 1e6) * perSecond));
          for (; sent < due; sent++) publish();
          if (sent < count) return;
          clearInterval(tick);
          resolve();
        }, 2);
      }),
    close: async () => {
      await channel.close();
      await connection.close();
    },
  };
}

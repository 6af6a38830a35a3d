/** The outside world of the demo: publishes messages and reads results with plain amqplib, as any other service would. */
import amqp from 'amqplib';
import type { SampleMessage } from './sample-messages.ts';

/** Result exchanges and whose they are. */
const RESULTS = {
  users: 'user-registration',
  orders: 'order-processing',
  articles: 'content-syndication',
  search: 'product-search',
} as const;

export interface Stranger {
  send(message: SampleMessage): void;
  close(): Promise<void>;
}

/** Connects, binds a queue of its own to every result exchange, and tells of each result. */
export async function connectStranger(
  url: string,
  onResult: (pipeline: string, messageId: string, body: unknown) => void,
): Promise<Stranger> {
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  for (const [exchange, pipeline] of Object.entries(RESULTS)) {
    await channel.assertExchange(exchange, 'topic', { durable: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, '#');
    await channel.consume(
      queue,
      (message) => {
        if (message !== null)
          onResult(pipeline, String(message.properties.correlationId), JSON.parse(message.content.toString()));
      },
      { noAck: true },
    );
  }
  return {
    send: ({ queue, messageId, body }) => {
      channel.sendToQueue(queue, Buffer.from(body), { messageId, contentType: 'application/json', persistent: true });
    },
    close: async () => {
      await channel.close();
      await connection.close();
    },
  };
}

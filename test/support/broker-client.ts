/** What a stranger with any AMQP client does to a broker: publish, bind a queue and read it, ask for an answer. */
import amqp, { type ChannelModel, type ConfirmChannel, type Message, type Options } from 'amqplib';

export interface Received {
  readonly routingKey: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Message['properties'];
}

export interface BrokerClient {
  readonly channel: ConfirmChannel;
  /** Publishes to a queue by its name and waits for the confirm. */
  send(queue: string, body: unknown, properties?: Options.Publish): Promise<void>;
  /** A queue of this client's own, bound to a topic exchange, and what has arrived there. */
  collect(exchange: string, key?: string): Promise<Collector>;
  /** What lies in a queue, read and acked. */
  drain(queue: string): Promise<Received[]>;
  deleteQueues(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface Collector {
  readonly messages: readonly Received[];
  /** Resolves with the first `count` messages once they are there. */
  next(count: number): Promise<readonly Received[]>;
}

const toReceived = ({ fields, content, properties }: Message): Received => ({
  routingKey: fields.routingKey,
  body: readBody(content),
  headers: properties.headers ?? {},
  properties,
});

function readBody(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return content.toString();
  }
}

export async function connectClient(url: string): Promise<BrokerClient> {
  const connection: ChannelModel = await amqp.connect(url);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});

  return {
    channel,
    async send(queue, body, properties = {}) {
      channel.sendToQueue(queue, Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)), {
        persistent: true,
        ...properties,
      });
      await channel.waitForConfirms();
    },
    async collect(exchange, key = '#') {
      await channel.assertExchange(exchange, 'topic', { durable: true });
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, exchange, key);
      return collectFrom(channel, queue);
    },
    async drain(queue) {
      const received: Received[] = [];
      for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
        channel.ack(message);
        received.push(toReceived(message));
      }
      return received;
    },
    async deleteQueues(names) {
      for (const name of names) await channel.deleteQueue(name);
    },
    async close() {
      await channel.close();
      await connection.close();
    },
  };
}

export async function collectFrom(channel: ConfirmChannel, queue: string): Promise<Collector> {
  const messages: Received[] = [];
  const waiting = new Set<() => void>();
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      messages.push(toReceived(message));
      for (const look of waiting) look();
    },
    { noAck: true },
  );
  return {
    messages,
    next: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (messages.length < count) return;
          waiting.delete(look);
          resolve(messages.slice(0, count));
        };
        waiting.add(look);
        look();
      }),
  };
}

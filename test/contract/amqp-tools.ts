/** What the AMQP cases share: unique names, deliveries as plain values, refusals as plain values. */
import amqp, {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  type GetMessage,
  type Options,
} from 'amqplib';
import { eventually } from '../support/eventually.ts';

export interface Refusal {
  readonly scope: 'channel' | 'connection' | 'none';
  readonly text: string;
}

export interface Seen {
  readonly deliveries: ConsumeMessage[];
  readonly consumerTag: string;
  cancelled: boolean;
  /** Resolves with the bodies when there are so many deliveries. */
  bodies(count: number): Promise<readonly string[]>;
}

export class Tools {
  readonly url: string;
  readonly #prefix: string;
  readonly #names: string[] = [];
  readonly #queues: string[] = [];
  readonly #exchanges: string[] = [];
  readonly #connections: ChannelModel[] = [];

  constructor(url: string, prefix: string) {
    this.url = url;
    this.#prefix = prefix;
  }

  name(): string {
    const name = `${this.#prefix}-${this.#names.length + 1}`;
    this.#names.push(name);
    return name;
  }

  async queue(channel: Channel, options: Options.AssertQueue = {}): Promise<string> {
    const name = this.name();
    this.#queues.push(name);
    await channel.assertQueue(name, { durable: true, ...options });
    return name;
  }

  quorum(channel: Channel, args: Record<string, unknown> = {}): Promise<string> {
    return this.queue(channel, { arguments: { 'x-queue-type': 'quorum', ...args } });
  }

  async exchange(channel: Channel, type: string, options: Options.AssertExchange = {}): Promise<string> {
    const name = this.name();
    this.#exchanges.push(name);
    await channel.assertExchange(name, type, options);
    return name;
  }

  /** Another connection, closed after the case. */
  async connect(): Promise<ChannelModel> {
    const connection = await amqp.connect(this.url);
    connection.on('error', () => {});
    this.#connections.push(connection);
    return connection;
  }

  /** Publishes bodies to a queue and waits for their confirms. */
  async send(
    channel: ConfirmChannel,
    queue: string,
    bodies: readonly string[],
    options: Options.Publish = {},
  ): Promise<void> {
    for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), options);
    await channel.waitForConfirms();
  }

  async consume(channel: Channel, queue: string, options: Options.Consume = {}): Promise<Seen> {
    const deliveries: ConsumeMessage[] = [];
    const seen: Omit<Seen, 'consumerTag'> = {
      deliveries,
      cancelled: false,
      bodies: async (count) => {
        await eventually(`${count} deliveries`, () => deliveries.length >= count);
        return deliveries.map(bodyOf);
      },
    };
    const { consumerTag } = await channel.consume(
      queue,
      (message) => {
        if (message === null) seen.cancelled = true;
        else deliveries.push(message);
      },
      options,
    );
    return Object.assign(seen, { consumerTag });
  }

  /** Lets the broker finish what it is doing for this channel: what it sent before has arrived then. */
  async settled(channel: Channel, queue: string): Promise<void> {
    for (let round = 0; round < 6; round++) await channel.checkQueue(queue);
  }

  async ready(channel: Channel, queue: string): Promise<number> {
    return (await channel.checkQueue(queue)).messageCount;
  }

  async eventuallyReady(channel: Channel, queue: string, count: number): Promise<void> {
    await eventually(`${count} ready in ${queue}`, async () => (await this.ready(channel, queue)) === count);
  }

  /** Reads a queue empty. */
  async drain(channel: Channel, queue: string): Promise<readonly GetMessage[]> {
    const messages: GetMessage[] = [];
    for (
      let got = await channel.get(queue, { noAck: true });
      got !== false;
      got = await channel.get(queue, { noAck: true })
    ) {
      messages.push(got);
    }
    return messages;
  }

  /** How the broker refuses what is done on a channel of a connection of its own. */
  async refusal(act: (channel: ConfirmChannel) => unknown): Promise<Refusal> {
    const connection = await this.connect();
    const channel = await connection.createConfirmChannel();
    return new Promise((resolve) => {
      const told = (scope: 'channel' | 'connection', error: Error): void => {
        resolve({ scope, text: textOf(error) });
      };
      connection.on('error', (error: Error) => told('connection', error));
      channel.on('error', (error: Error) => told('channel', error));
      const done = async (): Promise<void> => {
        await act(channel);
        // Three answers later a refusal would have come.
        for (let round = 0; round < 3; round++) await channel.checkExchange('amq.direct');
        resolve({ scope: 'none', text: '' });
      };
      done().catch(() => {});
    });
  }

  /** Replaces names of this run by their numbers, and generated ones and moments by what they are. */
  normalised(outcome: unknown): unknown {
    if (typeof outcome === 'string') return this.#withoutNames(outcome);
    if (Buffer.isBuffer(outcome)) return `bytes ${outcome.toString('hex')}`;
    if (Array.isArray(outcome)) return outcome.map((item) => this.normalised(item));
    if (typeof outcome !== 'object' || outcome === null) return outcome;
    if ('!' in outcome && outcome['!'] === 'timestamp') return '<timestamp>';
    return Object.fromEntries(
      Object.entries(outcome)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [this.#withoutNames(key), this.normalised(value)] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  }

  async cleanUp(): Promise<void> {
    // First, so that exclusive queues are gone.
    for (const open of this.#connections.splice(0)) await open.close().catch(() => {});
    const connection = await this.connect();
    const channel = await connection.createChannel();
    for (const queue of this.#queues) await channel.deleteQueue(queue);
    for (const exchange of this.#exchanges) await channel.deleteExchange(exchange);
    await connection.close();
  }

  #withoutNames(text: string): string {
    let plain = text;
    this.#names.forEach((name, index) => {
      plain = plain.replace(new RegExp(`${name}(?!\\d)`, 'g'), `<${index + 1}>`);
    });
    return plain
      .replace(/amq\.gen-[\w-]{22}/g, '<generated queue>')
      .replace(/amq\.ctag-[\w-]{22}/g, '<generated tag>')
      .replace(/amq\.rabbitmq\.reply-to\.[\w.=+/-]+/g, '<reply address>');
  }
}

export const bodyOf = (message: { readonly content: Buffer }): string => message.content.toString();

/** `406 PRECONDITION_FAILED - unknown delivery tag 1` out of amqplib's sentence. */
function textOf(error: Error): string {
  const [, code = '', text = error.message] = /(\d{3}) \([\w-]+\) with message "([\s\S]*)"/.exec(error.message) ?? [];
  return `${code} ${text}`.trim();
}

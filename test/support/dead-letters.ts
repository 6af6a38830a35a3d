/** Dead letters as the engine leaves them, for tests of what people do about them. */
import type { ConsumeMessage, Options } from 'amqplib';
import { deadLetters } from '../../src/broker/source-topology.ts';
import type { BrokerClient } from './broker-client.ts';

export interface LetterSeed {
  readonly id: string;
  readonly body?: unknown;
  readonly code?: string;
  readonly stage?: string;
  readonly message?: string;
  readonly lastFailedAt?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly properties?: Options.Publish;
}

/** A work queue and its dead-letter queue, new and empty. */
export async function declarePair({ channel }: BrokerClient, work: string): Promise<void> {
  for (const { name, arguments: args } of [
    { name: work, arguments: { 'x-queue-type': 'quorum' } },
    deadLetters({ name: work, type: 'quorum' }),
  ]) {
    await channel.deleteQueue(name);
    await channel.assertQueue(name, { durable: true, arguments: args });
  }
}

/** Publishes letters into the dead-letter queue, in this order. */
export async function seedLetters(
  { channel }: BrokerClient,
  work: string,
  letters: readonly LetterSeed[],
): Promise<void> {
  for (const { id, body = {}, code = 'ERR_PERMANENT', stage = 'handle', message = 'no', ...rest } of letters) {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const lastFailedAt = rest.lastFailedAt ?? Date.now() - 60_000;
    channel.sendToQueue(`${work}.dead`, content, {
      persistent: true,
      contentType: 'application/json',
      messageId: id,
      ...rest.properties,
      headers: {
        'x-sluice-error-code': code,
        'x-sluice-error-message': message,
        'x-sluice-stage': stage,
        'x-sluice-pipeline': work,
        'x-sluice-attempts': 4,
        'x-sluice-first-failed-at': lastFailedAt - 60_000,
        'x-sluice-last-failed-at': lastFailedAt,
        'x-sluice-queue': work,
        'x-sluice-exchange': 'orders',
        'x-sluice-routing-key': 'order.placed',
        ...rest.headers,
      },
    });
  }
  await channel.waitForConfirms();
}

export const numbered = (count: number, seed: Omit<LetterSeed, 'id'> = {}): LetterSeed[] =>
  Array.from({ length: count }, (_, n) => ({ ...seed, id: `m${n}` }));

/** Everything that is ready in a queue, in order; it is gone from there afterwards. Consumed at once: one `basic.get` each takes seconds. */
export async function takeAll({ channel }: BrokerClient, queue: string): Promise<ConsumeMessage[]> {
  const { messageCount } = await channel.checkQueue(queue);
  const taken: ConsumeMessage[] = [];
  if (messageCount === 0) return taken;
  let finish = (): void => {};
  const isOver = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const take = (message: ConsumeMessage | null): void => {
    if (message !== null) taken.push(message);
    if (taken.length === messageCount) finish();
  };
  const { consumerTag } = await channel.consume(queue, take, { noAck: true });
  await isOver;
  await channel.cancel(consumerTag);
  return taken;
}

/** Ids of what lies in a queue, in order; the queue is empty afterwards. */
export async function idsIn(client: BrokerClient, queue: string): Promise<string[]> {
  return (await takeAll(client, queue)).map(({ properties }) => String(properties.messageId));
}

export const readyIn = async ({ channel }: BrokerClient, queue: string): Promise<number> =>
  (await channel.checkQueue(queue)).messageCount;

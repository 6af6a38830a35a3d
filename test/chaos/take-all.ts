/** Takes what lies in a queue, all at once: one message after the other would take a busy machine minutes. */
import type { ConfirmChannel } from 'amqplib';

/** The largest prefetch there is. */
const MAX_TAKEN = 65_535;

export interface Taken {
  readonly body: unknown;
  readonly messageId: string;
}

/** Resolves with the messages that were ready, acked; at most 65 535. @throws when the channel goes. */
export async function takeAll(channel: ConfirmChannel, queue: string): Promise<readonly Taken[]> {
  const { messageCount: ready } = await channel.checkQueue(queue);
  if (ready === 0) return [];
  const messageCount = Math.min(ready, MAX_TAKEN);
  const taken: Taken[] = [];
  await channel.prefetch(messageCount);
  await new Promise<void>((resolve, reject) => {
    channel.once('close', () => reject(new Error(`the channel was closed while ${queue} was read`)));
    const consumer = channel.consume(queue, (message) => {
      if (message === null || taken.length === messageCount) return;
      taken.push({ body: bodyOf(message.content), messageId: String(message.properties.messageId) });
      // One by one: what came in meanwhile, beyond what was asked for, goes back with the channel.
      channel.ack(message);
      if (taken.length < messageCount) return;
      consumer.then(({ consumerTag }) => channel.cancel(consumerTag)).then(() => resolve(), reject);
    });
    consumer.catch(reject);
  });
  return taken;
}

function bodyOf(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return content.toString();
  }
}

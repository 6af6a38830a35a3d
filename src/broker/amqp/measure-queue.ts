/** How much lies in a queue, by a passive declare on a channel of its own: one that is missing costs that channel alone. */
import type { QueueDepth } from '../broker.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';

/** Undefined: there is no such queue, or it may not be looked at. @throws BrokerUnavailableError when the link ends or does not answer. */
export async function measureQueue(
  link: Link,
  queue: string,
  onDefect: DefectListener,
): Promise<QueueDepth | undefined> {
  let isRefused = false;
  const channel = await openChannel(link, {
    onDefect,
    onGone: (cause) => {
      isRefused = cause !== undefined;
    },
  });
  try {
    const { messageCount, consumerCount } = await link.ask(channel.checkQueue(queue), 'queue.declare');
    return { queue, messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if (isRefused) return undefined;
    throw error;
  } finally {
    await closeChannel(link, channel);
  }
}

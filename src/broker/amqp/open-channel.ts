/** Channels with all their listeners, attached before anything else can happen on them. */
import type { Channel, ConfirmChannel, Message } from 'amqplib';
import { type DefectListener, guarded } from './guarded.ts';
import type { Link } from './link.ts';

export interface ChannelListeners {
  /** Called once when the channel has ended, by our own close too; `cause` is the broker's error where there was one. */
  readonly onGone: (cause: unknown) => void;
  /** A mandatory message that reached no queue. Comes before its confirm. */
  readonly onReturn?: (message: Message) => void;
  /** A listener or callback of ours threw inside amqplib. */
  readonly onDefect: DefectListener;
}

/** A channel without confirms. @throws BrokerUnavailableError, or what the broker answered. */
export async function openChannel(link: Link, listeners: ChannelListeners): Promise<Channel> {
  const channel = await link.ask(link.model.createChannel(), 'channel.open', closeQuietly);
  return listenTo(channel, link, listeners);
}

/**
 * So many channels without confirms, as one request to the link, which is given up after some that are not answered in a row. All or none: where one
 * is not to be had, the others are closed, also those that open later.
 * @throws as for one.
 */
export async function openChannels(
  link: Link,
  count: number,
  listeners: ChannelListeners,
): Promise<readonly Channel[]> {
  const opening = Array.from({ length: count }, async () =>
    listenTo(await link.model.createChannel(), link, listeners),
  );
  try {
    return await link.ask(Promise.all(opening), 'channel.open');
  } catch (error) {
    for (const channel of opening) channel.then(closeQuietly, () => {});
    throw error;
  }
}

/** A channel on which the broker confirms what is published. */
export async function openConfirmChannel(link: Link, listeners: ChannelListeners): Promise<ConfirmChannel> {
  const channel = await link.ask(link.model.createConfirmChannel(), 'channel.open', closeQuietly);
  return listenTo(channel, link, listeners);
}

/** Closes a channel in order: what was written to it before is read by the broker, which may forget settlements all the same (`settleThrough`). Never fails; at most as long as the RPC deadline. */
export const closeChannel = (link: Link, channel: Channel): Promise<void> => closeChannels(link, [channel]);

/** The same for several, as one request to the link. */
export async function closeChannels(link: Link, channels: readonly Channel[]): Promise<void> {
  if (channels.length === 0) return;
  try {
    await link.ask(Promise.allSettled(channels.map(async (channel) => channel.close())), 'channel.close');
  } catch {
    // Gone already, or the connection with it: closed either way.
  }
}

function closeQuietly(channel: Channel): void {
  // A channel error without a listener would close the whole connection.
  channel.on('error', () => {});
  channel.close().catch(() => {});
}

function listenTo<C extends Channel>(channel: C, link: Link, { onGone, onReturn, onDefect }: ChannelListeners): C {
  let isGone = false;
  let cause: unknown;
  const gone = (): void => {
    if (isGone) return;
    isGone = true;
    onGone(cause);
  };
  channel.on('error', (error: Error) => {
    cause = error;
  });
  channel.on('close', guarded(gone, onDefect));
  channel.on('handler-error', (error: Error) => onDefect(error));
  if (onReturn !== undefined) channel.on('return', guarded(onReturn, onDefect));
  // The connection may have died between the answer and this line; then no event comes any more.
  if (!link.isOpen) queueMicrotask(guarded(gone, onDefect));
  return channel;
}

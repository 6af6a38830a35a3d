/**
 * The last settlements of a channel, brought to their queue before it closes. For each quorum queue RabbitMQ sends on some 32 settlements of a
 * channel, keeps all others back until the queue has written those down, and forgets what it keeps when the channel closes: of 500 acks
 * in a row and a close, 466 messages come again. A consumer is written down by the queue behind what it was sent: when it is accepted, the
 * channel has learned that there is room, and sends on what it kept before it reads what we send next.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Link } from './link.ts';

/** So many settlements are sent on as they come, with what may be left of others before them. */
const SENT_ON_AT_ONCE = 16;

/** Behind all other names: some brokers put back what a channel leaves in the order of its consumers' names. */
const CONSUMER_TAG = 'zz settled';

/** Settlements written to a channel since the queue is known to have had those before. */
export class Settlements {
  #unproven = 0;

  wrote(): void {
    this.#unproven++;
  }

  /** To be called once the queue has answered what is asked now and written down by it: then it has had all that was written before. */
  provenByAnswer(): () => void {
    const before = this.#unproven;
    return () => {
      this.#unproven -= before;
    };
  }

  /** Whether the broker may forget some of them. */
  get areAtRisk(): boolean {
    return this.#unproven > SENT_ON_AT_ONCE;
  }
}

/**
 * Brings all that was settled on the channel to the queue. To be followed by the close: one message may be handed over, which that gives back.
 * Takes at most as long as two requests; never fails, for where they are not answered the close has no better answer.
 */
export async function settleThrough(
  link: Link,
  channel: Channel,
  queue: string,
  onTaken: (deliveryTag: number) => void = () => {},
): Promise<void> {
  const take = (message: ConsumeMessage | null): void => {
    if (message !== null) onTaken(message.fields.deliveryTag);
  };
  try {
    await link.ask(channel.prefetch(1), 'basic.qos');
    await link.ask(channel.consume(queue, take, { consumerTag: CONSUMER_TAG }), 'basic.consume');
  } catch {
    // The channel has gone, or the queue: what it had not heard of comes again.
  }
}

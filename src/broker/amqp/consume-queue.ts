/**
 * Consuming as a stream that never ends by itself: one consumer channel after the other, each on the link of its time,
 * with growing pauses while the queue cannot be consumed.
 */
import { asyncScheduler, Observable, type Subscription } from 'rxjs';
import type { Logger } from '../../log.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { ConsumeOptions } from '../broker.ts';
import { ConsumerChannel } from './consumer-channel.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import type { Pauses } from './pauses.ts';

export interface ConsumeContext {
  /** The link to consume on, once its topology stands; undefined while there is none. Completes when the broker is closed. */
  readonly links: Observable<Link | undefined>;
  readonly createPauses: () => Pauses;
  readonly log: Logger;
  readonly onDefect: DefectListener;
  /** All consumer channels with something left on the broker; `close` ends them. */
  readonly channels: Set<ConsumerChannel>;
}

/** Cold. Deliveries of one consumer; see `Broker.consume`. */
export function consumeQueue(context: ConsumeContext, queue: string, options: ConsumeOptions): Observable<Delivery> {
  const { links, createPauses, log, onDefect, channels } = context;
  const { prefetch, onConsuming, keepsOrder = false, streamOffset } = options;
  if (!(Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65_535)) {
    // 0 means unlimited on the wire: the whole queue would come at once.
    throw new RangeError(`prefetch: expected an integer from 1 to 65535, got ${prefetch}`);
  }

  return new Observable((subscriber) => {
    const pauses = createPauses();
    let link: Link | undefined;
    let current: ConsumerChannel | undefined;
    let pause: Subscription | undefined;
    let toldReason: string | undefined;

    const tell = (isConsuming: boolean, reason?: string): void => {
      if (subscriber.closed) return;
      try {
        onConsuming?.(isConsuming, reason);
      } catch (error) {
        onDefect(error);
      }
    };

    const start = (on: Link): void => {
      const channel = new ConsumerChannel({
        link: on,
        queue,
        prefetch,
        keepsOrder,
        streamOffset: streamOffset?.(),
        onDelivery: (delivery) => subscriber.next(delivery),
        onConsuming() {
          pauses.succeeded();
          toldReason = undefined;
          tell(true);
        },
        onGone(reason) {
          current = undefined;
          // A queue that stays missing is one line, not one an attempt.
          if (reason !== toldReason && link === on && on.isOpen) log.warn({ queue, reason }, 'consumer is gone');
          toldReason = reason;
          tell(false, reason);
          if (link === on && on.isOpen) pause = asyncScheduler.schedule(() => start(on), pauses.next());
        },
        onDefect,
      });
      current = channel;
      channels.add(channel);
      channel.ended.subscribe({ complete: () => channels.delete(channel) });
    };

    const watching = links.subscribe({
      next(latest) {
        pause?.unsubscribe();
        link = latest;
        if (latest !== undefined) start(latest);
      },
      complete: () => tell(false, 'the broker is closed'),
    });

    return () => {
      watching.unsubscribe();
      pause?.unsubscribe();
      current?.stop();
    };
  });
}

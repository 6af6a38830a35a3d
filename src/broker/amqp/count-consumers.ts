/** How many consumers a queue has: asked for on a channel of its own, because the broker closes that where there is no such queue. */
import { catchError, filter, from, NEVER, type Observable, switchMap, take, throwIfEmpty } from 'rxjs';
import { BrokerUnavailableError, TopologyError } from '../../errors.ts';
import { brokerText, REPLY, replyCodeOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';

/** Cold; see `Broker.countConsumers`. What a link does not answer because it goes is asked of the next. */
export const countConsumers = (
  links: Observable<Link | undefined>,
  queue: string,
  onDefect: DefectListener,
): Observable<number> =>
  links.pipe(
    filter((link) => link !== undefined),
    switchMap((link) =>
      from(count(link, queue, onDefect)).pipe(
        catchError((error: unknown) => {
          if (link.isOpen) throw error;
          return NEVER;
        }),
      ),
    ),
    take(1),
    throwIfEmpty(() => new BrokerUnavailableError('the broker is closed')),
  );

async function count(link: Link, queue: string, onDefect: DefectListener): Promise<number> {
  const channel = await openChannel(link, { onGone: () => {}, onDefect });
  try {
    const { consumerCount } = await link.ask(channel.checkQueue(queue), `for queue "${queue}"`);
    void closeChannel(link, channel);
    return consumerCount;
  } catch (error) {
    if (replyCodeOf(error) !== REPLY.notFound) throw error;
    throw new TopologyError(`queue "${queue}": it does not exist (${brokerText(error)})`, { cause: error });
  }
}

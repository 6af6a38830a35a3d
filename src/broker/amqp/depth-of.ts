/** What a queue holds and who consumes it, asked of whatever link there is. */
import { catchError, filter, from, NEVER, type Observable, switchMap, take, throwIfEmpty } from 'rxjs';
import { BrokerUnavailableError, TopologyError } from '../../errors.ts';
import type { QueueDepth } from '../broker.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { measureQueue } from './measure-queue.ts';

/** Cold; see `Broker.depthOf`. What a link does not answer because it goes is asked of the next. */
export const depthOf = (
  links: Observable<Link | undefined>,
  queue: string,
  onDefect: DefectListener,
): Observable<QueueDepth> =>
  links.pipe(
    filter((link) => link !== undefined),
    switchMap((link) =>
      from(look(link, queue, onDefect)).pipe(
        catchError((error: unknown) => {
          if (link.isOpen) throw error;
          return NEVER;
        }),
      ),
    ),
    take(1),
    throwIfEmpty(() => new BrokerUnavailableError('the broker is closed')),
  );

async function look(link: Link, queue: string, onDefect: DefectListener): Promise<QueueDepth> {
  const found = await measureQueue(link, queue, onDefect);
  if (found === undefined) throw new TopologyError(`queue "${queue}": it does not exist, or may not be looked at`);
  return found;
}

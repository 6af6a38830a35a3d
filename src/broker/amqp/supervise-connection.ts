/**
 * Keeps one connection alive: dials, waits for its end, pauses with jitter, dials again, one at a time, until it is closed.
 * Rests on plain `connect()`: the recovery option of amqplib waits for ever in its setup and never repairs a channel.
 */
import { asyncScheduler, BehaviorSubject, type Observable, ReplaySubject, type Subscription } from 'rxjs';
import type { BrokerStatus } from '../broker.ts';
import { reasonOf } from './failures.ts';
import type { Link } from './link.ts';
import type { Pauses } from './pauses.ts';

export interface ConnectionSupervisor {
  /** The open link, or undefined while there is none: now, then each change. Completes when closed. */
  readonly links: Observable<Link | undefined>;
  readonly current: Link | undefined;
  /** The state now, then each change. Completes after `closed`. */
  readonly status: Observable<BrokerStatus>;
  /** Ends dialling, or closes the link; after `withinMs` its socket is destroyed. Channels must be closed before. */
  close(withinMs: number): Promise<void>;
}

export interface SuperviseOptions {
  /** One attempt. `onBlocked` is told when the broker stops or resumes reading from this connection. */
  readonly dial: (onBlocked: (reason: string | undefined) => void, signal: AbortSignal) => Promise<Link>;
  readonly pauses: Pauses;
  readonly onFailed: (reason: string) => void;
}

export function superviseConnection({ dial, pauses, onFailed }: SuperviseOptions): ConnectionSupervisor {
  const links = new BehaviorSubject<Link | undefined>(undefined);
  // Replays `closed` to those who ask after the end.
  const status = new ReplaySubject<BrokerStatus>(1);
  const dialling = new AbortController();
  let pause: Subscription | undefined;
  let isClosed = false;

  const connectOnce = async (failedBefore?: string): Promise<void> => {
    status.next(failedBefore === undefined ? { state: 'connecting' } : { state: 'connecting', reason: failedBefore });
    let link: Link | undefined;
    const onBlocked = (reason: string | undefined): void => {
      if (isClosed || (link !== undefined && links.value !== link)) return;
      status.next(reason === undefined ? { state: 'connected' } : { state: 'blocked', reason });
    };
    try {
      link = await dial(onBlocked, dialling.signal);
    } catch (error) {
      if (isClosed) return;
      const reason = reasonOf(error);
      // At once, and not at the next dial: until then the reason of the one before would stand.
      status.next({ state: 'connecting', reason });
      connectLater(reason);
      return;
    }
    if (isClosed) {
      link.cut('closed');
      return;
    }
    pauses.succeeded();
    links.next(link);
    status.next({ state: 'connected' });
    link.lost.subscribe((reason) => {
      if (isClosed) return;
      links.next(undefined);
      status.next({ state: 'lost', reason });
      connectLater(reason);
    });
  };

  const connectLater = (reason: string): void => {
    onFailed(reason);
    pause = asyncScheduler.schedule(() => void connectOnce(reason), pauses.next());
  };

  void connectOnce();

  return {
    links,
    get current() {
      return links.value;
    },
    status,
    async close(withinMs) {
      if (isClosed) return;
      isClosed = true;
      pause?.unsubscribe();
      dialling.abort();
      const link = links.value;
      await link?.close(withinMs);
      links.next(undefined);
      links.complete();
      status.next({ state: 'closed' });
      status.complete();
    },
  };
}

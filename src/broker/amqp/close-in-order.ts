/**
 * The end of a broker: confirms first, then channels, then connections. A connection that is closed before its channels throws away
 * what was written last: acks the broker never sees, publishes it never stores.
 */
import { asyncScheduler, defaultIfEmpty, firstValueFrom, forkJoin, race, timer } from 'rxjs';
import type { ConsumerChannel } from './consumer-channel.ts';
import type { Publisher } from './publisher.ts';
import type { ConnectionSupervisor } from './supervise-connection.ts';

export interface Closing {
  readonly publishers: readonly Publisher[];
  readonly channels: Iterable<ConsumerChannel>;
  readonly connections: readonly ConnectionSupervisor[];
}

const REASON = 'the broker is closed';
/** Time kept back from waiting for confirms, so that what is settled still gets out: a share of all, at most this. */
const KEPT_BACK_MS = 1_000;
const KEPT_BACK_RATIO = 0.2;

/** Takes at most `withinMs`, then destroys the sockets. Never fails. */
export async function closeInOrder({ publishers, channels, connections }: Closing, withinMs: number): Promise<void> {
  const endMs = asyncScheduler.now() + withinMs;
  const leftMs = (): number => Math.max(0, endMs - asyncScheduler.now());

  for (const channel of channels) channel.stop();
  const drainMs = withinMs - Math.min(KEPT_BACK_MS, withinMs * KEPT_BACK_RATIO);
  const drained = forkJoin(publishers.map((publisher) => publisher.drain()));
  await firstValueFrom(race(drained, timer(drainMs)).pipe(defaultIfEmpty(undefined)));

  const closed = Promise.all([
    ...publishers.map((publisher) => publisher.close(REASON)),
    ...[...channels].map((channel) => channel.close(REASON)),
  ]);
  await firstValueFrom(race(closed, timer(leftMs())));
  await Promise.all(connections.map((connection) => connection.close(leftMs())));
}

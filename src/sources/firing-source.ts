/** What `every` and `schedule` have in common: a queue of the pipeline's own, fed with firings, handled one at a time. */
import { z } from 'zod';
import { type QueueOptions, queue } from '../broker/queue.ts';
import { Firing } from './firing.ts';
import { firingFeeder } from './firing-feeder.ts';
import type { FiringTimes } from './firing-times.ts';
import { queueOptionsShape } from './queue-options.ts';
import type { TypedSource } from './source.ts';

export interface FiringOptions extends Pick<QueueOptions, 'retry' | 'topology' | 'type' | 'deliveryLimit'> {
  /** Name of the queue where firings wait. Default: the pipeline's name and `.firings`. */
  readonly queue?: string;
  /**
   * Whether a firing may be handled while an earlier one still is. Default: false. Then the broker hands firings to one worker alone, which handles
   * one after the other, and a firing that has waited until its successor is due is acked without being handled.
   */
  readonly overlap?: boolean;
  /**
   * Whether the last firing that was missed, because no worker ran or the broker was away, is made up for when that is over; earlier ones never
   * are. What no worker ever saw coming is not missed. The journal in memory knows only what its own process saw. Default: true.
   */
  readonly catchUp?: boolean;
}

const { retry, topology, type, deliveryLimit } = queueOptionsShape;

/** The fields of `FiringOptions`. */
export const firingOptionsShape = {
  queue: z.string().min(1).optional(),
  overlap: z.boolean().optional(),
  catchUp: z.boolean().optional(),
  retry,
  topology,
  type,
  deliveryLimit,
};

/** Duplicates of a firing come from a worker that died, within minutes. */
const REMEMBERED = '1d';

/** The queue's own options are checked by `queue()`, which names the queue. */
export function firingSource(title: string, times: FiringTimes, options: FiringOptions): TypedSource<typeof Firing> {
  const { queue: name, overlap = false, catchUp = true, ...queueOptions } = options;
  const feeder = firingFeeder({ title, times, catchUp });
  const oneAtATime = !overlap;
  return {
    kind: 'fed',
    message: Firing,
    resolve: (pipeline) => ({
      ...queue(name ?? `${pipeline}.firings`, { ...queueOptions, ...(oneAtATime ? { prefetch: 1 } : {}) }),
      singleActiveConsumer: oneAtATime,
      oneAtATime,
      feeder,
      dedupe: { ttl: REMEMBERED },
      ...(oneAtATime ? { staleBy: laterThan(times) } : {}),
    }),
  };
}

const laterThan =
  (times: FiringTimes) =>
  (message: unknown, now: number): string | undefined => {
    const { scheduledAt } = message as Firing;
    const latest = times.latest(now) ?? Number.NEGATIVE_INFINITY;
    return latest > scheduledAt.getTime() ? `the firing of ${new Date(latest).toISOString()} is due` : undefined;
  };

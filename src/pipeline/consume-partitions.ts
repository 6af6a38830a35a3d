/**
 * Consuming partitions: all of them at once, each from the broker's line of workers, in which one is active. The first worker is active everywhere;
 * so each looks how many there are now and then, and who is active in more than a fair share of the partitions goes to the end of some lines.
 *
 * The broker tells nobody that it is active. A worker knows it where a message came, and everywhere when another comes after it was alone; of a
 * partition that has no messages it does not know it otherwise, which burdens nobody.
 */
import {
  catchError,
  defer,
  EMPTY,
  exhaustMap,
  ignoreElements,
  merge,
  type Observable,
  repeat,
  Subject,
  startWith,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import type { Broker, ConsumeOptions } from '../broker/broker.ts';
import { workersQueue, workQueues } from '../broker/partitions.ts';
import type { QueueSource } from '../broker/queue.ts';
import type { Delivery } from '../message/delivery.ts';
import type { Random } from '../policies/random.ts';

export interface ConsumePartitionsOptions extends Pick<ConsumeOptions, 'onConsuming'> {
  /** Unsettled deliveries the broker may have out, of all partitions together. */
  readonly prefetch: number;
  readonly random: Random;
  /** Told of each partition that is left to the next worker in line. */
  readonly onHandedOver: (queue: string, workers: number) => void;
}

/**
 * Cold, as `Broker.consume` is. A partition is handed over when all that came from it is settled: nothing is lost, and its order holds.
 * `onConsuming` is told of all partitions as of one: true when the broker has accepted the last of them.
 */
export function consumePartitions(
  broker: Pick<Broker, 'consume' | 'depthOf'>,
  source: QueueSource,
  { prefetch, random, onConsuming, onHandedOver }: ConsumePartitionsOptions,
): Observable<Delivery> {
  return defer(() => {
    const queues = workQueues(source);
    const { lookEveryMs = Number.POSITIVE_INFINITY } = source.partitions ?? {};
    const prefetchOfEach = Math.max(1, Math.floor(prefetch / queues.length));
    const accepted = new Set<string>();
    const allAccepted = new Subject<void>();
    const partitions = queues.map((queue) => {
      const tell = (isConsuming: boolean, reason?: string): void => {
        partition.isActive &&= isConsuming;
        const wereAll = accepted.size === queues.length;
        if (isConsuming) accepted.add(queue);
        else accepted.delete(queue);
        const areAll = accepted.size === queues.length;
        if (areAll !== wereAll || !isConsuming) onConsuming?.(areAll, reason);
        if (areAll && !wereAll) allAccepted.next();
      };
      const partition = new Partition(queue, () =>
        broker.consume(queue, { prefetch: prefetchOfEach, keepsOrder: true, onConsuming: tell }),
      );
      return partition;
    });

    let wasAlone = false;
    const share = (workers: number): void => {
      // Believed for one look: where another was not counted yet it is wrong, and whoever went on with it would give away, at each look, what really is its own.
      const ours = partitions.filter(({ queue, isActive }) => isActive || (wasAlone && accepted.has(queue)));
      wasAlone = workers === 1;
      const fairShare = Math.ceil(partitions.length / Math.max(1, workers));
      for (const partition of ours.slice(fairShare)) {
        partition.handOver();
        onHandedOver(partition.queue, workers);
      }
    };
    const counted = workersQueue(source.name);
    // A look that fails is one that was not taken: the next one comes.
    const look = defer(() => broker.depthOf(counted)).pipe(
      tap(({ consumers }) => share(consumers)),
      catchError(() => EMPTY),
    );
    // Workers that started together do not look at once.
    const nowAndThen = defer(() => timer(lookEveryMs * (0.5 + random()))).pipe(repeat());
    const looks = merge(allAccepted, nowAndThen).pipe(
      exhaustMap(() => look),
      ignoreElements(),
    );
    const presence = broker.consume(counted, { prefetch: 1 }).pipe(ignoreElements());
    return merge(
      presence,
      Number.isFinite(lookEveryMs) ? looks : EMPTY,
      ...partitions.map(({ deliveries }) => deliveries),
    );
  });
}

class Partition {
  readonly queue: string;
  /** Whether the broker hands its messages to us, as far as we have seen. */
  isActive = false;
  readonly deliveries: Observable<Delivery>;
  readonly #left = new Subject<void>();

  constructor(queue: string, consume: () => Observable<Delivery>) {
    this.queue = queue;
    this.deliveries = this.#left.pipe(
      startWith(undefined),
      switchMap(() => consume()),
      tap(() => {
        this.isActive = true;
      }),
    );
  }

  /** To the end of the line: a new consumer stands there, and the one before leaves when all it handed over is settled. */
  handOver(): void {
    this.isActive = false;
    this.#left.next();
  }
}

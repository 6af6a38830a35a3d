/** How much lies in the queues of pipelines and among their dead letters, looked at again and again: for the metrics and the dashboard. */
import {
  asyncScheduler,
  defer,
  distinctUntilChanged,
  map,
  type Observable,
  of,
  repeat,
  skipWhile,
  switchMap,
  tap,
  timer,
  toArray,
} from 'rxjs';
import type { Broker, BrokerReadings, QueueDepth } from '../broker/broker.ts';
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue } from '../broker/queue.ts';
import type { Facts } from '../events.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface WatchQueuesOptions {
  readonly broker: Pick<Broker & BrokerReadings, 'measure' | 'status'>;
  readonly pipelines: readonly Pipeline[];
  readonly facts: Facts;
  /** Milliseconds between two looks; each costs the broker a channel and two answers for each pipeline. Default: 15 000. */
  readonly everyMs?: number;
}

/** Who has just connected declares queues in a moment, and consumes a moment later. */
const SOON_MS = 1_000;

/**
 * Cold; ends with the broker's status. Emits what each look found, and reports it as a fact: nothing, from the moment a connection is gone until
 * there is one again. The first looks at a connection come sooner: after a second, and then after twice as long each time.
 */
export function watchQueues(options: WatchQueuesOptions): Observable<readonly QueueDepth[]> {
  const { broker, pipelines, facts, everyMs = 15_000 } = options;
  const names = pipelines.flatMap(({ source }) => [...workQueues(source), deadLetterQueue(source.name)]);
  const looks = defer(() => {
    let pauseMs = SOON_MS / 2;
    return defer(() => broker.measure(names)).pipe(
      toArray(),
      tap(() => {
        pauseMs = Math.min(2 * pauseMs, everyMs);
      }),
      repeat({ delay: () => timer(pauseMs) }),
    );
  });
  return broker.status.pipe(
    map(({ state }) => state === 'connected' || state === 'blocked'),
    distinctUntilChanged(),
    skipWhile((isConnected) => !isConnected),
    switchMap((isConnected) => (isConnected ? looks : of([]))),
    tap((queues) => facts.report({ type: 'queuesMeasured', at: asyncScheduler.now(), queues })),
  );
}

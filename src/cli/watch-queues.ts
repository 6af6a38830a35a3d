/** How much lies in the queues of pipelines and among their dead letters, looked at again and again: for the metrics and the dashboard. */
import { asyncScheduler, exhaustMap, type Observable, tap, timer, toArray } from 'rxjs';
import type { BrokerReadings, QueueDepth } from '../broker/broker.ts';
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue } from '../broker/queue.ts';
import type { Facts } from '../events.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface WatchQueuesOptions {
  readonly broker: BrokerReadings;
  readonly pipelines: readonly Pipeline[];
  readonly facts: Facts;
  /** Milliseconds between two looks; each costs the broker a channel and two answers for each pipeline. Default: 15 000. */
  readonly everyMs?: number;
}

/** Cold; never ends. Emits what each look found, and reports it as a fact: nothing, where there is no connection. */
export function watchQueues(options: WatchQueuesOptions): Observable<readonly QueueDepth[]> {
  const { broker, pipelines, facts, everyMs = 15_000 } = options;
  const names = pipelines.flatMap(({ source }) => [...workQueues(source), deadLetterQueue(source.name)]);
  return timer(0, everyMs).pipe(
    exhaustMap(() => broker.measure(names).pipe(toArray())),
    tap((queues) => facts.report({ type: 'queuesMeasured', at: asyncScheduler.now(), queues })),
  );
}

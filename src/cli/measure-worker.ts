/** Metrics of `run` and `dev`: one registry for the process, which reads whatever worker there is at the moment. */
import { exhaustMap, timer, toArray } from 'rxjs';
import type { Broker, BrokerReadings, QueueDepth } from '../broker/broker.ts';
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue } from '../broker/queue.ts';
import type { Facts } from '../events.ts';
import { createMetrics, type Metrics } from '../observability/metrics/create-metrics.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { isBalanced, type LedgerCounts } from '../pipeline/ledger.ts';
import type { Worker } from '../worker/worker.ts';
import { version } from './version.ts';

/** Looking costs the broker a channel and two answers for each pipeline. */
const LOOK_EVERY_MS = 15_000;

export interface Measured {
  readonly worker: Worker;
  readonly broker: Broker & BrokerReadings;
  readonly pipelines: readonly Pipeline[];
}

export interface WorkerMetrics extends Metrics {
  /** From now on this worker is the one that is read, until it has stopped. */
  read(measured: Measured): void;
}

export async function measureWorker(facts: Facts): Promise<WorkerMetrics> {
  let current: Measured | undefined;
  let depths: readonly QueueDepth[] = [];
  const ledgers = (): Readonly<Record<string, LedgerCounts>> => current?.worker.ledgers() ?? {};
  const metrics = await createMetrics(facts, {
    version,
    // Named one by one: an interface is no record.
    ledgers: () => Object.fromEntries(Object.entries(ledgers()).map(([pipeline, books]) => [pipeline, { ...books }])),
    isBalanced: (pipeline) => {
      const books = ledgers()[pipeline];
      return books === undefined || isBalanced(books);
    },
    unconfirmed: () => current?.broker.unconfirmed ?? 0,
    retryBudgets: () => current?.worker.retryBudgets() ?? new Map(),
    queues: () => depths,
  });
  return {
    ...metrics,
    read: (measured) => {
      current = measured;
      const names = measured.pipelines.flatMap(({ source }) => [...workQueues(source), deadLetterQueue(source.name)]);
      const looking = timer(0, LOOK_EVERY_MS)
        .pipe(exhaustMap(() => measured.broker.measure(names).pipe(toArray())))
        .subscribe((found) => {
          // Without a connection nothing is known, and what was known is told no longer.
          depths = found;
        });
      measured.worker.state.subscribe({
        complete: () => {
          looking.unsubscribe();
          if (current === measured) depths = [];
        },
      });
    },
  };
}

/** Metrics of `run` and `dev`: one registry for the process, which reads whatever worker there is at the moment. */
import type { Broker, BrokerReadings, QueueDepth } from '../broker/broker.ts';
import type { Facts } from '../events.ts';
import { createMetrics, type Metrics } from '../observability/metrics/create-metrics.ts';
import { version } from '../package.ts';
import { isBalanced, type LedgerCounts } from '../pipeline/ledger.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Worker } from '../worker/worker.ts';
import { watchQueues } from './watch-queues.ts';

export interface Measured {
  readonly worker: Worker;
  readonly broker: Broker & BrokerReadings;
  readonly pipelines: readonly Pipeline[];
}

export interface WorkerMetrics extends Metrics {
  /** From now on this worker is the one that is read, until it has stopped. */
  read(measured: Measured): void;
}

export function measureWorker(facts: Facts): WorkerMetrics {
  let current: Measured | undefined;
  let depths: readonly QueueDepth[] = [];
  const ledgers = (): Readonly<Record<string, LedgerCounts>> => current?.worker.ledgers() ?? {};
  const metrics = createMetrics(facts, {
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
      const { broker, pipelines } = measured;
      const looking = watchQueues({ broker, pipelines, facts }).subscribe((found) => {
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

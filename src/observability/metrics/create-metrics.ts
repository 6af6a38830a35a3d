/**
 * Metrics for Prometheus: a listener on the facts, and readings of what the worker holds that are taken when somebody asks. What
 * prom-client is needed for is loaded when a worker starts.
 */
import { asyncScheduler, Subscription } from 'rxjs';
import type { Facts } from '../../events.ts';
import type { Route } from '../../management/route.ts';
import { apiMetrics } from './api-metrics.ts';
import { doorMetrics } from './door-metrics.ts';
import { messageMetrics } from './message-metrics.ts';
import { type Description, Meter } from './meter.ts';
import { collectNodeMetrics, partsOfPromClient } from './parts-of-prom-client.ts';
import type { MetricsSnapshot } from './snapshot.ts';
import { workerMetrics } from './worker-metrics.ts';

/** What is read when somebody asks; each may change from one time to the next. */
export interface Readings {
  readonly version: string;
  /** The books of each pipeline: numbers by account, among them `inFlight`. */
  readonly ledgers: () => Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Whether the books of a pipeline balance. */
  readonly isBalanced: (pipeline: string) => boolean;
  /** Publishes without a confirm. */
  readonly unconfirmed: () => number;
  /** Retries each API may make now, where it has a budget. */
  readonly retryBudgets: () => ReadonlyMap<string, number>;
  readonly queues: () => Iterable<QueueReading>;
  /** By the clock of facts, which is the default. */
  readonly now?: () => number;
}

export interface QueueReading {
  readonly queue: string;
  /** Ready to be delivered. */
  readonly messages: number;
  readonly consumers: number;
}

export interface Metrics {
  /** `GET /metrics` in the text format of Prometheus. */
  readonly route: Route;
  /** Every metric of sluice's own, for the page that documents them. */
  readonly instruments: readonly Description[];
  /** Everything as it stands now, for a process that puts several together. */
  snapshot(): Promise<MetricsSnapshot>;
  /** Stops listening. */
  close(): void;
}

export function createMetrics(facts: Facts, readings: Readings): Metrics {
  const client = partsOfPromClient();
  const registry = new client.Registry();
  const meter = new Meter(client, registry);
  const { now = () => asyncScheduler.now() } = readings;
  const instruments = [
    messageMetrics(meter, now, readings.ledgers),
    doorMetrics(meter),
    apiMetrics(meter),
    workerMetrics(meter),
  ];
  readWorker(meter, readings);
  collectNodeMetrics(client, registry);
  const listening = new Subscription();
  for (const listeners of instruments) listening.add(facts.listen(listeners));
  return {
    route: {
      method: 'GET',
      path: '/metrics',
      answer: async () => ({ status: 200, contentType: registry.contentType, body: await registry.metrics() }),
    },
    instruments: meter.instruments,
    snapshot: () => registry.getMetricsAsJSON(),
    close: () => {
      listening.unsubscribe();
      registry.clear();
    },
  };
}

function readWorker(meter: Meter, readings: Readings): void {
  const { version, ledgers, isBalanced, unconfirmed, retryBudgets, queues } = readings;
  meter.reading(
    {
      name: 'sluice_build_info',
      help: '1, with the version of sluice and of Node.',
      together: 'max',
      labels: ['version', 'node'],
    },
    () => [[[version, process.versions.node], 1]],
  );
  meter.reading(
    {
      name: 'sluice_ledger',
      help: 'The books of a pipeline: delivered = acked + retried + deadLettered + returned + inFlight, at any moment.',
      labels: ['pipeline', 'account'],
    },
    function* () {
      for (const [pipeline, accounts] of Object.entries(ledgers()))
        for (const [account, count] of Object.entries(accounts)) yield [[pipeline, account], count];
    },
  );
  meter.reading(
    {
      name: 'sluice_ledger_unbalanced',
      help: 'Whether the books of a pipeline do not balance: 0, always.',
      together: 'max',
      labels: ['pipeline'],
    },
    () => Object.keys(ledgers()).map((pipeline) => [[pipeline], isBalanced(pipeline) ? 0 : 1] as const),
  );
  meter.reading({ name: 'sluice_in_flight', help: 'Deliveries taken and not settled.', labels: ['pipeline'] }, () =>
    Object.entries(ledgers()).map(([pipeline, { inFlight = 0 }]) => [[pipeline], inFlight] as const),
  );
  meter.reading({ name: 'sluice_unconfirmed_publishes', help: 'Publishes that the broker has not confirmed.' }, () => [
    [[], unconfirmed()],
  ]);
  meter.reading(
    {
      name: 'sluice_api_retry_budget',
      help: 'Retries the API may make now, where it has a budget.',
      labels: ['api'],
    },
    () => [...retryBudgets()].map(([api, left]) => [[api], left] as const),
  );
  meter.reading(
    {
      name: 'sluice_queue_messages',
      help: 'Messages that are ready in a queue of a pipeline or among its dead letters, looked at every 15 s; not told while there is no connection.',
      together: 'max',
      labels: ['queue'],
    },
    () => [...queues()].map(({ queue, messages }) => [[queue], messages] as const),
  );
  meter.reading(
    {
      name: 'sluice_queue_consumers',
      help: 'Consumers of the queue, of all workers.',
      together: 'max',
      labels: ['queue'],
    },
    () => [...queues()].map(({ queue, consumers }) => [[queue], consumers] as const),
  );
}

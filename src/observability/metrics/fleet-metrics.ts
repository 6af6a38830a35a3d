/**
 * Metrics of several worker processes as one: counters and histograms are summed, those of processes that have ended included, so that no
 * sum ever falls; gauges go by the rule each of them names. Beside them, what is only known of the processes themselves.
 */
import type { Registry } from 'prom-client';
import type { Facts } from '../../events.ts';
import type { Route } from '../../management/route.ts';
import { doorMetrics } from './door-metrics.ts';
import { type Description, Meter } from './meter.ts';
import { grows, type MetricsSnapshot, unlabelled } from './snapshot.ts';

/** One of the processes, as its supervisor knows it. Numbers begin with 1, and are kept over restarts. */
export interface FleetProcess {
  readonly worker: number;
  readonly isRunning: boolean;
  readonly restarts: number;
}

export interface FleetReadings {
  /** Of the parent itself: requests at its front door are counted beside what its workers count. */
  readonly facts: Facts;
  readonly processes: () => readonly FleetProcess[];
  /** Asks those that live; one that does not answer in time gives what it gave last. One that was handed to `keep` is not among them. */
  readonly snapshots: () => Promise<ReadonlyMap<number, MetricsSnapshot>>;
}

export interface FleetMetrics {
  /** `GET /metrics` in the text format of Prometheus. */
  readonly route: Route;
  /** Every metric that only several processes have, for the page that documents them. */
  readonly instruments: readonly Description[];
  /** What a process that has ended counted stays in the sums. */
  keep(snapshot: MetricsSnapshot): void;
  /** Stops listening. */
  close(): void;
}

export async function createFleetMetrics({ facts, processes, snapshots }: FleetReadings): Promise<FleetMetrics> {
  const { default: client } = await import('prom-client');
  const own = new client.Registry();
  const meter = new Meter(client, own);
  // Workers have these too, without a door: they are summed like everything else, or the page would have them twice.
  const ofDoor = new client.Registry();
  const listening = facts.listen(doorMetrics(new Meter(client, ofDoor)));
  let latest: ReadonlyMap<number, MetricsSnapshot> = new Map();
  let ended: MetricsSnapshot = [];
  const together = (of: readonly MetricsSnapshot[]): Registry => client.AggregatorRegistry.aggregate([...of]);
  const sum = async (one: MetricsSnapshot, other: MetricsSnapshot): Promise<MetricsSnapshot> =>
    together([one, other]).getMetricsAsJSON();
  let summing: Promise<void> = Promise.resolve();

  meter.reading(
    {
      name: 'sluice_fleet_running',
      help: 'Whether the worker process of this number runs: 1, or 0 while it starts or is started again.',
      labels: ['worker'],
    },
    () => processes().map(({ worker, isRunning }) => [[String(worker)], isRunning ? 1 : 0] as const),
  );
  meter.reading(
    {
      name: 'sluice_fleet_restarts',
      help: 'Times the worker process of this number was started again, since its parent started.',
      labels: ['worker'],
    },
    () => processes().map(({ worker, restarts }) => [[String(worker)], restarts] as const),
  );
  meter.reading(
    {
      name: 'sluice_fleet_resident_bytes',
      help: 'Memory of the worker process of this number.',
      labels: ['worker'],
    },
    () =>
      [...latest].flatMap(([worker, snapshot]) => {
        const bytes = unlabelled(snapshot, 'process_resident_memory_bytes');
        return bytes === undefined ? [] : [[[String(worker)], bytes] as const];
      }),
  );

  return {
    instruments: meter.instruments,
    route: {
      method: 'GET',
      path: '/metrics',
      answer: async () => {
        latest = await snapshots();
        // No process can end in between: the sum waits for no I/O.
        await summing;
        const all = together([...latest.values(), ended, await ofDoor.getMetricsAsJSON()]);
        return { status: 200, contentType: own.contentType, body: `${await all.metrics()}\n${await own.metrics()}` };
      },
    },
    keep: (snapshot) => {
      summing = summing.then(async () => {
        ended = await sum(ended, snapshot.filter(grows));
      });
    },
    close: () => listening.unsubscribe(),
  };
}

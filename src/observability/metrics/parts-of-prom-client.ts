/**
 * The parts of prom-client at work here, each by its file: what it exports as a whole is four times as much to load, for summaries, a push gateway
 * and clusters, and for the exemplars of one counter all of OpenTelemetry. They are what `prom-client` exports, and its version is pinned.
 */
import { createRequire } from 'node:module';
import type { Registry } from 'prom-client';
import type { PromClient } from './meter.ts';

const load = createRequire(import.meta.url);

export const partsOfPromClient = (): PromClient => ({
  Counter: load('prom-client/lib/counter.js') as PromClient['Counter'],
  Gauge: load('prom-client/lib/gauge.js') as PromClient['Gauge'],
  Histogram: load('prom-client/lib/histogram.js') as PromClient['Histogram'],
  Registry: load('prom-client/lib/registry.js') as PromClient['Registry'],
});

/** How a metric of Node comes into a registry. */
type Collector = (registry: Registry, options: { readonly eventLoopMonitoringPrecision: number }) => void;

/** Those that prom-client has, by their files, but for the time on the CPU and what goes with that. */
const NODE_METRICS = [
  'processStartTime',
  'osMemoryHeap',
  'processOpenFileDescriptors',
  'processMaxFileDescriptors',
  'eventLoopLag',
  'processResources',
  'processHandles',
  'processRequests',
  'heapSizeAndUsed',
  'heapSpacesSizeAndUsed',
  'version',
  'gc',
];

/** Event-loop lag, memory, CPU, garbage collection: the default metrics of prom-client, under their names. */
export function collectNodeMetrics(client: PromClient, registry: Registry): void {
  collectCpu(client, registry);
  for (const name of NODE_METRICS) {
    const collect = load(`prom-client/lib/metrics/${name}.js`) as Collector;
    collect(registry, { eventLoopMonitoringPrecision: 10 });
  }
  // Gauges with a counter's name, against Prometheus's rules; the same is told by kind without the suffix.
  for (const what of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${what}_total`);
}

/** Here, because the file of prom-client is the one that loads OpenTelemetry. */
function collectCpu({ Counter }: PromClient, registry: Registry): void {
  const counter = (name: string, help: string, micros: (used: NodeJS.CpuUsage) => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(micros(process.cpuUsage()) / 1e6);
      },
    });
  counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', ({ user }) => user);
  counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', ({ system }) => system);
  counter(
    'process_cpu_seconds_total',
    'Total user and system CPU time spent in seconds.',
    ({ user, system }) => user + system,
  );
}

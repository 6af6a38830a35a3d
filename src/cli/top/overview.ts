/** A worker at a glance, from two readings of its metrics: what flows, what waits, what fails. Pure. */
import type { Rates } from '../rates.ts';
import type { Sample } from './read-metrics.ts';

export interface PipelineRow {
  readonly pipeline: string;
  readonly isConsuming: boolean;
  /** Per second; undefined at the first reading. */
  readonly doneRate: number | undefined;
  readonly retriedRate: number | undefined;
  readonly deadRate: number | undefined;
  readonly inFlight: number;
  readonly dead: number;
  /** Of all messages so far, by the bounds of the histogram. */
  readonly p99Ms: number | undefined;
}

export interface ApiRow {
  readonly api: string;
  readonly rate: number | undefined;
  readonly failedRate: number | undefined;
  readonly inFlight: number;
  readonly breaker: string;
  readonly p99Ms: number | undefined;
}

export interface QueueRow {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
}

export interface Overview {
  readonly state: string;
  /** Undefined where no worker process tells: those of a parent that start, or start again. */
  readonly isConnected: boolean | undefined;
  readonly pipelines: readonly PipelineRow[];
  readonly apis: readonly ApiRow[];
  readonly queues: readonly QueueRow[];
}

export function overviewOf(samples: readonly Sample[], rates: Rates, now: number): Overview {
  const all = (name: string, labels: Readonly<Record<string, string>> = {}): readonly Sample[] =>
    samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
  const sum = (name: string, labels: Readonly<Record<string, string>>): number =>
    all(name, labels).reduce((total, { value }) => total + value, 0);
  const rate = (name: string, labels: Readonly<Record<string, string>>): number | undefined =>
    rates.of(JSON.stringify([name, labels]), sum(name, labels), now);
  const p99Ms = (name: string, labels: Readonly<Record<string, string>>): number | undefined => {
    const total = sum(`${name}_count`, labels);
    if (total === 0) return undefined;
    const bounds = [...new Set(all(`${name}_bucket`, labels).map((sample) => sample.labels.le ?? ''))];
    const sorted = bounds.filter((le) => le !== '+Inf').sort((a, b) => Number(a) - Number(b));
    const bound = sorted.find((le) => sum(`${name}_bucket`, { ...labels, le }) >= 0.99 * total);
    return bound === undefined ? Number.POSITIVE_INFINITY : Number(bound) * 1_000;
  };
  const values = (name: string, label: string): readonly string[] =>
    [...new Set(all(name).map((sample) => sample.labels[label] ?? ''))].sort();

  return {
    state: all('sluice_worker_state').find(({ value }) => value === 1)?.labels.state ?? 'unknown',
    isConnected: all('sluice_broker_connected').length === 0 ? undefined : sum('sluice_broker_connected', {}) === 1,
    pipelines: values('sluice_in_flight', 'pipeline').map((pipeline) => ({
      pipeline,
      isConsuming: sum('sluice_intake_consuming', { pipeline }) === 1,
      doneRate: rate('sluice_settlements_total', { pipeline, settlement: 'ack' }),
      retriedRate: rate('sluice_settlements_total', { pipeline, settlement: 'retry' }),
      deadRate: rate('sluice_settlements_total', { pipeline, settlement: 'deadLetter' }),
      inFlight: sum('sluice_in_flight', { pipeline }),
      dead: sum('sluice_settlements_total', { pipeline, settlement: 'deadLetter' }),
      p99Ms: p99Ms('sluice_processing_seconds', { pipeline }),
    })),
    apis: values('sluice_api_attempts_in_flight', 'api').map((api) => ({
      api,
      rate: rate('sluice_api_attempts_total', { api }),
      failedRate: rate('sluice_api_attempts_total', { api, outcome: 'failed' }),
      inFlight: sum('sluice_api_attempts_in_flight', { api }),
      breaker: all('sluice_api_breaker_state', { api }).find(({ value }) => value === 1)?.labels.state ?? 'closed',
      p99Ms: p99Ms('sluice_api_attempt_seconds', { api }),
    })),
    queues: all('sluice_queue_messages').map(({ labels: { queue = '' }, value }) => ({
      queue,
      messages: value,
      consumers: sum('sluice_queue_consumers', { queue }),
    })),
  };
}

/** Metrics of several worker processes as one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createFacts, type Facts } from '../../src/events.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics/create-metrics.ts';
import { createFleetMetrics, type FleetMetrics } from '../../src/observability/metrics/fleet-metrics.ts';
import type { MetricsSnapshot } from '../../src/observability/metrics/snapshot.ts';

const root = join(import.meta.dirname, '../..');

/** One process: what it reports, and what it gives when it is asked. */
interface Process {
  readonly facts: Facts;
  readonly metrics: Metrics;
}

async function startProcess(): Promise<Process> {
  const facts = createFacts();
  const metrics = createMetrics(facts, {
    version: '1',
    ledgers: () => ({ orders: { delivered: 2, acked: 1, inFlight: 1 } }),
    isBalanced: () => true,
    unconfirmed: () => 3,
    retryBudgets: () => new Map(),
    queues: () => [{ queue: 'orders.placed', messages: 7, consumers: 2 }],
  });
  return { facts, metrics };
}

const settle = ({ facts }: Process): void =>
  facts.report({
    pipeline: 'orders',
    messageId: 'm',
    correlationId: 'm',
    traceId: '0'.repeat(32),
    messageAttempt: 1,
    deliveryTag: 1,
    type: 'settled',
    at: 0,
    settlement: 'ack',
    late: false,
    durationMs: 4,
  });

describe('metrics of several processes', () => {
  let processes: readonly Process[];
  const snapshots = new Map<number, MetricsSnapshot>();
  let fleet: FleetMetrics;
  let ofParent: Facts;

  beforeEach(async () => {
    processes = [await startProcess(), await startProcess()];
    snapshots.clear();
    ofParent = createFacts();
    fleet = await createFleetMetrics({
      facts: ofParent,
      processes: () => [
        { worker: 1, isRunning: true, restarts: 0 },
        { worker: 2, isRunning: false, restarts: 4 },
      ],
      snapshots: async () => snapshots,
    });
  });
  afterEach(() => {
    for (const { metrics } of processes) metrics.close();
    fleet.close();
  });

  const take = async (): Promise<void> => {
    for (const [index, { metrics }] of processes.entries()) snapshots.set(index + 1, await metrics.snapshot());
  };
  const lines = async (): Promise<readonly string[]> => {
    const request = { query: new URLSearchParams(), body: undefined, isTrusted: true, header: () => undefined };
    const answer = await fleet.route.answer(request);
    return ('body' in answer ? String(answer.body) : '').split('\n');
  };

  it('sums counters, histograms and what is in hand, and goes by a rule where a sum says nothing', async () => {
    for (const process of processes) settle(process);
    processes[0]?.facts.report({ type: 'connectionChanged', at: 0, state: 'connected' });
    processes[1]?.facts.report({ type: 'breakerChanged', at: 0, api: 'payment', state: 'open', reason: 'x' });
    processes[0]?.facts.report({ type: 'intakeChanged', at: 0, pipeline: 'orders', state: 'consuming', prefetch: 16 });
    processes[1]?.facts.report({ type: 'intakeChanged', at: 0, pipeline: 'orders', state: 'paused' });
    await take();
    expect(await lines()).to.include.members([
      'sluice_settlements_total{pipeline="orders",settlement="ack",code=""} 2',
      'sluice_processing_seconds_bucket{le="0.005",pipeline="orders",settlement="ack"} 2',
      'sluice_processing_seconds_count{pipeline="orders",settlement="ack"} 2',
      'sluice_ledger{pipeline="orders",account="delivered"} 4',
      'sluice_in_flight{pipeline="orders"} 2',
      'sluice_unconfirmed_publishes 6',
      // Both looked into the same queue.
      'sluice_queue_messages{queue="orders.placed"} 7',
      'sluice_queue_consumers{queue="orders.placed"} 2',
      'sluice_broker_connected 0',
      'sluice_api_breaker_state{api="payment",state="open"} 1',
      'sluice_intake_consuming{pipeline="orders"} 1',
      `sluice_build_info{version="1",node="${process.versions.node}"} 1`,
      'sluice_fleet_running{worker="1"} 1',
      'sluice_fleet_running{worker="2"} 0',
      'sluice_fleet_restarts{worker="2"} 4',
    ]);
  });

  it('counts the requests at the front door of the parent, also before there is a worker, and names each metric once', async () => {
    const request = { type: 'requestAnswered', at: 0, pipeline: 'orders', status: 202, durationMs: 4 } as const;
    ofParent.report(request);
    expect(await lines()).to.include('sluice_requests_total{pipeline="orders",status="202"} 1');
    await take();
    ofParent.report(request);
    ofParent.report({ ...request, pipeline: '', status: 405 });
    const told = await lines();
    expect(told).to.include.members([
      'sluice_requests_total{pipeline="orders",status="202"} 2',
      'sluice_requests_total{pipeline="",status="405"} 1',
      'sluice_request_seconds_count{pipeline="orders"} 2',
    ]);
    expect(told.filter((line) => line.startsWith('sluice_request_seconds_count'))).to.have.length(1);
    expect(told.filter((line) => line.startsWith('# TYPE sluice_requests_total'))).to.have.length(1);
    fleet.close();
    ofParent.report(request);
    expect(await lines()).to.include('sluice_requests_total{pipeline="orders",status="202"} 2');
  });

  it('keeps what processes counted that have ended, and nothing of what they had in hand', async () => {
    for (const process of processes) settle(process);
    await take();
    for (const worker of [1, 2]) {
      fleet.keep(snapshots.get(worker) ?? []);
      snapshots.delete(worker);
    }
    const text = await lines();
    expect(text).to.include('sluice_settlements_total{pipeline="orders",settlement="ack",code=""} 2');
    expect(text).to.include('sluice_processing_seconds_count{pipeline="orders",settlement="ack"} 2');
    expect(text.some((line) => line.startsWith('sluice_in_flight'))).to.equal(false);
  });

  it('is documented name by name', async () => {
    const page = await readFile(join(root, 'docs/metrics.md'), 'utf8');
    const found = page.split('\n').filter((line) => line.startsWith('- `sluice_fleet_'));
    const expected = fleet.instruments.map(
      ({ name, labels, help }) => `- \`${name}\` (${labels.map((label) => `\`${label}\``).join(' ')}): ${help}`,
    );
    expect(found).to.deep.equal(expected);
  });

  it('names in its documentation every gauge that is no sum', async () => {
    const page = await readFile(join(root, 'docs/metrics.md'), 'utf8');
    const [first] = processes;
    const gauges = ((await first?.metrics.snapshot()) ?? []).filter(({ name }) => name.startsWith('sluice_'));
    const named = (rule: string): readonly string[] => {
      const [, names = ''] = new RegExp(`^- the ${rule} of all: ([^-]+?)\\n(?=-|\\n)`, 'm').exec(page) ?? [];
      return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    };
    const having = (rule: string): readonly string[] =>
      gauges.flatMap((gauge) => ('aggregator' in gauge && gauge.aggregator === rule ? [gauge.name] : []));
    expect(named('least')).to.have.members(having('min'));
    expect(named('most')).to.have.members(having('max'));
  });
});

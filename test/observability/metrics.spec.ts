import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import client from 'prom-client';
import { createFacts, type Facts } from '../../src/events.ts';
import { MAX_CHILDREN, MAX_CHILDREN_OF_ONE } from '../../src/observability/metrics/children.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics/create-metrics.ts';
import { partsOfPromClient } from '../../src/observability/metrics/parts-of-prom-client.ts';
import { promtool } from '../support/promtool.ts';
import { describeWith } from '../support/services.ts';

const root = join(import.meta.dirname, '../..');
const identity = {
  at: 1_000,
  pipeline: 'orders',
  messageId: 'secret-message',
  correlationId: 'c1',
  traceId: 't1',
  messageAttempt: 1,
  deliveryTag: 1,
} as const;
const call = { ...identity, api: 'payment', operation: 'POST /charge/secret-path', callId: 1, attempt: 1 } as const;

/** A sample: name, labels, value; as the text format has them. */
const SAMPLE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? (Na[Nn]|[+-]Inf|-?[0-9.e+-]+)$/;
const COMMENT =
  /^# (HELP [a-zA-Z_:][a-zA-Z0-9_:]* .*|TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|gauge|histogram|summary|untyped))$/;

describe('metrics', () => {
  let facts: Facts;
  let metrics: Metrics;
  let isBalanced: boolean;
  let ledgers: Record<string, Record<string, number>>;
  let now: number;

  beforeEach(() => {
    facts = createFacts();
    isBalanced = true;
    now = 1_000;
    ledgers = { orders: { delivered: 5, acked: 3, inFlight: 2 } };
    metrics = createMetrics(facts, {
      version: '1.2.3',
      ledgers: () => ledgers,
      isBalanced: () => isBalanced,
      unconfirmed: () => 4,
      retryBudgets: () => new Map([['payment', 7]]),
      queues: () => [{ queue: 'orders.dead', messages: 9, consumers: 0 }],
      now: () => now,
    });
  });
  afterEach(() => metrics.close());

  const text = async (): Promise<string> => {
    const noBody = { query: new URLSearchParams(), body: undefined, isTrusted: true, header: () => undefined };
    const answer = await metrics.route.answer(noBody);
    if (!('body' in answer)) throw new Error('expected a whole answer');
    expect(answer.contentType).to.match(/^text\/plain; version=0\.0\.4/);
    return String(answer.body);
  };
  const sampleOf = (page: string, name: string): number | undefined => {
    const line = page.split('\n').find((found) => found.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };
  const sample = async (name: string): Promise<number | undefined> => sampleOf(await text(), name);

  it('has the metrics of Node that prom-client has, without loading the whole of it', async () => {
    const { Counter, Gauge, Histogram, Registry } = client;
    expect(partsOfPromClient()).to.deep.equal({ Counter, Gauge, Histogram, Registry });

    const registry = new Registry();
    client.collectDefaultMetrics({ register: registry });
    const described = (lines: string): readonly string[] =>
      lines.split('\n').filter((line) => /^# \w+ (?!sluice_|nodejs_active_\w+_total )/.test(line));
    expect(described(await text())).to.have.members(described(await registry.metrics()));
  });

  it('tells the CPU time of the process, which both parts of it come to', async () => {
    const secondsNow = (): number => {
      const used = process.cpuUsage();
      return (used.user + used.system) / 1e6;
    };
    const before = secondsNow();
    const page = await text();
    const [all = 0, user = 0, system = 0] = ['', 'user_', 'system_'].map((part) =>
      sampleOf(page, `process_cpu_${part}seconds_total`),
    );
    expect(user).to.be.greaterThan(0);
    const after = secondsNow();
    // Each is read for itself, while the page is made.
    for (const seconds of [all, user + system]) expect(seconds).to.be.within(before - 1e-6, after + 1e-6);
  });

  const everything = (): void => {
    facts.report({
      ...identity,
      type: 'delivered',
      queue: 'orders',
      attempt: 1,
      redelivered: false,
      bytes: 120,
      publishedAt: -2_000,
    });
    facts.report({ ...identity, type: 'slotTaken', waitedMs: 20 });
    facts.report({ ...call, type: 'callStarted' });
    facts.report({
      ...call,
      type: 'callEnded',
      outcome: 'failed',
      status: 503,
      code: 'ERR_HTTP_STATUS',
      durationMs: 40,
    });
    facts.report({ ...call, type: 'callRetried', nextDelayMs: 5, code: 'ERR_HTTP_STATUS', reason: 'answered 503' });
    facts.report({ ...call, type: 'callStarted', attempt: 2 });
    facts.report({ ...call, type: 'rateLimitWaited', waitedMs: 3 });
    facts.report({ ...identity, type: 'published', exchange: 'e"\\\n', routingKey: 'k', confirmedMs: 2 });
    facts.report({
      ...identity,
      type: 'settled',
      settlement: 'deadLetter',
      late: false,
      durationMs: 90,
      code: 'ERR_HTTP_STATUS',
    });
    facts.report({ type: 'connectionChanged', at: 1, state: 'connected' });
    facts.report({ type: 'connectionChanged', at: 2, state: 'lost' });
    facts.report({ type: 'connectionChanged', at: 3, state: 'connected' });
    facts.report({ type: 'breakerChanged', at: 1, api: 'payment', state: 'open', reason: 'half failed' });
    facts.report({ type: 'workerMoved', at: 1, state: 'running' });
    facts.report({ type: 'sagaMoved', at: 1, saga: 'place-order', sagaId: 'secret-saga', move: 'completed' });
    facts.report({
      type: 'journalAsked',
      at: 1,
      space: 'saga',
      name: 'place-order',
      asked: 'append',
      record: 'completed',
      isDone: true,
      durationMs: 4,
    });
  };

  it('counts what facts tell, and reads the rest when it is asked', async () => {
    everything();
    const expected: Record<string, number> = {
      'sluice_deliveries_total{pipeline="orders",redelivered="no"}': 1,
      'sluice_delivered_bytes_total{pipeline="orders"}': 120,
      'sluice_queue_age_seconds{pipeline="orders"}': 3,
      'sluice_slot_wait_seconds_sum{pipeline="orders"}': 0.02,
      'sluice_settlements_total{pipeline="orders",settlement="deadLetter",code="ERR_HTTP_STATUS"}': 1,
      'sluice_processing_seconds_bucket{le="0.1",pipeline="orders",settlement="deadLetter"}': 1,
      'sluice_processing_seconds_bucket{le="0.05",pipeline="orders",settlement="deadLetter"}': 0,
      'sluice_published_total{pipeline="orders"}': 1,
      'sluice_api_attempts_total{api="payment",outcome="failed",status="5xx",code="ERR_HTTP_STATUS"}': 1,
      'sluice_api_attempts_in_flight{api="payment"}': 1,
      'sluice_api_retries_total{api="payment",code="ERR_HTTP_STATUS"}': 1,
      'sluice_api_rate_limit_wait_seconds_count{api="payment"}': 1,
      'sluice_api_breaker_state{api="payment",state="open"}': 1,
      'sluice_api_breaker_state{api="payment",state="closed"}': 0,
      sluice_broker_connected: 1,
      sluice_broker_connection_losses_total: 1,
      sluice_broker_reconnects_total: 1,
      'sluice_saga_moves_total{saga="place-order",move="completed"}': 1,
      'sluice_journal_seconds_count{space="saga",asked="append",outcome="done"}': 1,
      'sluice_worker_state{state="running"}': 1,
      'sluice_ledger{pipeline="orders",account="delivered"}': 5,
      'sluice_in_flight{pipeline="orders"}': 2,
      'sluice_ledger_unbalanced{pipeline="orders"}': 0,
      sluice_unconfirmed_publishes: 4,
      'sluice_api_retry_budget{api="payment"}': 7,
      'sluice_queue_messages{queue="orders.dead"}': 9,
    };
    for (const [name, value] of Object.entries(expected)) expect(await sample(name), name).to.equal(value);
    expect(await sample('nodejs_eventloop_lag_seconds')).to.be.a('number');
    expect(await sample('process_resident_memory_bytes')).to.be.above(0);
    isBalanced = false;
    expect(await sample('sluice_ledger_unbalanced{pipeline="orders"}')).to.equal(1);
  });

  it('tells the age of the message that came in last for five minutes: an idle queue has none', async () => {
    everything();
    ledgers = { orders: { delivered: 5, acked: 5, inFlight: 0 } };
    now += 299_000;
    expect(await sample('sluice_queue_age_seconds{pipeline="orders"}')).to.equal(3);
    now += 2_000;
    expect(await sample('sluice_queue_age_seconds{pipeline="orders"}')).to.equal(undefined);
  });

  it('tells the age for as long as a message is in flight: those behind it wait, however long it takes', async () => {
    everything();
    now += 20 * 60_000;
    expect(await sample('sluice_queue_age_seconds{pipeline="orders"}')).to.equal(3);
    ledgers = { orders: { delivered: 5, acked: 5, inFlight: 0 } };
    expect(await sample('sluice_queue_age_seconds{pipeline="orders"}')).to.equal(undefined);
  });

  it('names nothing out of a message', async () => {
    everything();
    expect(await text()).not.to.match(/secret|c1|t1"/);
  });

  it('writes text that Prometheus reads', async () => {
    everything();
    const lines = (await text()).split('\n').filter((line) => line !== '');
    for (const line of lines) expect(line).to.match(line.startsWith('#') ? COMMENT : SAMPLE);
  });

  describeWith(promtool, 'by promtool', (command) => {
    it('are as Prometheus reads and advises', async () => {
      everything();
      execFileSync(command(), ['check', 'metrics'], { input: await text() });
    });
  });

  const settled = (pipeline: string, code: string): void =>
    facts.report({
      ...identity,
      pipeline,
      type: 'settled',
      settlement: 'deadLetter',
      late: false,
      durationMs: 1,
      code,
    });
  const settlements = async (): Promise<readonly string[]> =>
    (await text()).split('\n').filter((line) => line.startsWith('sluice_settlements_total{'));

  it('has a bound on label values: what comes after them is counted as other', async () => {
    for (let n = 0; n < MAX_CHILDREN_OF_ONE + 250; n++) settled('orders', `ERR_${n}`);
    settled('invoices', 'ERR_HTTP_STATUS');
    expect(await settlements()).to.have.length(MAX_CHILDREN_OF_ONE + 2);
    expect(await sample('sluice_settlements_total{pipeline="orders",settlement="other",code="other"}')).to.equal(250);
    const neighbour = 'sluice_settlements_total{pipeline="invoices",settlement="deadLetter",code="ERR_HTTP_STATUS"}';
    expect(await sample(neighbour), 'has room of its own').to.equal(1);

    for (let n = 0; n < MAX_CHILDREN; n++) settled(`p${n}`, '');
    expect((await settlements()).length).to.be.within(MAX_CHILDREN, MAX_CHILDREN + 1);
    expect(await sample('sluice_settlements_total{pipeline="other",settlement="other",code="other"}')).to.equal(502);
  });

  it('has the books of every pipeline of a worker that runs hundreds, and what became of their messages', async () => {
    const accounts = { delivered: 1, acked: 0, retried: 0, deadLettered: 1, returned: 0, inFlight: 0 };
    const names = Array.from({ length: 300 }, (_, n) => `pipeline-${n}`);
    ledgers = Object.fromEntries(names.map((name) => [name, accounts]));
    for (const name of names) for (const code of ['ERR_A', 'ERR_B']) settled(name, code);
    const told = await text();
    expect(told.match(/^sluice_ledger\{/gm)).to.have.length(300 * 6);
    expect(told).to.include('sluice_ledger{pipeline="pipeline-299",account="deadLettered"} 1');
    expect(told).to.include('sluice_settlements_total{pipeline="pipeline-299",settlement="deadLetter",code="ERR_B"} 1');
    expect(told).to.not.include('"other"');
  });

  it('counts nothing after it was closed', async () => {
    metrics.close();
    everything();
    expect((await text()).trim()).to.equal('');
  });

  it('is documented name by name, with type, labels and words', async () => {
    const page = await readFile(join(root, 'docs/metrics.md'), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `sluice_'));
    const expected = metrics.instruments.map(({ name, type, labels, help }) =>
      [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(' '), help].join(' | '),
    );
    const found = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(' | '),
    );
    expect(found).to.deep.equal(expected);
  });
});

/**
 * The order saga on real workers that are killed and stopped: RabbitMQ, the journal in a file, HTTP to the sample APIs. Some of the points of
 * `crash-points.spec.ts` by default, every one with SLUICE_TEST_KILLS=all: `npm run kills`, which prints the table of docs/sagas.md.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { FileStore } from '../../src/journal/file/file-store.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import { type BrokerClient, type Collector, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { runOrder, SCRIPTS } from './crash-world.ts';
import type { Told } from './killable-worker.ts';
import { ORDER_QUEUES, orderOf } from './order-pipeline.ts';

const WORKER = fileURLToPath(new URL('./killable-worker.ts', import.meta.url));
const isWhole = process.env.SLUICE_TEST_KILLS === 'all';
const PATIENCE_MS = 60_000;

const STEPS = ['stock', 'charge', 'shipment'];

const UNDONE = ['POST /charge', 'POST /deduct', 'POST /refund', 'POST /restore'];

/** The scenarios of `crash-world.ts`, as faults of the sample APIs. */
const SCENARIOS: Readonly<Record<keyof typeof SCRIPTS, Scenario>> = {
  success: { faults: [], effects: ['POST /charge', 'POST /create-shipment', 'POST /deduct'], sample: [12, 22] },
  'payment refused': {
    faults: [{ api: 'payment', operation: 'POST /charge', status: 402 }],
    effects: ['POST /deduct', 'POST /restore'],
    sample: [13, 18],
  },
  'shipping refused': {
    faults: [{ api: 'shipping', operation: 'POST /create-shipment', status: 422 }],
    effects: UNDONE,
    sample: [19, 24],
  },
  'refund failing at first': {
    faults: [
      { api: 'shipping', operation: 'POST /create-shipment', status: 422 },
      { api: 'payment', operation: 'POST /refund', status: 503, times: 6 },
    ],
    effects: UNDONE,
    sample: [26, 32, 40],
  },
  'shipping away, refund failing at first': {
    faults: [
      { api: 'shipping', operation: 'POST /create-shipment', status: 503 },
      { api: 'payment', operation: 'POST /refund', status: 503, times: 6 },
    ],
    effects: UNDONE,
    sample: [60],
  },
};

interface Scenario {
  readonly faults: readonly {
    readonly api: 'payment' | 'shipping';
    readonly operation: string;
    readonly status: number;
    /** How often. Default: always. */
    readonly times?: number;
  }[];
  /** What takes effect, sorted. */
  readonly effects: readonly string[];
  /** Points to kill at by default. */
  readonly sample: readonly number[];
}

interface Child {
  readonly process: ChildProcess;
  readonly delivered: Set<string>;
  isConsuming: boolean;
  isOver: boolean;
}

describeWithRabbitMq('the order saga on workers in processes of their own', (broker) => {
  let apis: SampleApis;
  let client: BrokerClient;
  let results: Collector;
  let folder: string;
  let children: Child[] = [];
  let isEnding = false;
  const journalPath = (): string => join(folder, 'journal.db');

  const start = (): Child => {
    const child = fork(WORKER, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        ...apis.environment,
        AMQP_URL: `${broker().url}/?heartbeat=1`,
        SLUICE_JOURNAL_FILE: journalPath(),
        KILLS_FOLDER: folder,
      },
    });
    const started: Child = { process: child, delivered: new Set(), isConsuming: false, isOver: false };
    child.on('message', (told: Told) => {
      if (told.kind === 'consuming') started.isConsuming = true;
      else started.delivered.add(told.order);
    });
    // Another takes its place, as a supervisor sees to it.
    child.once('exit', () => {
      started.isOver = true;
      children = children.filter((each) => each !== started);
      if (!isEnding) children.push(start());
    });
    return started;
  };
  const end = async ({ process: child, isOver }: Child): Promise<void> => {
    if (isOver) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const consuming = (what = 'two workers consume'): Promise<void> =>
    eventually(what, () => children.filter(({ isConsuming }) => isConsuming).length >= 2, PATIENCE_MS);

  const send = (order_id: string): Promise<void> =>
    client.send('orders.placed', orderOf(order_id), { messageId: order_id });
  const answersTo = (order: string) =>
    results.messages.filter(({ body }) => (body as { order_id?: string }).order_id === order);
  const ended = (order: string): Promise<void> =>
    eventually(`${order} ends`, () => answersTo(order).length > 0, PATIENCE_MS);
  const effectsOf = (order: string) =>
    [apis.inventory, apis.payment, apis.shipping]
      .flatMap(({ journal }) => journal)
      .filter(({ hasEffect, body }) => hasEffect && (body as { order_id?: string }).order_id === order);
  const recordsOf = async (order: string): Promise<readonly JournalRecord[]> => {
    const store = new FileStore({ path: journalPath(), lockedWithinMs: 20_000 });
    const stored = await firstValueFrom(store.read({ space: 'saga', name: 'place-order', id: order }));
    await lastValueFrom(store.close().pipe(toArray()));
    return stored.map(({ body }) => JSON.parse(body) as JournalRecord);
  };
  const judge = async (order: string, scenario: keyof typeof SCENARIOS, where: string): Promise<void> => {
    const isPlaced = scenario === 'success';
    const effects = effectsOf(order);
    expect(effects.map(({ operation }) => operation).sort(), `effects ${where}`).to.deep.equal(
      SCENARIOS[scenario].effects,
    );
    const keys = effects.flatMap(({ key }) => key ?? []);
    expect(new Set(keys).size, `keys ${where}`).to.equal(effects.length);
    const answers = answersTo(order);
    for (const { routingKey } of answers)
      expect(routingKey, `answer ${where}`).to.equal(isPlaced ? 'order.placed' : 'order.failed');
    expect(new Set(answers.map(({ properties }) => properties.messageId)).size, `answers' ids ${where}`).to.equal(1);
    const records = await recordsOf(order);
    const kinds = records.map(({ kind }) => kind);
    expect(kinds.at(-1), `end ${where}`).to.equal(isPlaced ? 'completed' : 'undone');
    expect(kinds.filter((kind) => kind === 'stepFailed').length, `decisions ${where}`).to.equal(isPlaced ? 0 : 1);
    const undone = records.filter((record) => record.kind === 'compensationDone').map(({ step }) => step);
    expect(undone, `undone ${where}`).to.deep.equal([...undone].sort((a, b) => STEPS.indexOf(b) - STEPS.indexOf(a)));
  };

  const script = (scenario: keyof typeof SCENARIOS, order_id: string): void => {
    for (const { api, operation, status, times } of SCENARIOS[scenario].faults)
      apis[api].fault({
        kind: 'status',
        status,
        operation,
        match: { order_id },
        ...(times === undefined ? {} : { times }),
      });
  };
  /** Has an order handled by workers of which one is killed at that point. @returns whether the point was passed. */
  const killAt = async (scenario: keyof typeof SCENARIOS, point: number, where: string): Promise<boolean> => {
    const order = `${scenario.replaceAll(/\W+/g, '-')}-${point}`;
    script(scenario, order);
    writeFileSync(join(folder, `${order}.kill`), String(point));
    await send(order);
    await ended(order);
    await judge(order, scenario, where);
    const wasKilled = existsSync(join(folder, `${order}.killed`));
    if (wasKilled) await consuming();
    return wasKilled;
  };

  before(async function begin() {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), 'sluice-kills-'));
    apis = await startSampleApis({ ports: 'free' });
    client = await connectClient(broker().url);
    results = await client.collect('orders');
    // One more than have to consume: nobody waits for the one that takes a killed one's place.
    children = [start(), start(), start()];
    await consuming();
  });
  after(async () => {
    isEnding = true;
    for (const child of children) await end(child);
    await client?.deleteQueues(ORDER_QUEUES);
    await client?.close();
    await apis?.stop();
    rmSync(folder, { recursive: true });
  });

  for (const scenario of Object.keys(SCENARIOS) as (keyof typeof SCENARIOS)[]) {
    const { sample, effects } = SCENARIOS[scenario];
    const { points } = runOrder(SCRIPTS[scenario], []);
    const killedAt = isWhole ? points.map((_, index) => index + 1) : sample;

    it(`F39, F40: are killed at ${isWhole ? `each of ${points.length} points` : `points ${sample.join(', ')}`}: ${scenario}`, async function kills() {
      this.timeout(isWhole ? 1_800_000 : 180_000);
      for (const point of killedAt) {
        const where = `after a kill at point ${point}, ${points[point - 1]}`;
        expect(await killAt(scenario, point, where), `passed: point ${point}, ${points[point - 1]}`).to.equal(true);
      }
      if (!isWhole) return;
      // The twin knows of every point there is here.
      expect(await killAt(scenario, points.length + 1, 'without a kill'), 'there is another point').to.equal(false);
      const end = scenario === 'success' ? 'placed' : 'compensated';
      const done = effects.map((effect) => effect.replace('POST /', '')).join(', ');
      console.log(`      | ${scenario} | ${points.length} | ${killedAt.length} | all ${end} | ${done} |`);
    });
  }

  it('F39, F41: one that is stopped in the middle of a saga for longer than its lease and heartbeats wakes to nothing to do', async function stops() {
    this.timeout(180_000);
    await consuming();
    const order = 'stopped';
    // Its effect is there, its answer is not: who waits for it is stopped.
    apis.payment.fault({ kind: 'latency', ms: 3_000, operation: 'POST /charge', match: { order_id: order }, times: 1 });
    await send(order);
    await eventually(
      'it is charged',
      () => effectsOf(order).some(({ operation }) => operation === 'POST /charge'),
      PATIENCE_MS,
    );
    const stopped = children.find(({ delivered }) => delivered.has(order)) ?? expect.fail();
    stopped.process.kill('SIGSTOP');
    try {
      await ended(order);
      await judge(order, 'success', 'while the first worker is stopped');
    } finally {
      stopped.process.kill('SIGCONT');
    }
    const records = await recordsOf(order);
    expect(apis.payment.counts('POST /charge').replays).to.be.at.least(1);

    // It is a worker again: alone, it takes an order.
    stopped.isConsuming = false;
    isEnding = true;
    for (const child of children.filter((each) => each !== stopped)) await end(child);
    await send('after');
    await ended('after');
    expect(stopped.delivered.has('after')).to.equal(true);
    expect(stopped.isOver).to.equal(false);
    expect(await recordsOf(order)).to.deep.equal(records);
    await judge(order, 'success', 'after the first worker woke');
    expect(answersTo(order)).to.have.length(1);
  });
});

/**
 * The order saga on real workers that are killed and stopped: RabbitMQ, the journal in a file, HTTP to the sample APIs. Some of the points of
 * `crash-points.spec.ts` by default, every one with SLUICE_TEST_KILLS=all.
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
import type { Told } from './killable-worker.ts';

const WORKER = fileURLToPath(new URL('./killable-worker.ts', import.meta.url));
const isWhole = process.env.SLUICE_TEST_KILLS === 'all';
const PATIENCE_MS = 60_000;

const STEPS = ['stock', 'charge', 'shipment'];

const UNDONE = ['POST /charge', 'POST /deduct', 'POST /refund', 'POST /restore'];

/** What took effect, sorted, and the points to kill at by default: after the charge and after the end; before the restore; before the decision; between two refunds and after. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  success: { effects: ['POST /charge', 'POST /create-shipment', 'POST /deduct'], points: [12, 22] },
  'payment refused': { effects: ['POST /deduct', 'POST /restore'], points: [17] },
  'shipping refused': { effects: UNDONE, points: [19] },
  'refund failing at first': { effects: UNDONE, points: [26, 29] },
};

interface Scenario {
  readonly effects: readonly string[];
  readonly points: readonly number[];
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
    client.send(
      'orders.placed',
      {
        order_id,
        items: [{ product_id: 'p-1', quantity: 1 }],
        amount: 10,
        payment_details: 'card',
        shipping_address: 'street',
      },
      { messageId: order_id },
    );
  const answersTo = (order: string) =>
    results.messages.filter(({ body }) => (body as { order_id?: string }).order_id === order);
  const ended = (order: string): Promise<void> =>
    eventually(`${order} ends`, () => answersTo(order).length > 0, PATIENCE_MS);
  const effectsOf = (order: string) =>
    [apis.inventory, apis.payment, apis.shipping]
      .flatMap(({ journal }) => journal)
      .filter(({ hasEffect, body }) => hasEffect && (body as { order_id?: string }).order_id === order)
      .map(({ operation }) => operation)
      .sort();
  const recordsOf = async (order: string): Promise<readonly JournalRecord[]> => {
    const store = new FileStore({ path: journalPath(), lockedWithinMs: 20_000 });
    const stored = await firstValueFrom(store.read({ space: 'saga', name: 'place-order', id: order }));
    await lastValueFrom(store.close().pipe(toArray()));
    return stored.map(({ body }) => JSON.parse(body) as JournalRecord);
  };
  const judge = async (order: string, scenario: string, where: string): Promise<void> => {
    const isPlaced = scenario === 'success';
    expect(effectsOf(order), `effects ${where}`).to.deep.equal(SCENARIOS[scenario]?.effects);
    for (const { routingKey } of answersTo(order))
      expect(routingKey, `answer ${where}`).to.equal(isPlaced ? 'order.placed' : 'order.failed');
    const records = await recordsOf(order);
    const kinds = records.map(({ kind }) => kind);
    expect(kinds.at(-1), `end ${where}`).to.equal(isPlaced ? 'completed' : 'undone');
    expect(kinds.filter((kind) => kind === 'stepFailed').length, `decisions ${where}`).to.equal(isPlaced ? 0 : 1);
    const undone = records.filter((record) => record.kind === 'compensationDone').map(({ step }) => step);
    expect(undone, `undone ${where}`).to.deep.equal([...undone].sort((a, b) => STEPS.indexOf(b) - STEPS.indexOf(a)));
  };

  const script = (scenario: string, order_id: string): void => {
    const match = { order_id };
    if (scenario === 'payment refused')
      apis.payment.fault({ kind: 'status', status: 402, operation: 'POST /charge', match });
    if (scenario === 'shipping refused' || scenario === 'refund failing at first')
      apis.shipping.fault({ kind: 'status', status: 422, operation: 'POST /create-shipment', match });
    if (scenario === 'refund failing at first')
      apis.payment.fault({ kind: 'status', status: 503, operation: 'POST /refund', match, times: 2 });
  };

  before(async function begin() {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), 'sluice-kills-'));
    apis = await startSampleApis({ ports: 'free' });
    client = await connectClient(broker().url);
    results = await client.collect('orders');
    children = [start(), start()];
    await consuming();
  });
  after(async () => {
    isEnding = true;
    for (const child of children) await end(child);
    await client?.deleteQueues(['orders.placed', 'orders.placed.dead']);
    await client?.close();
    await apis?.stop();
    rmSync(folder, { recursive: true });
  });

  for (const [scenario, { points }] of Object.entries(SCENARIOS)) {
    it(`F39, F40: are killed at ${isWhole ? 'every point' : `points ${points.join(', ')}`}: ${scenario}`, async function kills() {
      this.timeout(isWhole ? 900_000 : 180_000);
      let kills = 0;
      for (let point = 1; ; point++) {
        if (!isWhole && !points.includes(point)) {
          if (point > Math.max(...points)) break;
          continue;
        }
        const order = `${scenario.replaceAll(' ', '-')}-${point}`;
        script(scenario, order);
        writeFileSync(join(folder, `${order}.kill`), String(point));
        await send(order);
        await ended(order);
        await judge(order, scenario, `after a kill at point ${point}`);
        const wasKilled = existsSync(join(folder, `${order}.killed`));
        // Past the last point nobody is killed: that there is one shows that there are no more.
        if (!wasKilled && isWhole) break;
        expect(wasKilled, `point ${point} is passed`).to.equal(true);
        kills++;
        await consuming();
      }
      if (isWhole) console.log(`      ${scenario}: ${kills} points, ${kills} kills`);
    });
  }

  it('F39, F41: one that is stopped in the middle of a saga for longer than its lease and heartbeats wakes to nothing to do', async function stops() {
    this.timeout(180_000);
    await consuming();
    const order = 'stopped';
    // Its effect is there, its answer is not: who waits for it is stopped.
    apis.payment.fault({ kind: 'latency', ms: 3_000, operation: 'POST /charge', match: { order_id: order }, times: 1 });
    await send(order);
    await eventually('it is charged', () => effectsOf(order).includes('POST /charge'), PATIENCE_MS);
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

/**
 * A worker on a RabbitMQ of its own that crashes, restarts, runs short of memory, and loses its lines: rows of docs/reliability.md that need
 * both of them whole. Every wait is for an event; how long it took is told with SLUICE_TEST_FIGURES set, and judged nowhere.
 */
import { expect } from 'chai';
import { map, NEVER, of, Subject, take, tap, throwError, timer } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { deadLetterQueue, queue } from '../../src/broker/queue.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { TransientError } from '../../src/errors.ts';
import type { Fact } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { createTestBroker, throughPort } from '../broker/amqp/rabbitmq-under-test.ts';
import { done, startConsumer } from '../contract/broker-port.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { type InProcessWorker, startInProcess } from '../support/in-process-worker.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const Numbered = z.object({ n: z.number() });
/** A busy machine takes its time: what is asked is that it happens. */
const PATIENCE_MS = 90_000;

/** Which messages were handled, and how often in all. */
class Handled {
  readonly numbers = new Set<number>();
  times = 0;

  add(n: number): void {
    this.numbers.add(n);
    this.times++;
  }
}

const crashed = queue('crashed', { retry: false });
const restarted = queue('restarted', { retry: false });
const classic = queue('classic', { retry: false, type: 'classic' });
const waiting = queue('waiting', { retry: { delays: ['4s'] } });

describeWithOwnRabbitMq('a worker on a RabbitMQ in trouble', () => {
  let rabbit: RabbitMq;
  let client: BrokerClient;
  const workers: InProcessWorker[] = [];

  const start = (...args: Parameters<typeof startInProcess>): InProcessWorker => {
    const worker = startInProcess(...args);
    workers.push(worker);
    return worker;
  };
  const fill = async (name: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++)
      client.channel.sendToQueue(name, Buffer.from(JSON.stringify({ n })), { persistent: true, messageId: `m${n}` });
    await client.channel.waitForConfirms();
  };
  const reconnectClient = async (): Promise<void> => {
    client = await connectClient(rabbit.url);
  };
  const counting = (name: string, source: typeof crashed, handled: Handled, prefetch: number) =>
    definePipeline({
      name,
      source: { ...source, prefetch },
      input: Numbered,
      concurrency: prefetch,
      handle: ({ n }) => {
        handled.add(n);
        return timer(5);
      },
    });

  before(async () => {
    rabbit = await startPrivateRabbitMq();
    // Quorum queues declared shortly before a crash did not always come back on 3.10: declare, then restart once.
    const first = createTestBroker(rabbit.url);
    for (const source of [crashed, restarted, classic, waiting])
      await done(first.establish(sourceTopology(source), 'assert'));
    await done(first.close({ withinMs: 2_000 }));
    await rabbit.restart();
    await reconnectClient();
  });
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.stop();
  });
  after(async () => {
    await client?.close().catch(() => {});
    await rabbit?.stop();
  });

  it('F1: a broker killed with 10 000 messages in flight and queued loses none, and hands at most the prefetch out twice', async () => {
    const [count, prefetch] = [10_000, 200];
    const handled = new Handled();
    await fill('crashed', count);
    const { worker, facts, isReady } = start([counting('crashed', crashed, handled, prefetch)], { urls: [rabbit.url] });
    await eventually('some are done', () => (worker.ledgers().crashed?.acked ?? 0) > 1_000, PATIENCE_MS);
    await rabbit.kill();
    await eventually('the worker notices', () => !worker.readiness().isReady, PATIENCE_MS);
    const before = facts.length;
    await rabbit.restart();
    const backMs = performance.now();
    await isReady();
    const readyMs = performance.now() - backMs;
    await eventually(
      'deliveries again',
      () => facts.slice(before).some(({ type }) => type === 'delivered'),
      PATIENCE_MS,
    );
    const consumingMs = performance.now() - backMs;
    await eventually('all are handled', () => handled.numbers.size === count, PATIENCE_MS);
    await eventually('none is in flight', () => worker.ledgers().crashed?.inFlight === 0, PATIENCE_MS);
    const doneMs = performance.now() - backMs;
    if (process.env.SLUICE_TEST_FIGURES !== undefined)
      console.log({ count, prefetch, readyMs, consumingMs, doneMs, twice: handled.times - count });
    expect(handled.times - count).to.be.at.most(prefetch);
    await reconnectClient();
  });

  it('F2: a broker killed under a classic queue loses nothing, has each effect once with dedupe, and the worker was warned', async () => {
    const count = 600;
    const effects = new Handled();
    // Outlives the first worker, as a journal in a database does.
    const journal = createMemoryJournal();
    const deduped = definePipeline({
      name: 'classic',
      source: { ...classic, prefetch: 20 },
      input: Numbered,
      concurrency: 20,
      dedupe: { ttl: '1h' },
      handle: ({ n }) => timer(40).pipe(tap(() => effects.add(n))),
    });
    await fill('classic', count);
    // The ladder, at the same crash: this one waits for its second try meanwhile.
    const attempts: { attempt: number; headers: unknown }[] = [];
    const laddered = definePipeline({
      name: 'waiting',
      source: waiting,
      input: Numbered,
      handle: (_, { attempt, headers }) => {
        attempts.push({ attempt, headers: headers.kept });
        return attempt === 1 ? throwError(() => new TransientError('not yet')) : of(1);
      },
    });
    await client.send('waiting', { n: 1 }, { messageId: 'waits', priority: 4, headers: { kept: 'yes' } });
    const first = start([deduped, laddered], { urls: [rabbit.url] }, { journal });
    await eventually(
      'it waits, the others are under way',
      () => {
        const { classic: many, waiting: one } = first.worker.ledgers();
        return one?.retried === 1 && (many?.acked ?? 0) > 20;
      },
      PATIENCE_MS,
    );
    expect(first.lines.join('\n')).to.contain('a classic queue: duplicates after a crash have no bound');
    await rabbit.kill();
    first.worker.stop();
    first.worker.hasten('killed');
    await rabbit.restart();
    await reconnectClient();

    const second = start([deduped, laddered], { urls: [rabbit.url] }, { journal });
    await eventually('each has its effect', () => effects.numbers.size === count, PATIENCE_MS);
    await eventually('none is left', () => second.worker.ledgers().classic?.inFlight === 0, PATIENCE_MS);
    const handedOut = [first, second].map(({ worker }) => worker.ledgers().classic?.delivered ?? 0);
    expect(handedOut[0]).to.be.above(0);
    expect((handedOut[0] ?? 0) + (handedOut[1] ?? 0)).to.be.above(count);
    expect(effects.times).to.equal(count);
    await eventually(
      'the second try is made, by another worker on a broker that crashed',
      () => second.worker.ledgers().waiting?.acked === 1,
      PATIENCE_MS,
    );
    expect(attempts).to.deep.equal([
      { attempt: 1, headers: 'yes' },
      { attempt: 2, headers: 'yes' },
    ]);
    const seen = [first, second].flatMap(({ contents }) => contents.filter(({ messageId }) => messageId === 'waits'));
    expect(seen.map(({ properties }) => properties.priority)).to.deep.equal([4, 4]);
  });

  it('F3: a broker that is restarted in order hands at most the prefetch out twice, and the worker is ready again', async () => {
    const [count, prefetch] = [2_000, 50];
    const handled = new Handled();
    await fill('restarted', count);
    const { worker, isReady } = start([counting('restarted', restarted, handled, prefetch)], { urls: [rabbit.url] });
    await eventually('some are done', () => (worker.ledgers().restarted?.acked ?? 0) > 100, PATIENCE_MS);
    await rabbit.restart();
    await isReady();
    await eventually('all are handled', () => handled.numbers.size === count, PATIENCE_MS);
    expect(handled.times - count).to.be.at.most(prefetch);
    await reconnectClient();
  });

  it('F6, F7: a line that is reset, ended or swallowed has at most the prefetch handed out twice each time', async () => {
    const [count, prefetch] = [600, 20];
    const handled = new Handled();
    const proxy = await startTcpProxy(rabbit.port);
    const { worker, facts, isReady } = start([counting('cut', queue('cut', { retry: false }), handled, prefetch)], {
      urls: [throughPort(rabbit.url, proxy.port)],
      heartbeatS: 1,
    });
    await isReady();
    await fill('cut', count);
    const losses = [() => proxy.cut('reset'), () => proxy.cut('end'), () => proxy.freeze('both')];
    const isPaused = (fact: Fact): boolean => fact.type === 'intakeChanged' && fact.state === 'paused';
    for (const [index, lose] of losses.entries()) {
      await eventually('some more are done', () => handled.numbers.size > (index + 1) * 100, PATIENCE_MS);
      // Both connections are back: what is noticed next is this loss, and not the last one by the other connection.
      await isReady();
      const before = facts.length;
      lose();
      await eventually('the worker notices', () => facts.slice(before).some(isPaused), PATIENCE_MS);
      proxy.thaw();
    }
    await eventually('all are handled', () => handled.numbers.size === count, PATIENCE_MS);
    await eventually('none is in flight', () => worker.ledgers().cut?.inFlight === 0, PATIENCE_MS);
    // At a heartbeat of one second a busy machine may lose a line of its own accord.
    const lost = facts.filter(isPaused).length;
    expect(lost).to.be.at.least(losses.length);
    expect(handled.times - count).to.be.at.most(prefetch * lost);
    await workers.pop()?.stop();
    await proxy.stop();
  });

  it('F19: a queue that is full refuses a result: its message is tried again until there is room, and acked then', async () => {
    await client.channel.assertExchange('full.out', 'topic', { durable: true });
    await client.channel.assertQueue('full.results', {
      durable: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await client.channel.bindQueue('full.results', 'full.out', '#');
    await client.send('full.results', 'in the way');
    const pipeline = definePipeline({
      name: 'full',
      source: queue('full', { retry: { delays: ['1s'] } }),
      input: Numbered,
      publishes: ['full.out'],
      handle: ({ n }) => of({ n }),
      output: () => exchange('full.out', 'done'),
    });
    const { worker, facts, isReady } = start([pipeline], { urls: [rabbit.url] });
    await isReady();
    await client.send('full', { n: 1 });
    // Five refusals of the result, then the message waits for its next try.
    await eventually('it waits', () => (worker.ledgers().full?.retried ?? 0) > 0, PATIENCE_MS);
    const refusal = facts.find((fact) => fact.type === 'settled');
    expect(refusal).to.include({ settlement: 'retry', stage: 'publish', code: 'ERR_RETRY_EXHAUSTED' });
    expect(JSON.stringify(refusal)).to.contain('refused');
    expect(worker.ledgers().full).to.deep.include({ acked: 0, deadLettered: 0 });
    expect(await client.drain('full.results')).to.have.length(1);
    await eventually('it is done', () => worker.ledgers().full?.acked === 1, PATIENCE_MS);
    expect((await client.drain('full.results')).map(({ body }) => body)).to.deep.equal([{ n: 1 }]);
  });

  it('a message that ends every connection it comes over is dead-lettered by the broker at its delivery limit', async () => {
    const proxy = await startTcpProxy(rabbit.port);
    const deliveryLimit = 3;
    let seen = 0;
    const pipeline = definePipeline({
      name: 'deadly',
      source: queue('deadly', { retry: false, deliveryLimit }),
      input: Numbered,
      handle: ({ n }) => {
        if (n !== 13) return of(1);
        seen++;
        setImmediate(() => proxy.cut());
        return NEVER;
      },
    });
    const { worker, isReady } = start([pipeline], {
      urls: [throughPort(rabbit.url, proxy.port)],
      reconnect: { initialMs: 20, maxMs: 200 },
    });
    await isReady();
    await client.send('deadly', { n: 13 }, { messageId: 'm13' });
    const dead = deadLetterQueue('deadly');
    await eventually(
      'the broker gave it up',
      async () => (await client.channel.checkQueue(dead)).messageCount === 1,
      PATIENCE_MS,
    );
    expect(seen).to.equal(deliveryLimit + 1);
    const [letter] = await client.drain(dead);
    expect(letter?.properties.messageId).to.equal('m13');
    expect((letter?.headers['x-death'] as object[] | undefined)?.[0]).to.include({
      queue: 'deadly',
      reason: 'delivery_limit',
    });
    await isReady();
    await client.send('deadly', { n: 1 });
    await eventually('others are done', () => worker.ledgers().deadly?.acked === 1, PATIENCE_MS);
    await workers.pop()?.stop();
    await proxy.stop();
  });

  it('F9: a line of 4 kB a second that jitters slows the worker down and costs it no connection', async () => {
    const [count, bodyBytes, prefetch, bytesPerSecond] = [30, 400, 5, 4_000];
    await client.channel.assertQueue('slow', { durable: true });
    for (let n = 0; n < count; n++) await client.send('slow', Buffer.alloc(bodyBytes, 'x'));
    const proxy = await startTcpProxy(rabbit.port);
    proxy.slow(bytesPerSecond, 500);
    const beganMs = performance.now();
    const broker = createTestBroker(throughPort(rabbit.url, proxy.port), {
      handshakeTimeoutMs: 30_000,
      rpcTimeoutMs: 30_000,
    });
    const states: string[] = [];
    broker.status.subscribe(({ state }) => states.push(state));
    const consumer = startConsumer(broker, 'slow', prefetch);
    let acked = 0;
    let mostOut = 0;
    await eventually(
      'all came',
      () => {
        mostOut = Math.max(mostOut, consumer.deliveries.length - acked);
        for (; acked < consumer.deliveries.length; acked++) expect(consumer.deliveries[acked]?.ack()).to.equal('sent');
        return acked === count;
      },
      PATIENCE_MS,
    );
    // No sooner than the line can carry them; the last prefetch of them may be on its way at once.
    expect(performance.now() - beganMs).to.be.above((((count - prefetch) * bodyBytes) / bytesPerSecond) * 1_000);
    expect(mostOut).to.be.at.most(prefetch);
    expect(states.filter((state) => state === 'lost')).to.deep.equal([]);
    expect(proxy.accepted).to.equal(2);
    consumer.stop();
    await done(broker.close({ withinMs: 20_000 }));
    await proxy.stop();
    await eventually(
      'every ack arrived',
      async () => (await client.channel.checkQueue('slow')).messageCount === 0,
      PATIENCE_MS,
    );
  });

  it('F18: a worker told to stop under a memory alarm keeps to its deadline and gives back what it could not publish', async () => {
    const release = new Subject<void>();
    const handling = new Subject<void>();
    const pipeline = definePipeline({
      name: 'alarmed',
      source: queue('alarmed', { retry: false }),
      input: Numbered,
      publishes: ['alarmed.out'],
      handle: () => {
        queueMicrotask(() => handling.next());
        return release.pipe(
          take(1),
          map(() => ({ n: 1 })),
        );
      },
      output: () => exchange('alarmed.out', 'done'),
    });
    const { worker, facts, isReady } = start([pipeline], { urls: [rabbit.url] }, { gracePeriodMs: 300 });
    await isReady();
    // Whether the broker stores the result that tells it to block is open; the message is not acked for it.
    await client.collect('alarmed.out');
    const isHandled = new Promise<void>((resolve) => handling.pipe(take(1)).subscribe(() => resolve()));
    await client.send('alarmed', { n: 1 });
    await isHandled;
    await rabbit.control('set_vm_memory_high_watermark', '0.0000001');
    const report = await (async () => {
      try {
        // The broker tells those that publish.
        release.next();
        await eventually(
          'blocked',
          () => facts.some((fact) => fact.type === 'connectionChanged' && fact.state === 'blocked'),
          30_000,
        );
        expect(worker.readiness().broker).to.match(/^blocked: .*memory/);
        worker.stop();
        return await worker.stopped;
      } finally {
        await rabbit.control('set_vm_memory_high_watermark', '0.4');
      }
    })();
    expect(report.isClean).to.equal(false);
    expect(report.ledgers.alarmed).to.deep.include({ delivered: 1, acked: 0, returned: 1, inFlight: 0 });
    await eventually(
      'it is in its queue again',
      async () => (await client.channel.checkQueue('alarmed')).messageCount === 1,
      PATIENCE_MS,
    );
    expect((await client.channel.checkQueue(deadLetterQueue('alarmed'))).messageCount).to.equal(0);
  });

  it('F23: a publish connection that dies with 100 results unconfirmed has each published again under its id, and each input acked once', async () => {
    const [consume, publish] = [await startTcpProxy(rabbit.port), await startTcpProxy(rabbit.port)];
    let dialled = 0;
    // The worker dials to consume first, then to publish; after that only the latter is lost.
    const urls = (): string => throughPort(rabbit.url, (dialled++ === 0 ? consume : publish).port);
    const pipeline = definePipeline({
      name: 'unconfirmed',
      source: queue('unconfirmed', { retry: false, prefetch: 100 }),
      input: Numbered,
      concurrency: 100,
      publishes: ['unconfirmed.out'],
      handle: ({ n }) => of({ n }),
      output: () => exchange('unconfirmed.out', 'done'),
    });
    const { worker, isReady } = start([pipeline], { urls, handshakeTimeoutMs: 30_000 });
    await isReady();
    await eventually(
      'both lines are there',
      () => publish.connections === 1 && worker.readiness().broker === undefined,
      PATIENCE_MS,
    );
    const out = await client.collect('unconfirmed.out');
    // Looked for on first use: the freeze is to catch confirms, nothing else.
    await client.send('unconfirmed', { n: -1 });
    await eventually('the first is done', () => worker.ledgers().unconfirmed?.acked === 1, PATIENCE_MS);
    publish.freeze('down');
    await fill('unconfirmed', 100);
    await eventually('the broker has all results', () => out.messages.length === 101, PATIENCE_MS);
    expect(worker.ledgers().unconfirmed).to.deep.include({ acked: 1, inFlight: 100 });
    publish.cut();
    publish.thaw();
    await eventually('all are done', () => worker.ledgers().unconfirmed?.acked === 101, PATIENCE_MS);
    // None was confirmed before the line was cut. The copies may reach the one who listens later than their confirms the worker.
    await eventually('each came a second time', () => out.messages.length >= 201, PATIENCE_MS);
    const ids = out.messages.slice(1).map(({ properties }) => String(properties.messageId));
    expect(new Set(ids).size).to.equal(100);
    expect(ids.length).to.equal(200);
    expect(worker.ledgers().unconfirmed).to.deep.include({ delivered: 101, returned: 0, deadLettered: 0 });
    await workers.pop()?.stop();
    await consume.stop();
    await publish.stop();
  });
});

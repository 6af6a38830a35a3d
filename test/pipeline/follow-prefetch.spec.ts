/** The prefetch that follows the limits of APIs: when a consumer is replaced, and that nothing is lost, doubled or out of its bound by it. */
import { expect } from 'chai';
import { BehaviorSubject, interval, lastValueFrom, NEVER, Observable, ReplaySubject, Subject, timer } from 'rxjs';
import { ignoreElements, map, takeUntil, tap } from 'rxjs/operators';
import { z } from 'zod';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedPort } from '../../src/broker/embedded/embedded-port.ts';
import { InProcessBroker } from '../../src/broker/embedded/port/in-process-broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { createFacts, type Fact, type IntakeChanged } from '../../src/events.ts';
import { type ApiAvailability, createApiClient } from '../../src/http/api-client.ts';
import { type ApiDefinition, defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import type { Delivery } from '../../src/message/delivery.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { Engine } from '../../src/pipeline/engine.ts';
import { followPrefetch, prefetchFor } from '../../src/pipeline/follow-prefetch.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { type MarbleKit, marbles } from '../../src/testing/marbles.ts';
import { createTestBroker } from '../broker/amqp/rabbitmq-under-test.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';

const api = defineApi('api', {
  baseUrl: 'http://localhost:1',
  concurrency: { adaptive: 'aimd', initial: 20, max: 40 },
  retry: false,
  breaker: false,
});
const Message = z.object({ n: z.number() });
const parts = { name: 'orders', source: queue('work'), input: Message, apis: { api } };

describe('prefetchFor', () => {
  const pipeline = definePipeline({ ...parts, handle: () => NEVER });
  it('is twice the calls the APIs take, from 1 to the prefetch of the pipeline', () => {
    const prefetches = [0, 1, 20, 64, 200, Number.POSITIVE_INFINITY].map((limit) => prefetchFor(pipeline, limit));
    expect(prefetches).to.deep.equal([1, 2, 40, 128, 128, 128]);
  });

  it('is always that of the pipeline where messages are in order', () => {
    for (const order of ['arrival', { by: () => 'k' }] as const) {
      const ordered = definePipeline({ ...parts, order, handle: () => NEVER });
      expect(prefetchFor(ordered, 1)).to.equal(ordered.prefetch);
    }
  });
});

describe('followPrefetch', () => {
  /** Consumers as they come and go: `40+` begins, `40-` is cancelled, each with its frame. */
  function following(
    { scheduler, expectObservable, flush, expectNoTimersLeft }: MarbleKit,
    targets: Readonly<Record<number, number>>,
    inHand: Readonly<Record<number, number>> = {},
  ) {
    const log: string[] = [];
    const note = (what: string): void => void log.push(`${scheduler.now()} ${what}`);
    const target = new BehaviorSubject(targets[0] ?? 0);
    const settlements = new Subject<void>();
    let count = inHand[0] ?? 0;
    let consumers = 0;
    let most = 0;
    for (const [frame, value] of Object.entries(targets)) scheduler.schedule(() => target.next(value), Number(frame));
    for (const [frame, value] of Object.entries(inHand)) {
      const settle = (): void => {
        count = value;
        settlements.next();
      };
      scheduler.schedule(settle, Number(frame));
    }
    const consume = (prefetch: number): Observable<Delivery> =>
      new Observable(() => {
        most = Math.max(most, ++consumers);
        note(`${prefetch}+`);
        return () => {
          consumers--;
          note(`${prefetch}-`);
        };
      });
    const deliveries = followPrefetch(target, { count: () => count, settlements }, consume);
    expectObservable(deliveries, '^ 60s !').toBe('-');
    expectNoTimersLeft();
    flush();
    expect(most).to.equal(1);
    expect(log.pop()).to.match(/^60001 \d+-$/);
    return log;
  }

  it(
    'begins with the target of the moment, and stays with it while that differs by less than a quarter',
    marbles((kit) => {
      expect(following(kit, { 0: 40, 100: 49, 20000: 31 })).to.deep.equal(['0 40+']);
    }),
  );

  it(
    'replaces the consumer when the target has differed by a quarter for 5 s, by the target of that moment',
    marbles((kit) => {
      const log = following(kit, { 0: 40, 1000: 50, 3000: 80 });
      expect(log).to.deep.equal(['0 40+', '6000 40-', '6000 80+']);
    }),
  );

  it(
    'does not mind a moment in which an adaptive limit measures itself',
    marbles((kit) => {
      const log = following(kit, { 0: 40, 1000: 20, 5999: 40, 8000: 20, 12000: 39 });
      expect(log).to.deep.equal(['0 40+']);
    }),
  );

  it(
    'replaces it once in 5 s at most, however far the target moves',
    marbles((kit) => {
      const rising = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at * 100, 10 + at]));
      const begun = following(kit, rising).filter((line) => line.endsWith('+'));
      expect(begun).to.deep.equal(['0 10+', '5300 63+', '11900 109+']);
    }),
  );

  it(
    'stays with what it has while the target goes to and fro',
    marbles((kit) => {
      const swinging = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at * 100, at % 2 === 0 ? 10 : 100]));
      expect(following(kit, swinging)).to.deep.equal(['0 10+', '14900 10-', '14900 100+']);
    }),
  );

  it(
    'works off what is in hand to half of the new prefetch, with no consumer meanwhile',
    marbles((kit) => {
      const log = following(kit, { 0: 40, 1000: 10 }, { 0: 40, 6500: 6, 9000: 5, 9001: 4 });
      expect(log).to.deep.equal(['0 40+', '6000 40-', '9000 10+']);
    }),
  );

  it(
    'follows the target also while it works off',
    marbles((kit) => {
      const log = following(kit, { 0: 40, 1000: 10, 7000: 60 }, { 0: 40, 12500: 30 });
      expect(log).to.deep.equal(['0 40+', '6000 40-', '12500 60+']);
    }),
  );

  it(
    'clears its timer when it is unsubscribed from',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      const targets = new BehaviorSubject(40);
      const following = followPrefetch(targets, { count: () => 0, settlements: NEVER }, () => NEVER);
      timer(2).subscribe(() => targets.next(10));
      expectObservable(following, '^---!').toBe('-');
      expectNoTimersLeft();
    }),
  );
});

describe('the intake of a pipeline', () => {
  it(
    'does not flap while a consumer is replaced, and says so when the broker does not accept the next',
    marbles(({ flush, scheduler }) => {
      const facts = createFacts();
      const intake = new Intake(definePipeline({ ...parts, handle: () => NEVER }), { facts, random: () => 0.5 });
      const heard: Fact[] = [];
      facts.stream.subscribe((fact) => heard.push(fact));
      let answer: ((isConsuming: boolean) => void) | undefined;
      const broker = {
        consume: (_: string, { onConsuming }: Parameters<Broker['consume']>[1]) => {
          answer = onConsuming;
          return NEVER;
        },
        depthOf: () => NEVER,
      } as Pick<Broker, 'consume' | 'depthOf'>;
      const states: boolean[] = [];
      const look = (): void => void states.push(intake.state.isConsuming);
      const first = intake.consume(broker, 40).subscribe();
      answer?.(true);
      first.unsubscribe();
      look();
      const second = intake.consume(broker, 80).subscribe();
      scheduler.schedule(look, 4_999);
      scheduler.schedule(look, 5_001);
      scheduler.schedule(() => answer?.(true), 6_000);
      scheduler.schedule(look, 6_001);
      scheduler.schedule(() => second.unsubscribe(), 20_000);
      flush();
      expect(states).to.deep.equal([true, true, false, true]);
      const changes = heard.filter((fact): fact is IntakeChanged => fact.type === 'intakeChanged');
      const fields = changes.map(({ at, state, prefetch, reason }) => [at, state, prefetch ?? reason]);
      expect(fields).to.deep.equal([
        [0, 'consuming', 40],
        [5_000, 'paused', 'the broker has not accepted the consumer yet'],
        [6_000, 'consuming', 80],
      ]);
    }),
  );
});

const available = (limit: number): ApiAvailability => ({ isAvailable: true, limit });

/** An engine whose API takes as many calls as the test says. */
function engineOn(broker: Broker) {
  const facts = createFacts();
  const prefetches: number[] = [];
  const pauses: (string | undefined)[] = [];
  facts.stream.subscribe((fact) => {
    if (fact.type !== 'intakeChanged') return;
    if (fact.prefetch !== undefined) prefetches.push(fact.prefetch);
    if (fact.state === 'paused') pauses.push(fact.reason);
  });
  const availability = new BehaviorSubject<ApiAvailability>(available(20));
  const drain = new ReplaySubject<void>(1);
  const engine: Engine = {
    broker,
    facts,
    drain,
    halt: NEVER,
    journal: createMemoryJournal(),
    log: silentLogger,
    random: () => 0.5,
    topology: 'assert',
    bindApi: () => {
      throw new Error('nothing is called here');
    },
    availabilityOf: () => availability,
  };
  return { engine, availability, drain, prefetches, pauses };
}

describe('a pipeline whose API takes more and fewer calls, on the embedded broker', () => {
  /** Runs 3000 messages, 100 ms each, in virtual time. */
  function run(
    { scheduler, flush }: MarbleKit,
    order: 'none' | { readonly by: (message: { readonly n: number }) => string },
    script: (stage: ReturnType<typeof engineOn> & { at: (ms: number, act: () => void) => void }) => void,
  ) {
    const port = createEmbeddedPort(new InProcessBroker({ random: () => 0.5, latencyMs: 2 }));
    const stage = engineOn(port);
    const handled: number[] = [];
    const pipeline = definePipeline({
      ...parts,
      order,
      handle: ({ n }) =>
        timer(100).pipe(
          tap(() => handled.push(n)),
          ignoreElements(),
        ),
    });
    const pipelineRun = runPipeline(pipeline, stage.engine);
    const inHand: [number, number][] = [];
    let wasFed = true;
    let endedAt: number | undefined;
    port.establish(sourceTopology(pipeline.source), 'assert').subscribe({
      complete: () => {
        for (let n = 0; n < 3_000; n++) {
          const body = Buffer.from(JSON.stringify({ n }));
          port
            .publish({ exchange: '', routingKey: 'work', body, properties: { messageId: `m${n}` }, headers: {} })
            .subscribe();
        }
        pipelineRun.work.subscribe({ complete: () => (endedAt = scheduler.now()) });
      },
    });
    const ended = new Subject<void>();
    interval(10)
      .pipe(takeUntil(ended))
      .subscribe(() => {
        inHand.push([scheduler.now(), pipelineRun.ledger().inFlight]);
        wasFed &&= pipelineRun.intake().isConsuming || scheduler.now() < 20;
      });
    scheduler.schedule(() => stage.drain.next(), 60_000);
    scheduler.schedule(() => ended.next(), 60_000);
    script({ ...stage, at: (ms, act) => void scheduler.schedule(act, ms) });
    flush();
    const most = (fromMs: number, toMs: number): number =>
      Math.max(...inHand.filter(([at]) => at >= fromMs && at < toMs).map(([, count]) => count));
    return {
      handled,
      prefetches: stage.prefetches,
      pauses: stage.pauses,
      ledger: pipelineRun.ledger(),
      most,
      wasFed,
      endedAt,
    };
  }
  const all = Array.from({ length: 3_000 }, (_, n) => n);
  const inOrder = (values: readonly number[]) => [...values].sort((a, b) => a - b);

  it(
    'is handed over twice that number, loses and doubles nothing, and stays ready',
    marbles((kit) => {
      const { handled, prefetches, ledger, most, wasFed } = run(kit, 'none', ({ at, availability }) => {
        at(100, () => availability.next(available(2)));
        at(10_000, () => availability.next(available(64)));
      });
      expect(prefetches).to.deep.equal([40, 4, 128]);
      expect(most(0, 5_000)).to.equal(40);
      expect(most(5_300, 15_000)).to.equal(4);
      expect(most(15_300, 15_600)).to.equal(128);
      expect(inOrder(handled)).to.deep.equal(all);
      expect(ledger).to.deep.include({ acked: 3_000, returned: 0, inFlight: 0 });
      expect(wasFed).to.equal(true);
    }),
  );

  it(
    'keeps its prefetch and its order where there is one',
    marbles((kit) => {
      const { handled, prefetches } = run(kit, { by: ({ n }) => String(n % 7) }, ({ at, availability }) => {
        at(100, () => availability.next(available(2)));
        at(10_000, () => availability.next(available(64)));
      });
      expect(prefetches).to.deep.equal([128]);
      for (let key = 0; key < 7; key++) {
        const ofKey = handled.filter((n) => n % 7 === key);
        expect(ofKey).to.deep.equal(inOrder(ofKey));
      }
    }),
  );

  it(
    'has the prefetch of the moment when it goes on after a pause',
    marbles((kit) => {
      const { prefetches, pauses, handled } = run(kit, 'none', ({ at, availability }) => {
        at(100, () => availability.next({ isAvailable: false, reason: 'circuit is open', limit: 20 }));
        at(1_000, () => availability.next({ isAvailable: false, reason: 'circuit is open', limit: 3 }));
        at(2_000, () => availability.next(available(3)));
      });
      expect(prefetches).to.deep.equal([40, 6]);
      expect(pauses).to.deep.equal(['circuit is open']);
      expect(new Set(handled).size).to.equal(3_000);
    }),
  );

  it(
    'drains while a consumer is replaced: finishes what runs, and leaves the rest with the broker',
    marbles((kit) => {
      const { prefetches, ledger, handled, endedAt } = run(kit, 'none', ({ at, availability, drain }) => {
        at(130, () => availability.next(available(2)));
        at(5_131, () => drain.next());
      });
      expect(prefetches).to.deep.equal([40]);
      expect(endedAt).to.be.within(5_131, 5_240);
      expect(ledger).to.deep.include({ acked: handled.length, inFlight: 0 });
    }),
  );
});

describe('an API with adaptive concurrency', () => {
  const clientOf = (definition: ApiDefinition) =>
    createApiClient(definition, {
      facts: createFacts(),
      random: () => 0.5,
      transport: () => timer(10).pipe(map(() => ({ status: 503, headers: {}, body: new Uint8Array() }))),
    });

  it(
    'tells how many calls it takes, together with whether it takes any',
    marbles(({ flush }) => {
      const client = clientOf(api);
      const told: ApiAvailability[] = [];
      client.availability.subscribe((state) => told.push(state));
      const scope = {
        pipeline: 'orders',
        messageId: 'm',
        correlationId: 'c',
        deliveryTag: 1,
        traceId: '',
        messageAttempt: 1,
        keyScope: 'k',
      };
      for (let n = 0; n < 20; n++)
        client
          .bind({ ...scope, trace: { traceparent: '' } })
          .get('/x')
          .subscribe({ error: () => {} });
      flush();
      expect(told[0]).to.deep.equal({ isAvailable: true, limit: 20 });
      expect(told.at(-1)?.limit).to.be.below(20);
    }),
  );

  it(
    'tells of no number where the concurrency is fixed',
    marbles(({ expectObservable }) => {
      const { availability } = clientOf(defineApi('fixed', { baseUrl: 'http://localhost:1' }));
      expectObservable(availability, '^-!').toBe('a', { a: { isAvailable: true } });
    }),
  );
});

describeWithRabbitMq('a pipeline whose API takes more calls than before, on RabbitMQ', (rabbitMq) => {
  it('gets a new consumer, and every message once', async () => {
    const name = `follow-prefetch-${process.pid}`;
    const client = await connectClient(rabbitMq().url);
    const broker = createTestBroker(rabbitMq().url);
    const { engine, availability, drain, prefetches } = engineOn(broker);
    availability.next(available(2));
    const source = queue(name);
    const handled: number[] = [];
    const handle = ({ n }: { readonly n: number }) =>
      timer(20).pipe(
        tap(() => handled.push(n)),
        ignoreElements(),
      );
    const pipeline: Pipeline = definePipeline({ ...parts, source, handle });
    const run = runPipeline(pipeline, engine);
    try {
      await lastValueFrom(broker.establish(sourceTopology(source), 'assert'), { defaultValue: undefined });
      for (let n = 0; n < 3_000; n++)
        client.channel.sendToQueue(name, Buffer.from(JSON.stringify({ n })), { messageId: `m${n}` });
      await client.channel.waitForConfirms();
      const ended = lastValueFrom(run.work, { defaultValue: undefined });
      await eventually('the first consumer', () => handled.length > 0);
      availability.next(available(20));
      await eventually('all are handled', () => new Set(handled).size === 3_000, 90_000);
      expect(prefetches).to.deep.equal([4, 40]);
      await eventually('all are settled', () => run.ledger().inFlight === 0);
      drain.next();
      await ended;
      expect(run.ledger()).to.deep.include({ acked: 3_000, returned: 0 });
      expect(handled).to.have.length(3_000);
    } finally {
      drain.next();
      await lastValueFrom(broker.close({ withinMs: 3_000 }), { defaultValue: undefined });
      await client.deleteQueues([name, `${name}.dead`, `${name}.delay.5s`, `${name}.delay.1m`, `${name}.delay.10m`]);
      await client.close();
    }
  });
});

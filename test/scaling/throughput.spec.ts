/** The formula of docs/scaling.md beside the real engine, in virtual time: 1, 10 and 100 workers on one broker, by a few seeds. */
import { expect } from 'chai';
import { asyncScheduler, delay, map, Observable, type Subscriber, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import type { Broker } from '../../src/broker/broker.ts';
import { InProcessBroker } from '../../src/broker/embedded/port/in-process-broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { defineApi } from '../../src/http/define-api.ts';
import type { Transport, TransportResponse } from '../../src/http/transport.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { startVirtualWorker } from '../../src/testing/virtual/virtual-worker.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Setting {
  readonly workers: number;
  readonly concurrency: number;
  readonly prefetch?: number;
  /** Of one call, on average; single ones take from half of that to half more. */
  readonly latencyMs: number;
  /** Requests a second that each worker allows itself. */
  readonly rate?: number;
  /** Requests the API works on at once, whoever they are from. Default: any number. */
  readonly capacity?: number;
}

const ROUND_TRIP_MS = 20;

/** The line to the broker: the broker in process tells what it has to tell in lots, in which some wait for less than others. */
const throughLine = (port: Broker): Broker => ({
  address: port.address,
  status: port.status,
  establish: (...of) => port.establish(...of),
  consume: (...of) => port.consume(...of).pipe(delay(ROUND_TRIP_MS)),
  depthOf: (name) => port.depthOf(name),
  publish: (message) => port.publish(message),
  close: (options) => port.close(options),
});

/**
 * Little's law, for each of the bounds: what is in it is its rate times the time spent in it. Messages a second of all workers together.
 */
function expected({ workers, concurrency, prefetch = 2 * concurrency, latencyMs, rate, capacity }: Setting): number {
  const perSecond = (bound: number, spentMs: number): number => bound / (spentMs / 1_000);
  const ofOne = Math.min(
    perSecond(concurrency, latencyMs),
    perSecond(prefetch, latencyMs + ROUND_TRIP_MS),
    rate ?? Number.POSITIVE_INFINITY,
  );
  return Math.min(workers * ofOne, capacity === undefined ? Number.POSITIVE_INFINITY : perSecond(capacity, latencyMs));
}

const WARM_MS = 500;
const MEASURED_MS = 1_000;

/** Messages a second once it is under way, with always more in the queue than is taken. */
function measured(setting: Setting, seed: number): number {
  const { workers, concurrency, prefetch, latencyMs, rate, capacity = Number.POSITIVE_INFINITY } = setting;
  let done = 0;
  new TestScheduler(() => {}).run(({ flush }) => {
    const random = seededRandom(seed);
    const broker = new InProcessBroker({ random });
    const api = defineApi('work', {
      baseUrl: 'http://work.test',
      concurrency: 10_000,
      ...(rate === undefined ? {} : { rateLimit: { requests: rate, per: '1s', burst: 1 } }),
    });
    const pipeline = definePipeline({
      name: 'work',
      source: queue('work', { retry: false, ...(prefetch === undefined ? {} : { prefetch }) }),
      input: z.object({}),
      apis: { api },
      concurrency,
      handle: (message, { apis }) => apis.api.post('/work', message),
    });
    const transport = servedBy(capacity, () => latencyMs * (0.5 + random()));
    const admin = broker.model.openChannel(broker.model.openConnection('admin'), () => {});
    const started = Array.from({ length: workers }, () => {
      const facts = createFacts();
      facts.stream.subscribe((fact) => {
        if (fact.type === 'settled' && fact.settlement === 'ack' && fact.at >= WARM_MS) done++;
      });
      return startVirtualWorker({
        pipelines: [pipeline],
        broker,
        journal: createMemoryJournal(),
        facts,
        random,
        transportOf: () => transport,
        throughPort: throughLine,
        gracePeriodMs: 0,
      });
    });
    const messages = Math.ceil(1.2 * expected(setting) * ((WARM_MS + MEASURED_MS) / 1_000)) + workers * 2 * concurrency;
    asyncScheduler.schedule(() => {
      for (let n = 0; n < messages; n++)
        broker.run((model) =>
          model.publish(admin, {
            exchange: '',
            routingKey: 'work',
            body: Buffer.from('{}'),
            properties: { messageId: `m${n}`, contentType: 'application/json' },
          }),
        );
    }, 50);
    asyncScheduler.schedule(() => {
      for (const worker of started) worker.hasten('measured');
      for (const worker of started) worker.stop();
    }, WARM_MS + MEASURED_MS);
    flush();
  });
  return done / (MEASURED_MS / 1_000);
}

/** An API that works on so many requests at once; others wait. */
function servedBy(capacity: number, latencyMs: () => number): Transport {
  const waiting: (() => void)[] = [];
  let busy = 0;
  const free = (): void => {
    busy--;
    waiting.shift()?.();
  };
  const serve = (sink: Subscriber<TransportResponse>): void => {
    busy++;
    sink.add(free);
    sink.add(
      timer(latencyMs())
        .pipe(map(() => ({ status: 200, headers: {}, body: new Uint8Array() })))
        .subscribe(sink),
    );
  };
  const transport = (): Observable<TransportResponse> =>
    new Observable((sink) => {
      if (busy < capacity) serve(sink);
      else waiting.push(() => (sink.closed ? waiting.shift()?.() : serve(sink)));
    });
  return Object.assign(transport, { close: () => new Observable<never>((sink) => sink.complete()) });
}

describe('the throughput of many workers', function () {
  this.timeout(120_000);
  const settings: readonly (readonly [title: string, setting: Omit<Setting, 'workers'>])[] = [
    ['is concurrency / latency for each, where nothing else binds', { concurrency: 4, latencyMs: 100 }],
    [
      'is prefetch / (latency + round trip) where no message waits for a free slot',
      { concurrency: 4, prefetch: 4, latencyMs: 100 },
    ],
    ["is the API's rate for each worker where that binds", { concurrency: 4, latencyMs: 100, rate: 25 }],
    ["is the API's own capacity, however many workers there are", { concurrency: 4, latencyMs: 100, capacity: 60 }],
  ];

  for (const [title, setting] of settings)
    for (const workers of [1, 10, 100])
      it(`${title}: ${workers}`, () => {
        for (const seed of workers === 100 ? [1] : [1, 2, 3]) {
          const formula = expected({ ...setting, workers });
          expect(measured({ ...setting, workers }, seed), `seed ${seed}, ${formula} by the formula`).to.be.within(
            0.9 * formula,
            1.05 * formula,
          );
        }
      });
});

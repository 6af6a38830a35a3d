/**
 * The stations of a message's way and the operators around its calls, each alone and without I/O. A budget is what it may cost as a multiple
 * of the yardstick, a loop of plain JavaScript in the same run: absolute times are those of a machine and its neighbours.
 */
import { asyncScheduler, EMPTY, from, NEVER, type Observable, of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { decodeBody } from '../../src/message/codec.ts';
import type { Delivery } from '../../src/message/delivery.ts';
import { createBulkhead } from '../../src/operators/bulkhead.ts';
import { createCache } from '../../src/operators/cache.ts';
import { createCircuitBreaker } from '../../src/operators/circuit-breaker.ts';
import { gather } from '../../src/operators/gather.ts';
import { inSlots } from '../../src/operators/in-slots.ts';
import { createRateLimiter } from '../../src/operators/rate-limit.ts';
import { retryWithBackoff } from '../../src/operators/retry-with-backoff.ts';
import { TimeLimits } from '../../src/operators/time-limits.ts';
import { timeoutWithin } from '../../src/operators/timeout-within.ts';
import { admit } from '../../src/pipeline/admit.ts';
import { beginJourney } from '../../src/pipeline/begin-journey.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { InFlight } from '../../src/pipeline/in-flight.ts';
import { cpuMicrosOf, JOURNEYS } from './engine.ts';
import { inMemoryApi } from './in-memory.ts';

export interface Station {
  readonly name: string;
  /** At most so many times the yardstick. */
  readonly budget: number;
  /** Does it so many times; gives the CPU time of each in microseconds. */
  readonly measure: (times: number) => Promise<number>;
}

const message = { id: 'order-1', amount: 12.5, sentAtMicros: 1_700_000_000_000, note: 'x'.repeat(150) };
const body = Buffer.from(JSON.stringify(message));
const properties = { messageId: 'm1', contentType: 'application/json' };
const delivery: Delivery = {
  queue: 'work',
  exchange: '',
  routingKey: 'work',
  deliveryTag: 1,
  redelivered: false,
  body,
  properties,
  headers: Object.create(null) as Delivery['headers'],
  lost: NEVER,
  ack: () => 'sent',
  requeue: () => 'sent',
};
const pipeline = definePipeline({
  name: 'bench',
  source: queue('work', { retry: false }),
  input: z.object({ id: z.string(), amount: z.number(), sentAtMicros: z.number() }),
  handle: () => EMPTY,
});

/** What a message costs without an engine: its text parsed and written, and an entry in a list. */
export const YARDSTICK: Station['measure'] = everyTime(() => {
  const list = new Map<string, unknown>();
  return () => {
    const read = JSON.parse(body.toString()) as typeof message;
    list.set(read.id, JSON.stringify(read));
    list.delete(read.id);
  };
});

const one = of(1);
const through = (operator: (source: Observable<number>) => Observable<number>): Station['measure'] =>
  everyTime(() => {
    const observed = operator(one);
    return () => observed.subscribe();
  });

export const STATIONS: readonly Station[] = [
  {
    name: 'decode',
    budget: 1.2,
    measure: everyTime(() => () => decodeBody(body, properties, { maxBytes: 1_000_000 })),
  },
  { name: 'validate', budget: 1.4, measure: everyTime(() => () => admit(delivery, pipeline)) },
  { name: 'identify', budget: 0.8, measure: everyTime(() => () => beginJourney(delivery, pipeline, undefined)) },
  {
    name: 'slot',
    budget: 0.5,
    measure: inBulk(
      (times) => new Array<number>(times).fill(1),
      inSlots(() => one, 64),
    ),
  },
  { name: 'in flight', budget: 0.1, measure: everyTime(inFlightAndOut) },
  { name: 'facts, nobody listens', budget: 0.05, measure: everyTime(() => isHeard(createFacts())) },
  { name: 'facts, one listens', budget: 0.1, measure: everyTime(reportToOne) },
  { name: 'time limit, of eight', budget: 1.6, measure: everyTime(limitAndEnd) },
  { name: 'call', budget: 6.5, measure: everyTime(callAtOnce) },
  {
    name: 'operator retryWithBackoff',
    budget: 0.5,
    measure: through(retryWithBackoff({ maxAttempts: 3, backoff: () => 1 })),
  },
  { name: 'operator timeoutWithin', budget: 0.5, measure: through(timeoutWithin(1_000)) },
  {
    name: 'operator bulkhead',
    budget: 0.6,
    measure: through((source) => createBulkhead({ slots: 8, maxQueued: 8 }).run(source)),
  },
  { name: 'operator circuitBreaker', budget: 0.7, measure: through((source) => createCircuitBreaker().run(source)) },
  {
    name: 'operator rateLimit',
    budget: 0.7,
    measure: through((source) => createRateLimiter({ requests: 1_000_000, per: '1s' }).run(source)),
  },
  {
    name: 'operator gather of three',
    budget: 2.4,
    measure: everyTime(() => () => gather({ a: one, b: one, c: one }).subscribe()),
  },
  { name: 'operator cache, a hit', budget: 0.5, measure: everyTime(cacheHit) },
  { name: 'message, nothing called', budget: 8, measure: journey('nothing called') },
  { name: 'message, a result published', budget: 11, measure: journey('a result published') },
  { name: 'message, one POST', budget: 13, measure: journey('one POST') },
  { name: 'message, three POSTs and a result', budget: 40, measure: journey('three POSTs, a result published') },
];

/** Made once for each measurement, then done every time. */
function everyTime(make: () => () => unknown): Station['measure'] {
  return async (times) => {
    const act = make();
    const cpu = process.cpuUsage();
    for (let n = 0; n < times; n++) act();
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / times;
  };
}

function inBulk<T>(
  values: (times: number) => readonly T[],
  operator: (source: Observable<T>) => Observable<unknown>,
): Station['measure'] {
  return async (times) => {
    const all = values(times);
    const cpu = process.cpuUsage();
    operator(from(all)).subscribe();
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / times;
  };
}

function journey(name: string): Station['measure'] {
  const made = JOURNEYS[name];
  if (made === undefined) throw new Error(`no journey "${name}"`);
  return (times) => cpuMicrosOf(made, Math.ceil(times / 4));
}

function inFlightAndOut(): () => void {
  const inFlight = new InFlight({
    halt: NEVER,
    limitMs: Number.POSITIVE_INFINITY,
    onOverdue: () => {},
    giveBack: () => {},
  });
  const work = { interrupt: () => {} };
  const theOther = beginJourney(delivery, pipeline, undefined);
  inFlight.add(theOther);
  const journeyOf = beginJourney(delivery, pipeline, undefined);
  return () => {
    inFlight.add(journeyOf);
    inFlight.reached(journeyOf, 'handle');
    inFlight.begin(journeyOf, work);
    inFlight.end(journeyOf, work);
    inFlight.remove(journeyOf);
  };
}

const isHeard = (facts: ReturnType<typeof createFacts>) => (): boolean => facts.isHeard.settled;

function reportToOne(): () => void {
  const facts = createFacts();
  let heard = 0;
  facts.listen({ connectionChanged: () => heard++ });
  return () => facts.report({ type: 'connectionChanged', at: heard, state: 'connected' });
}

function limitAndEnd(): () => void {
  const limits = new TimeLimits();
  const work = { cutOff: () => {} };
  return () => {
    const nowMs = asyncScheduler.now();
    const first = limits.start(work, 60_000, nowMs);
    for (let n = 0; n < 7; n++) limits.start(work, 60_000, nowMs).unsubscribe();
    first.unsubscribe();
  };
}

function callAtOnce(): () => void {
  const api = defineApi('work', { baseUrl: 'http://localhost:1', concurrency: 256 });
  const client = createApiClient(api, {
    facts: createFacts(),
    random: Math.random,
    transport: inMemoryApi(answerAtOnce),
  });
  const { identity, trace } = beginJourney(delivery, pipeline, undefined);
  const scope = { ...identity, trace, keyScope: 'bench/m1' };
  return () => client.bind(scope).post('/work', message).subscribe();
}

const answerAtOnce = (work: () => void): void => work();

function cacheHit(): () => void {
  const cache = createCache<number>({ ttl: '1h', maxEntries: 10 });
  cache.run(one, 'key').subscribe();
  return () => cache.run(one, 'key').subscribe();
}

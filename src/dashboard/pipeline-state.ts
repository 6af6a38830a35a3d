/** One pipeline as the facts tell of it: its books, what flows, why messages failed. Bounded, whatever flows. */
import type {
  CallEnded,
  CallStarted,
  Delivered,
  IntakeChanged,
  MessageIdentity,
  Published,
  QueuesMeasured,
  RateLimitWaited,
  Settled,
  SettlementDelayed,
} from '../events.ts';
import { API_BIN, BIN, Bins, binOf } from './bins.ts';
import { Drawing } from './drawing.ts';
import { type HealthFacts, healthOf } from './health.ts';
import { Latencies } from './latencies.ts';
import { shortened } from './shortened.ts';
import type { ApiView, BinRow, CallView, Counts, PipelineShape, PipelineView, Trouble, Waiting } from './wire.ts';

const RATE_BINS = 50;
const RATE_SECONDS = 5;
const A_MINUTE = 600;
const MAX_TROUBLES = 24;
const MAX_EXCHANGES = 40;

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const OF_SETTLEMENT = { ack: 'acked', retry: 'retried', deadLetter: 'deadLettered', returned: 'returned' } as const;

export class PipelineState {
  readonly shape: PipelineShape;
  readonly drawing = new Drawing();
  readonly #bins: Bins;
  readonly #latencies = new Latencies();
  readonly #counts: Mutable<Counts> = { delivered: 0, acked: 0, retried: 0, deadLettered: 0, returned: 0, inFlight: 0 };
  readonly #waiting: Mutable<Waiting> = { messages: undefined, deadLetters: undefined, ageMs: undefined };
  readonly #running: number[];
  readonly #placeOf: ReadonlyMap<string, number>;
  /** What the broker said, by delivery: no more than are in flight. */
  readonly #unsettled = new Map<string, string>();
  readonly #troubles = new Map<string, Mutable<Trouble>>();
  readonly #exchanges = new Set<string>();
  #intake: PipelineView['intake'] = { state: 'starting', reason: undefined, prefetch: undefined };

  constructor(shape: PipelineShape) {
    this.shape = shape;
    this.#bins = new Bins(shape.apis.length);
    this.#running = shape.apis.map(() => 0);
    this.#placeOf = new Map(shape.apis.map(({ name }, index) => [name, index]));
    for (const exchange of shape.publishes) this.#exchanges.add(exchange);
  }

  queuesMeasured({ queues }: QueuesMeasured): void {
    const messagesIn = (names: readonly string[]): number | undefined => {
      const found = queues.filter(({ queue }) => names.includes(queue));
      // Some of several would say less than there is.
      return found.length < names.length ? undefined : found.reduce((sum, { messages }) => sum + messages, 0);
    };
    this.#waiting.messages = messagesIn(this.shape.workQueues);
    this.#waiting.deadLetters = messagesIn([this.shape.deadLetters]);
  }

  delivered({ at, publishedAt }: Delivered): void {
    this.#waiting.ageMs = publishedAt === undefined ? undefined : Math.max(0, at - publishedAt);
    this.#counts.delivered++;
    this.#bins.add(at, BIN.delivered);
    this.#level(at, ++this.#counts.inFlight);
  }

  settled(settled: Settled): void {
    const { at, settlement, durationMs } = settled;
    this.#counts[OF_SETTLEMENT[settlement]]++;
    this.#bins.add(at, BIN[settlement]);
    this.#counts.inFlight = Math.max(0, this.#counts.inFlight - 1);
    this.#level(at, this.#counts.inFlight);
    this.#latencies.record(durationMs);
    if (settlement !== 'ack') this.#addTrouble(settled);
    // Nearly always there is none, and no key to be made.
    if (this.#unsettled.size > 0) this.#unsettled.delete(keyOf(settled));
  }

  settlementDelayed(delayed: SettlementDelayed): void {
    this.#unsettled.set(keyOf(delayed), shortened(delayed.reason));
  }

  published({ at, exchange }: Published): void {
    this.#bins.add(at, BIN.published);
    if (this.#exchanges.size < MAX_EXCHANGES) this.#exchanges.add(exchange);
  }

  callStarted({ at, api }: CallStarted): void {
    this.#call(at, api, API_BIN.started, 1);
  }

  callEnded({ at, api, outcome }: CallEnded): void {
    this.#call(at, api, outcome === 'failed' || outcome === 'rejected' ? API_BIN.failed : undefined, -1);
  }

  waited({ at, waitedMs }: RateLimitWaited): void {
    this.#bins.add(at, BIN.waitedMs, waitedMs);
  }

  intakeChanged({ state, reason, prefetch }: IntakeChanged): void {
    this.#intake = { state, reason, prefetch: prefetch ?? this.#intake.prefetch };
  }

  rows(from: number, to: number): BinRow[] {
    return this.#bins.rows(from, to);
  }

  view(now: number, apis: readonly ApiView[], worker: Pick<HealthFacts, 'broker' | 'worker'>): PipelineView {
    const { shape } = this;
    const to = binOf(now) + 1;
    const rate = (place: number): number => this.#bins.sum(place, to - RATE_BINS, to) / RATE_SECONDS;
    const minute = (place: number): number => this.#bins.sum(place, to - A_MINUTE, to);
    const ofMinute = {
      delivered: minute(BIN.delivered),
      acked: minute(BIN.ack),
      retried: minute(BIN.retry),
      deadLettered: minute(BIN.deadLetter),
      returned: minute(BIN.returned),
    };
    const counts = { ...this.#counts };
    const waiting = { ...this.#waiting };
    const unsettled = { messages: this.#unsettled.size, reason: [...this.#unsettled.values()].at(-1) };
    const troubles = [...this.#troubles.values()].sort((one, other) => other.count - one.count);
    const own = apis.filter(({ name }) => this.#placeOf.has(name));
    const [p50Ms, p99Ms] = this.#latencies.quantiles(0.5, 0.99);
    return {
      shape,
      health: healthOf({
        shape,
        apis: own,
        ...worker,
        intake: this.#intake,
        counts,
        waiting,
        unsettled,
        minute: ofMinute,
        troubles,
      }),
      counts,
      minute: ofMinute,
      waiting,
      unsettled,
      inRate: rate(BIN.delivered),
      outRate: rate(BIN.ack) + rate(BIN.retry) + rate(BIN.deadLetter) + rate(BIN.returned),
      publishRate: rate(BIN.published),
      retryRate: rate(BIN.retry),
      deadLetterRate: rate(BIN.deadLetter),
      retriesPerMinute: ofMinute.retried,
      p50Ms,
      p99Ms,
      spark: this.#spark(to),
      intake: this.#intake,
      troubles: troubles.map((trouble) => ({ ...trouble })),
      exchanges: [...this.#exchanges],
      calls: shape.apis.map(({ name }, index): CallView => {
        const place = BIN.apis + index * API_BIN.size;
        const failedRate = rate(place + API_BIN.failed);
        return { api: name, rate: rate(place + API_BIN.started), failedRate, running: this.#running[index] ?? 0 };
      }),
    };
  }

  /** Ends with the last whole second. */
  #spark(to: number): number[] {
    return Array.from({ length: 60 }, (_, index) => {
      const from = to - (60 - index) * 10;
      return this.#bins.sum(BIN.delivered, from, from + 10);
    });
  }

  #level(at: number, inFlight: number): void {
    this.#bins.set(at, BIN.inFlight, inFlight);
  }

  #call(at: number, api: string, count: number | undefined, step: 1 | -1): void {
    const index = this.#placeOf.get(api);
    if (index === undefined) return;
    const place = BIN.apis + index * API_BIN.size;
    const running = Math.max(0, (this.#running[index] ?? 0) + step);
    this.#running[index] = running;
    if (count !== undefined) this.#bins.add(at, place + count);
    this.#bins.set(at, place + API_BIN.running, running);
  }

  #addTrouble({ at, settlement, code = 'none', stage, reason = '' }: Settled): void {
    const key = `${settlement} ${code} ${stage}`;
    const known = this.#troubles.get(key);
    if (known === undefined) {
      if (this.#troubles.size >= MAX_TROUBLES) this.#forgetOldest();
      this.#troubles.set(key, { settlement, code, stage, reason: shortened(reason), count: 1, lastAt: at });
      return;
    }
    known.count++;
    known.lastAt = at;
    known.reason = shortened(reason);
  }

  #forgetOldest(): void {
    const [oldest] = [...this.#troubles].sort(([, one], [, other]) => one.lastAt - other.lastAt);
    if (oldest !== undefined) this.#troubles.delete(oldest[0]);
  }
}

const keyOf = ({ deliveryTag, messageId }: MessageIdentity): string => `${deliveryTag} ${messageId}`;

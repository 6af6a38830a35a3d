/**
 * Facts as log lines: what went wrong at warn and error, what went well at debug, and all of it summed up at info. Neither a flood of
 * messages nor one of failures sets the speed: a line that is below the level costs nothing, and those that repeat are counted after some.
 */
import { interval, Subscription } from 'rxjs';
import type { Fact, FactListeners, Facts, FactType, SagaMoved, SettlementKind } from '../events.ts';
import type { Logger } from '../log.ts';
import { DurationSummary } from './duration-summary.ts';
import { fieldsOf } from './fact-fields.ts';
import type { LoggerOptions } from './logger.ts';

type Level = LoggerOptions['level'];

export interface LogFactsOptions {
  /** What the logger writes; lines below it are not put together. */
  readonly level: Level;
}

const ORDER: Readonly<Record<Level, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, silent: 5 };

const SUM_UP_EVERY_MS = 10_000;

/** Lines in one summary's time about the same thing going wrong in the same place; the others are written at debug, and counted. */
const ALIKE = { callRetried: 10, settlementDelayed: 10, settled: 100, deadLetter: 100, undone: 100 } as const;

/** Kinds of facts that are never told louder than this: below the level nobody hears them, so that they are not even made. */
const LOUDEST: { readonly [Type in FactType]?: 'trace' | 'debug' } = {
  fed: 'trace',
  journalAsked: 'trace',
  journalCompacted: 'trace',
  journalCounted: 'trace',
  queuesMeasured: 'trace',
  rateLimitWaited: 'trace',
  requestAnswered: 'trace',
  delivered: 'trace',
  slotTaken: 'trace',
  callStarted: 'trace',
  callEnded: 'trace',
  cacheHit: 'trace',
  published: 'trace',
  connectionChanged: 'debug',
  limitChanged: 'debug',
};

/** What may go wrong alike for one message after the other. */
type Alike = Extract<Fact, { readonly pipeline?: string | undefined }>;

const aboveLevel = (listeners: Required<FactListeners>, threshold: number): FactListeners =>
  Object.fromEntries(
    Object.entries(listeners).filter(([type]) => ORDER[LOUDEST[type as FactType] ?? 'error'] >= threshold),
  );

/** Writes a line for each fact a person may ask about, and every 10 s, and before the last line of a worker, one about each pipeline that did something. Unsubscribing writes what is left. */
export function logFacts(facts: Facts, log: Logger, { level }: LogFactsOptions): Subscription {
  const threshold = ORDER[level];
  /** Whether nothing is written of what is told at debug. */
  const isUntold = ORDER.debug < threshold;
  let sums = new Map<string, PipelineSum>();
  let alike = new Map<string, number>();
  /** What was last said of each pipeline's intake. */
  const intakes = new Map<string, string>();

  const sumOf = (pipeline: string): PipelineSum => {
    const known = sums.get(pipeline);
    if (known !== undefined) return known;
    const sum = new PipelineSum();
    sums.set(pipeline, sum);
    return sum;
  };

  const write = (fact: Fact, at: Exclude<Level, 'silent'>, sentence: string): void => {
    if (ORDER[at] < threshold) return;
    log[at](fieldsOf(fact), sentence);
  };

  /** Whether this is one of the first of its kind. */
  const isFirst = (kind: keyof typeof ALIKE, place: string, code = ''): boolean => {
    const key = `${kind} ${place} ${code}`;
    const count = (alike.get(key) ?? 0) + 1;
    alike.set(key, count);
    return count <= ALIKE[kind];
  };

  /** Warns of the first of its kind. */
  const warnOf = (fact: Alike, kind: keyof typeof ALIKE, place: string, sentence: string): void => {
    const isLoud = isFirst(kind, place);
    if (!isLoud && isUntold && fact.pipeline !== undefined) sumOf(fact.pipeline).unlogged++;
    write(fact, isLoud ? 'warn' : 'debug', sentence);
  };

  const undone = (fact: SagaMoved, sentence: string): void =>
    warnOf(fact, 'undone', `${fact.saga} ${fact.move} ${fact.step ?? ''} ${fact.code ?? ''}`, sentence);

  const trace = (fact: Fact): void => write(fact, 'trace', fact.type);

  const listeners: Required<FactListeners> = {
    fed: trace,
    journalAsked: trace,
    journalCompacted: trace,
    journalCounted: trace,
    queuesMeasured: trace,
    rateLimitWaited: trace,
    requestAnswered: trace,
    delivered: trace,
    slotTaken: trace,
    callStarted: trace,
    callEnded: trace,
    cacheHit: trace,
    published: trace,
    // The broker adapter has said it already, and knows not to repeat itself through a long outage.
    connectionChanged: (fact) => write(fact, 'debug', `broker connection ${fact.state}`),
    limitChanged: (fact) => write(fact, 'debug', 'concurrency changed'),
    settled: (fact) => {
      const sum = sumOf(fact.pipeline);
      sum.count(fact.settlement, fact.durationMs);
      if (fact.settlement === 'ack') write(fact, 'debug', 'done');
      else if (fact.settlement === 'deadLetter') {
        const isLoud = isFirst('deadLetter', fact.pipeline, fact.code);
        if (!isLoud) sum.quietDeadLetter(fact.code, isUntold);
        write(fact, isLoud ? 'error' : 'debug', 'dead-lettered');
      }
      // Nothing has failed: a message that would expire lies in its queue again as one that does not.
      else if (fact.settlement === 'retry' && fact.code === undefined)
        write(fact, 'debug', 'laid into its queue again');
      else {
        const sentence = fact.settlement === 'retry' ? 'failed, will be tried again' : 'given back to the broker';
        warnOf(fact, 'settled', `${fact.pipeline} ${fact.settlement} ${fact.code ?? ''}`, sentence);
      }
    },
    callRetried: (fact) =>
      warnOf(fact, 'callRetried', `${fact.api} ${fact.code}`, 'call failed, another attempt follows'),
    settlementDelayed: (fact) => {
      const sentence = 'settlement delayed: what has to be published first was not confirmed';
      warnOf(fact, 'settlementDelayed', `${fact.pipeline} ${fact.settlement} ${fact.code}`, sentence);
    },
    deliveryOverdue: (fact) =>
      write(fact, 'error', 'unsettled for too long: given back, before the broker takes back all that is out with it'),
    intakeChanged: (fact) => {
      const told = `${fact.state} ${fact.reason ?? ''}`;
      // A queue that is gone is asked for again and again, with the same answer.
      const isKnown = intakes.get(fact.pipeline) === told;
      intakes.set(fact.pipeline, told);
      if (fact.state === 'consuming') write(fact, 'info', 'consuming');
      // The worker's own line says that it drains.
      else if (fact.state === 'stopped') write(fact, 'debug', 'intake stopped');
      else write(fact, isKnown ? 'debug' : 'warn', `intake ${fact.state}`);
    },
    partitionHandedOver: (fact) =>
      write(fact, 'info', 'more than a fair share of the partitions: one is left to another worker'),
    feedingDelayed: (fact) => write(fact, 'warn', 'the source cannot feed its queue, and tries again'),
    breakerChanged: (fact) => {
      const isBroken = fact.state === 'open' || fact.state === 'isolated';
      write(fact, isBroken ? 'warn' : 'info', `circuit of ${fact.api} ${fact.state}`);
    },
    rateLimitSharingChanged: (fact) => {
      if (fact.state === 'local')
        write(fact, 'warn', `rate limit of ${fact.api}: its store is away, this worker keeps to its own share`);
      else write(fact, 'info', `rate limit of ${fact.api} is shared again`);
    },
    sagaMoved: (fact) => {
      if (fact.move === 'stuck') write(fact, 'error', `saga ${fact.saga} ${fact.sagaId} is stuck`);
      // Tried again, or the saga is stuck: that is another move, and an error.
      else if (fact.move === 'compensationFailed') undone(fact, 'a compensation failed');
      else if (fact.move === 'compensationDone') undone(fact, 'a step was undone');
      else if (fact.move === 'undone') undone(fact, `saga ${fact.saga} is undone`);
      else write(fact, 'trace', fact.type);
    },
    eventLoopBlocked: (fact) =>
      write(
        fact,
        'warn',
        'the event loop was blocked: heartbeats, timers and acks had to wait; look for long synchronous work',
      ),
    journalChanged: (fact) => {
      // As with a broker that is away: messages wait, and nothing is lost.
      if (fact.state === 'unavailable') write(fact, 'warn', 'the journal is away: messages that need it wait');
      else write(fact, 'info', 'the journal is back');
    },
    workerMoved: (fact) => {
      if (fact.state === 'stopped') sumUp();
      write(fact, 'info', `worker ${fact.state}`);
    },
  };

  const sumUp = (): void => {
    for (const [pipeline, sum] of sums) {
      for (const [code, deadLettered] of sum.deadLettersByCode) {
        const fields = { pipeline, ...(code === undefined ? {} : { code }), deadLettered };
        log.error(fields, isUntold ? 'dead-lettered too, without a line for each' : 'dead-lettered too, told at debug');
      }
      log.info({ pipeline, ...sum.fields() }, 'in the last 10 s');
    }
    sums = new Map();
    alike = new Map();
  };

  const listening = new Subscription(sumUp);
  listening.add(facts.listen(aboveLevel(listeners, threshold)));
  listening.add(interval(SUM_UP_EVERY_MS).subscribe(sumUp));
  return listening;
}

/** What became of a pipeline's messages since the last summary. */
class PipelineSum {
  readonly #durations = new DurationSummary();
  readonly #counts = { ack: 0, retry: 0, deadLetter: 0, returned: 0 };
  readonly #deadLettersByCode = new Map<string | undefined, number>();
  /** Lines about failures that were not written. */
  unlogged = 0;

  /** Dead letters without an error of their own in the log. */
  get deadLettersByCode(): ReadonlyMap<string | undefined, number> {
    return this.#deadLettersByCode;
  }

  /** `isUntold`: without any line. */
  quietDeadLetter(code: string | undefined, isUntold: boolean): void {
    if (isUntold) this.unlogged++;
    this.#deadLettersByCode.set(code, (this.#deadLettersByCode.get(code) ?? 0) + 1);
  }

  count(settlement: SettlementKind, durationMs: number): void {
    this.#counts[settlement]++;
    this.#durations.add(durationMs);
  }

  fields(): object {
    const { ack, retry, deadLetter, returned } = this.#counts;
    const [p50Ms, p99Ms] = [this.#durations.quantileMs(0.5), this.#durations.quantileMs(0.99)];
    const unlogged = this.unlogged === 0 ? {} : { unlogged: this.unlogged };
    return { done: ack, retried: retry, deadLettered: deadLetter, returned, p50Ms, p99Ms, ...unlogged };
  }
}

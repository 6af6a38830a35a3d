/**
 * Facts as log lines: what went wrong at warn and error, what went well at debug, and all of it summed up at info. Neither a flood of
 * messages nor one of failures sets the speed: a line that is below the level costs nothing, and those that repeat are counted after some.
 */
import { interval, Subscription } from 'rxjs';
import type { Fact, Facts, SettlementKind } from '../events.ts';
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
const ALIKE = { callRetried: 10, settled: 100 } as const;

/** Writes a line for each fact a person may ask about, and every 10 s, and before the last line of a worker, one about each pipeline that did something. Unsubscribing writes what is left. */
export function logFacts(facts: Facts, log: Logger, { level }: LogFactsOptions): Subscription {
  const threshold = ORDER[level];
  let sums = new Map<string, PipelineSum>();
  let alike = new Map<string, number>();

  const sumOf = (pipeline: string): PipelineSum => {
    const sum = sums.get(pipeline) ?? new PipelineSum();
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

  const listen = (fact: Fact): void => {
    switch (fact.type) {
      case 'settled': {
        const sum = sumOf(fact.pipeline);
        sum.count(fact.settlement, fact.durationMs);
        if (fact.settlement === 'ack') write(fact, 'debug', 'done');
        else if (fact.settlement === 'deadLetter') write(fact, 'error', 'dead-lettered');
        // Nothing has failed: a message that would expire lies in its queue again as one that does not.
        else if (fact.settlement === 'retry' && fact.code === undefined)
          write(fact, 'debug', 'laid into its queue again');
        else {
          const isLoud = isFirst('settled', fact.pipeline, `${fact.settlement} ${fact.code ?? ''}`);
          if (!isLoud) sum.unlogged++;
          const sentence = fact.settlement === 'retry' ? 'failed, will be tried again' : 'given back to the broker';
          write(fact, isLoud ? 'warn' : 'debug', sentence);
        }
        break;
      }
      case 'callRetried': {
        const isLoud = isFirst('callRetried', fact.api, fact.code);
        if (!isLoud) sumOf(fact.pipeline).unlogged++;
        write(fact, isLoud ? 'warn' : 'debug', 'call failed, another attempt follows');
        break;
      }
      case 'settlementDelayed':
        write(fact, 'warn', 'settlement delayed: what has to be published first was not confirmed');
        break;
      case 'deliveryOverdue':
        write(
          fact,
          'error',
          'unsettled for too long: given back, before the broker takes back all that is out with it',
        );
        break;
      case 'connectionChanged':
        // The broker adapter has said it already, and knows not to repeat itself through a long outage.
        write(fact, 'debug', `broker connection ${fact.state}`);
        break;
      case 'intakeChanged':
        if (fact.state === 'consuming') write(fact, 'info', 'consuming');
        else write(fact, 'warn', `intake ${fact.state}`);
        break;
      case 'partitionHandedOver':
        write(fact, 'info', 'more than a fair share of the partitions: one is left to another worker');
        break;
      case 'feedingDelayed':
        write(fact, 'warn', 'the source cannot feed its queue, and tries again');
        break;
      case 'breakerChanged': {
        const isBroken = fact.state === 'open' || fact.state === 'isolated';
        write(fact, isBroken ? 'warn' : 'info', `circuit of ${fact.api} ${fact.state}`);
        break;
      }
      case 'rateLimitSharingChanged':
        if (fact.state === 'local')
          write(fact, 'warn', `rate limit of ${fact.api}: its store is away, this worker keeps to its own share`);
        else write(fact, 'info', `rate limit of ${fact.api} is shared again`);
        break;
      case 'sagaMoved':
        if (fact.move === 'stuck') write(fact, 'error', `saga ${fact.saga} ${fact.sagaId} is stuck`);
        // Tried again, or the saga is stuck: that is another move, and an error.
        else if (fact.move === 'compensationFailed') write(fact, 'warn', 'a compensation failed');
        else if (fact.move === 'compensationDone') write(fact, 'warn', 'a step was undone');
        else if (fact.move === 'undone') write(fact, 'warn', `saga ${fact.saga} is undone`);
        else write(fact, 'trace', fact.type);
        break;
      case 'eventLoopBlocked':
        write(
          fact,
          'warn',
          'the event loop was blocked: heartbeats, timers and acks had to wait; look for long synchronous work',
        );
        break;
      case 'journalChanged':
        // As with a broker that is away: messages wait, and nothing is lost.
        if (fact.state === 'unavailable') write(fact, 'warn', 'the journal is away: messages that need it wait');
        else write(fact, 'info', 'the journal is back');
        break;
      case 'limitChanged':
        write(fact, 'debug', 'concurrency changed');
        break;
      case 'workerMoved':
        if (fact.state === 'stopped') sumUp();
        write(fact, 'info', `worker ${fact.state}`);
        break;
      case 'fed':
      case 'journalAsked':
      case 'journalCompacted':
      case 'journalCounted':
      case 'queuesMeasured':
      case 'rateLimitWaited':
      case 'requestAnswered':
      case 'delivered':
      case 'slotTaken':
      case 'callStarted':
      case 'callEnded':
      case 'cacheHit':
      case 'published':
        write(fact, 'trace', fact.type);
        break;
    }
  };

  const sumUp = (): void => {
    for (const [pipeline, sum] of sums) log.info({ pipeline, ...sum.fields() }, 'in the last 10 s');
    sums = new Map();
    alike = new Map();
  };

  const listening = new Subscription(sumUp);
  listening.add(facts.stream.subscribe(listen));
  listening.add(interval(SUM_UP_EVERY_MS).subscribe(sumUp));
  return listening;
}

/** What became of a pipeline's messages since the last summary. */
class PipelineSum {
  readonly #durations = new DurationSummary();
  readonly #counts = { ack: 0, retry: 0, deadLetter: 0, returned: 0 };
  /** Lines about failures that were not written. */
  unlogged = 0;

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

/**
 * The feeder of a pipeline at work, where its source has one: only while the broker takes messages, and again after every failure. It ends when
 * the worker drains.
 */
import {
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  map,
  type Observable,
  retry,
  switchMap,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { codeOf, messageOf } from '../errors.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import type { Feeding } from '../sources/source.ts';
import { clockNow } from './context.ts';
import { setAsideCopy } from './copies.ts';
import type { Engine } from './engine.ts';
import type { Pipeline } from './pipeline.ts';

export interface FeedState {
  readonly isFeeding: boolean;
  /** Why not. */
  readonly reason?: string;
}

export class Feed {
  readonly #pipeline: Pipeline;
  readonly #engine: Engine;
  #state: FeedState = { isFeeding: true };

  constructor(pipeline: Pipeline, engine: Engine) {
    this.#pipeline = pipeline;
    this.#engine = engine;
  }

  /** A source without a feeder has nothing to fail at. */
  get state(): FeedState {
    return this.#state;
  }

  /** Cold. Completes when what was begun before the worker drains is done, or cut short by its halt. Never fails. */
  run(): Observable<never> {
    const { broker, drain, halt } = this.#engine;
    if (this.#pipeline.source.feeder === undefined) return EMPTY;
    return broker.status.pipe(
      map(({ state }) => state === 'connected'),
      distinctUntilChanged(),
      takeUntil(drain),
      switchMap((isConnected) => (isConnected ? this.#feed() : EMPTY)),
      takeUntil(halt),
      ignoreElements(),
    );
  }

  #feed(): Observable<unknown> {
    const { broker, journal, log, random, drain, facts } = this.#engine;
    const { name: pipeline, source } = this.#pipeline;
    const backoff = exponentialBackoff({ initialMs: 1_000, maxMs: 30_000, jitter: 'equal' }, random);
    const publish = broker.publish.bind(broker);
    const setAside: Feeding['setAside'] = (message, error) =>
      concat(
        defer(() => publish(setAsideCopy(message, error, this.#pipeline, clockNow()))),
        defer(() => {
          const { messageId } = message.properties;
          const [code, reason] = [codeOf(error), messageOf(error)];
          log.error(
            { pipeline, messageId, code, reason },
            'a message of the source cannot be sent: it is a dead letter',
          );
          return EMPTY;
        }),
      );
    const feeding = { pipeline, queue: source.name, publish, setAside, broker, journal, log, random, drain };

    let failures = 0;
    const pauseAfter = (error: unknown): Observable<unknown> => {
      failures++;
      const nextDelayMs = backoff(failures);
      const [code, reason] = [codeOf(error), messageOf(error)];
      this.#state = { isFeeding: false, reason };
      facts.report({ type: 'feedingDelayed', at: clockNow(), pipeline, code, reason, nextDelayMs });
      return timer(nextDelayMs).pipe(takeUntil(drain));
    };
    return defer(() => source.feeder?.feed(feeding) ?? EMPTY).pipe(
      tap(({ messages }) => {
        if (!this.#state.isFeeding) log.info({ pipeline }, 'the source feeds its queue again');
        this.#state = { isFeeding: true };
        if (messages === 0) return;
        // It has got over its failure: the next one begins with short pauses.
        failures = 0;
        facts.report({ type: 'fed', at: clockNow(), pipeline, messages });
      }),
      retry({ delay: pauseAfter }),
    );
  }
}

/** The pipeline without its feeder: for whoever delivers all of its messages himself. */
export function withoutFeeder(pipeline: Pipeline): Pipeline {
  const { feeder: _feeder, ...source } = pipeline.source;
  return { ...pipeline, source };
}

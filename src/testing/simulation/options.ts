/** What a simulation is asked for, and what holds where nothing is said. */

import type { Broker } from '../../broker/broker.ts';
import type { HttpMethod } from '../../http/api.ts';
import type { JournalStore } from '../../journal/journal-store.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Duration } from '../../policies/duration.ts';
import type { Random } from '../../policies/random.ts';
import type { Answer } from '../pipelines/answers.ts';
import type { ApiRequest } from '../pipelines/request.ts';
import type { Law } from './laws/law.ts';
import type { FaultKind } from './plan.ts';

/** What a message of a simulation is made from. */
export interface MessageSeed {
  /** The message's id, and its correlation id. Good as an id inside the body too. */
  readonly id: string;
  /** Counts the pipeline's messages, from 0. */
  readonly n: number;
  /** The only source of chance a body may have. */
  readonly random: Random;
}

/** The body of a message, sent as JSON (bytes go out as they are: for bodies nobody can read), or a `message(body, { … })` with properties. */
export type MessageMaker = (seed: MessageSeed) => unknown;

export interface ApiTraits {
  /** Time from request to answer, drawn between these, the short ones more often. Default: 5 to 400 ms. */
  readonly latency?: readonly [least: Duration, most: Duration];
  /**
   * Requests served at once at full speed, over all workers; each more slows its own answer down, above twice as many are answered 429 with
   * a `Retry-After` of a second. Integer, at least 1. Default: without bound.
   */
  readonly capacity?: number;
  /** Share of requests answered 500 or 503 before or after their effect, until all is healed. 0 to 1. Default: 0.02. */
  readonly failureRatio?: number;
  /** Share of requests whose effect happens and whose answer is lost, until all is healed. 0 to 1. Default: 0.01. */
  readonly lostAnswerRatio?: number;
  /** Whether a request with an idempotency key it has seen has no second effect and gets the first one's answer. Default: true. */
  readonly honoursKeys?: boolean;
  /** Operations that a handle calls several times for one message on purpose with the same body. Default: none. */
  readonly repeats?: readonly string[];
}

/**
 * What an API does for a request that reaches it in good health. Called when the effect happens: once for each idempotency key where the
 * API honours keys. A status of 400 or more is a refusal and no effect. Take chance from `random` alone, or a seed repeats nothing.
 */
export type Answerer = (request: ApiRequest, random: Random) => Answer;

/** How an API or a service behaves, and its answers by operation, `POST /charge` or `ASK quote`; an operation without one answers 200 with `{}`. */
export interface SimulatedApiOptions extends ApiTraits {
  readonly [operation: `${HttpMethod} /${string}` | `ASK ${string}`]: Answerer | undefined;
}

export interface SimulationOptions {
  /** The body of a pipeline's messages, by the pipeline's name. Every pipeline needs one. */
  readonly messages: Readonly<Record<string, MessageMaker>>;
  /** What everything is drawn from: plan, latencies, jitter. Integer. Default: 1. */
  readonly seed?: number;
  /** Where to enter the plans of the seed: what a failure prints, to replay the case it was shrunk to. */
  readonly path?: string;
  /** How an API behaves, by the name it is defined with. Default: answers `{}` within 5 to 400 ms. */
  readonly apis?: Readonly<Record<string, SimulatedApiOptions>>;
  /** Length of the safety phase in virtual hours, in which faults happen. Above 0, at most 100. Default: 1. */
  readonly hours?: number;
  /** Messages at most, over the safety phase. Integer, at least 1. Default: 100 for each hour. */
  readonly maxMessages?: number;
  /** Faults at most, over the safety phase. Integer, at least 0. Default: 12 for each hour. */
  readonly maxFaults?: number;
  /** Kinds of faults that may happen. Default: all. */
  readonly faults?: readonly FaultKind[];
  /** Worker processes, each with clients, limits and breakers of its own. Integer from 1 to 20. Default: 2. */
  readonly workers?: number;
  /** Laws beside the built-in ones. */
  readonly laws?: readonly Law[];
  /**
   * Time all work may take to drain once everything is healed. Default: what the slowest pipeline may need by its definition, for all its tries
   * and pauses, and five minutes.
   */
  readonly drainWithin?: Duration;
  /** Time in ms of this machine's clock for shrinking a failure; the case it is replayed by is as small as was found by then. Default: 60 000. */
  readonly shrinkMs?: number;
  /** The store behind the journals of all workers, made anew for each world. Default: in memory. */
  readonly journal?: () => JournalStore;
  /** Stands between each worker and the broker; for showing that a law can be broken. Default: nothing does. */
  readonly throughPort?: (port: Broker) => Broker;
  /** Takes a pipeline's place in the workers, while the laws know it as it was given; for the same purpose. Default: the pipeline itself. */
  readonly throughPipeline?: (pipeline: Pipeline) => Pipeline;
}

/** Options with their defaults filled in. */
export interface Setup {
  readonly pipelines: readonly Pipeline[];
  readonly messages: SimulationOptions['messages'];
  readonly apis: Readonly<Record<string, SimulatedApiOptions>>;
  readonly safetyMs: number;
  readonly maxMessages: number;
  readonly maxFaults: number;
  readonly faults: readonly FaultKind[];
  readonly workers: number;
  readonly drainWithinMs: number;
  readonly laws: readonly Law[];
  readonly journal: () => JournalStore;
  readonly throughPort: (port: Broker) => Broker;
  readonly throughPipeline: (pipeline: Pipeline) => Pipeline;
}

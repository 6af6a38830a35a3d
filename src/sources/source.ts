/**
 * Where a pipeline's messages come from. Whatever it is, they wait in a queue of the broker, so that retries, dead letters and settlement
 * are the same for all: a source that is more than a queue feeds the pipeline's own.
 */
import type { Observable } from 'rxjs';
import type { z } from 'zod';
import type { Broker } from '../broker/broker.ts';
import type { QueueSource } from '../broker/queue.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import type { Duration } from '../policies/duration.ts';
import type { Random } from '../policies/random.ts';

/** What a feeder is given by the engine. */
export interface Feeding {
  readonly pipeline: string;
  /** The queue to feed, by its name. */
  readonly queue: string;
  /** Cold. Completes when the broker has confirmed; fails as `Broker.publish` does. */
  readonly publish: (message: OutgoingMessage) => Observable<never>;
  /**
   * Cold. For what `publish` refuses as it is: lays its body among the dead letters of the queue, with the error and the headers as text. Completes and
   * fails as `publish` does.
   */
  readonly setAside: (message: OutgoingMessage, error: unknown) => Observable<never>;
  /** For a feeder that takes from the broker itself. */
  readonly broker: Pick<Broker, 'consume' | 'depthOf'>;
  readonly journal: Journal;
  readonly log: Logger;
  readonly random: Random;
  /** Emits once, and again to late subscribers: feed nothing more, finish what is begun, complete. */
  readonly drain: Observable<unknown>;
}

/** Messages that the broker has confirmed. */
export interface Fed {
  readonly messages: number;
}

export interface Feeder {
  /** What feeds, for people: `every 5m`. */
  readonly title: string;
  /** Whether it feeds no more while enough waits. Default: it does, however much that is. */
  readonly keepsWithin?: boolean;
  /**
   * Cold. Feeds the queue, and emits for each lot the broker has confirmed, and with no messages when it finds that it could feed. Runs in every worker at once. A failure is of the moment: the
   * engine subscribes anew after a pause. Unsubscribing ends it at once: what is not confirmed by then may be fed again.
   */
  feed(feeding: Feeding): Observable<Fed>;
  /**
   * Looks for what is missing before anything runs: settings, packages.
   * @throws ConfigError with all of it.
   */
  check?(): void;
}

/** A source as the engine runs it. */
export interface PipelineSource extends QueueSource {
  readonly feeder?: Feeder;
  /** One message at a time, over all workers. */
  readonly oneAtATime?: boolean;
  /** How long a message that is done is remembered, where the pipeline does not say itself. */
  readonly dedupe?: { readonly ttl: Duration };
  /** Why a message is not worth handling any more, undefined where it is: asked of first attempts alone. */
  readonly staleBy?: (message: unknown, now: number) => string | undefined;
}

/** A source that feeds a queue of the pipeline's own. */
export interface FedSource {
  readonly kind: 'fed';
  /** The queue and its feeder, for the pipeline of that name. */
  readonly resolve: (pipeline: string) => PipelineSource;
}

/** A source whose messages have a shape of their own: the pipeline needs no `input`. */
export interface TypedSource<Schema extends z.ZodType> extends FedSource {
  readonly message: Schema;
}

export type Source = QueueSource | FedSource | TypedSource<z.ZodType>;

export const isSource = (value: unknown): value is Source =>
  typeof value === 'object' && value !== null && 'kind' in value && (value.kind === 'queue' || value.kind === 'fed');

/** What messages of a source look like by themselves; undefined for one that takes any. */
export const ownMessageOf = (source: Source | undefined): z.ZodType | undefined =>
  isSource(source) && 'message' in source ? source.message : undefined;

/** What authors write of a pipeline. */
import type { ObservableInput, Subscribable } from 'rxjs';
import type { z } from 'zod';
import type { Destination } from '../broker/exchange.ts';
import type { ExchangeType } from '../broker/topology.ts';
import type { CallTargets } from '../http/call-target.ts';
import type { IngressOptions } from '../ingress/ingress.ts';
import type { Duration } from '../policies/duration.ts';
import type { Source, TypedSource } from '../sources/source.ts';
import type { Context } from './context.ts';
import type { ReadOptions, WriteOptions } from './message-format.ts';

/** `none`: as slots come free. `arrival`: one after the other. `by`: one after the other for each key, keys side by side. */
export type Order<Message> = 'none' | 'arrival' | { readonly by: (message: Message) => string };

/** An exchange that results go to, and that is declared with this type. */
export interface PublishedExchange {
  /** 1 to 255 bytes. */
  readonly exchange: string;
  /** `sluice dev` keeps results of topic exchanges alone: on the embedded broker those of another type need a queue of yours that is bound to it. */
  readonly type: ExchangeType;
}

export interface DedupeOptions<Message> {
  /** What makes two messages the same: a text that is not empty. Default: the message id. It is stored hashed. */
  readonly key?: (message: Message) => string;
  /** How long a message that is done is remembered, from then on: up to `'24d'`. */
  readonly ttl: Duration;
  /**
   * Whether the results of a message that is done are published again, under their ids, when it comes again, and its `reply-to` answered. Then what the
   * handle emitted is kept in the journal, written by the codec of `writes` where there is one that reads, too. Default: false.
   */
  readonly repeatResults?: boolean;
  /**
   * What becomes of a message whose key is done, but with another body: `dead-letter`, as ERR_MESSAGE_CONFLICT, or `done`, as if it were the same.
   * Default: dead-letter.
   */
  readonly otherBody?: 'dead-letter' | 'done';
}

/** Where a result goes: nowhere, to one exchange, or to several. */
export type Destinations = Destination | readonly Destination[] | undefined;

export interface PipelineOptions<Schema extends z.ZodType, Definitions extends CallTargets, Output> {
  /** Unique in the worker: logs, metrics and dead letters carry it. Letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  readonly source: Source;
  /**
   * What a message must look like. One that does not is dead-lettered with the reason and nothing is called. A source whose messages have a
   * shape of their own, as `every` and `schedule`, is its default.
   */
  readonly input?: Schema;
  /** The APIs the handle may call. Default: none. */
  readonly apis?: Definitions;
  /**
   * Names of the `apis` without which no message can be done: while the breaker of one is open, the pipeline takes no messages, and half-open
   * it takes as many as there are probes. Default: all of them. APIs whose failure the handle can live with are better left out.
   */
  readonly needs?: readonly (keyof NoInfer<Definitions> & string)[];
  /** Messages handled at once: 1 to 10 000. Default: 64. With `order: 'arrival'` it is one, whatever is said. */
  readonly concurrency?: number;
  /** Default: `none`. A message that waits for a later attempt lets others pass it, whatever the order. */
  readonly order?: Order<z.output<Schema>>;
  /** Time for one try of the handle, from its start. Default: 5 minutes; at most 14, below half of the broker's own limit of 30. */
  readonly timeout?: Duration;
  /** Largest message body, inflated. Default: 1 MiB. Memory for bodies is at most this times the prefetch. */
  readonly maxMessageBytes?: number;
  /** How messages are read, where they are more than JSON, text or bytes. Default: as their content type says. */
  readonly reads?: ReadOptions;
  /** How results are written. Default: bytes as they are, everything else as JSON. */
  readonly writes?: WriteOptions<NoInfer<Output>, z.output<Schema>>;
  /**
   * Exchanges the results go to, names of 1 to 255 bytes: declared or looked for at start. Others are when a result first goes there, as topic exchanges. Default: none.
   * `{ exchange: 'receipts', type: 'direct' }` is one of another type than topic.
   */
  readonly publishes?: readonly (string | PublishedExchange)[];
  /**
   * Queues a message may ask its answer to (`reply-to`), as names or patterns with `*`. A message that asks for another is dead-lettered.
   * Default: `['amq.*']`, the queues the broker names for one requester.
   */
  readonly replyTo?: readonly string[];
  /**
   * Whose message it is, where several tenants choose message ids, a text that is not empty: part of the idempotency keys of its calls and of its `dedupe` key, so that two of
   * them never share one. A saga's keys have the saga's id instead: name the tenant there. Default: nobody's.
   */
  readonly tenant?: (message: z.output<Schema>) => string;
  /**
   * Handles a message once: one that is done is acked when it comes again. Default: off, but for the firings of a schedule. Needs a journal that
   * survives the worker, and that workers share: see `SLUICE_JOURNAL_URL`. The one in memory remembers the last 10 000 messages.
   */
  readonly dedupe?: DedupeOptions<z.output<Schema>>;
  /**
   * The work: what it emits are the results, published when it has completed. A failure, thrown or emitted, is of this message alone:
   * a transient one is retried later, any other dead-letters the message. Unsubscribed at its timeout, at shutdown and when the connection is lost.
   */
  handle(message: z.output<Schema>, context: Context<Definitions>): ObservableInput<Output>;
  /** Where each result goes. Default: nowhere but to the message's `reply-to`. */
  output?(result: NoInfer<Output>, message: z.output<Schema>): Destinations;
  /** How messages come in over HTTP, through the front door. Below `handle`, whose results it is about. Default: they do not. */
  readonly ingress?: IngressOptions<NoInfer<Output>>;
}

/** A handle that emits work in place of its result does not compile: nobody would begin it. */
export type EmitsValues<Output> = 0 extends 1 & Output
  ? unknown
  : [Extract<Output, Subscribable<unknown> | PromiseLike<unknown>>] extends [never]
    ? unknown
    : {
        readonly handle: 'emits an Observable or a promise that nobody begins: return it itself, or merge(…) of several; or take mergeMap in place of map';
      };

/** The schema of a source whose messages have a shape of their own. */
export type MessageOf<From extends Source> = From extends TypedSource<infer Schema> ? Schema : z.ZodType;

/** `input` may be left out where the source knows it. */
export type SourceAndInput<From extends Source, Schema extends z.ZodType> = {
  readonly source: From;
} & (From extends TypedSource<z.ZodType> ? { readonly input?: Schema } : { readonly input: Schema });

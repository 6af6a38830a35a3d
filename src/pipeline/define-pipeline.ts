/** A pipeline's definition: what authors write, checked when it is made. Plain data and functions; `run-pipeline.ts` brings it to life. */
import type { Observable, ObservableInput } from 'rxjs';
import { z } from 'zod';
import type { Destination } from '../broker/exchange.ts';
import { keyIn } from '../broker/partitions.ts';
import { problemsOf, reportProblems } from '../definition.ts';
import { DefinitionError, type Problem } from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import { type Ingress, type IngressOptions, ingressOf, ingressSchema } from '../ingress/ingress.ts';
import { type Duration, durationMs, durationSchema, formatDuration, parseDuration } from '../policies/duration.ts';
import { isSource, type PipelineSource, type Source, type TypedSource } from '../sources/source.ts';
import type { Context } from './context.ts';

import { type ReadOptions, readsSchema, type WriteOptions, type Writes, writesSchema } from './message-format.ts';

import { isAllowed } from './reply-to.ts';

/** `none`: as slots come free. `arrival`: one after the other. `by`: one after the other for each key, keys side by side. */
export type Order<Message> = 'none' | 'arrival' | { readonly by: (message: Message) => string };

export interface DedupeOptions<Message> {
  /** What makes two messages the same: a text that is not empty. Default: the message id. It is stored hashed. */
  readonly key?: (message: Message) => string;
  /** How long a message that is done is remembered, from then on: up to `'24d'`. */
  readonly ttl: Duration;
  /**
   * Whether the results of a message that is done are published again, under their ids, when it comes again, and its `reply-to` answered. Then what the
   * handle emitted is kept in the journal. Default: false.
   */
  readonly repeatResults?: boolean;
  /**
   * What becomes of a message whose key is done, but with another body: `dead-letter`, as ERR_MESSAGE_CONFLICT, or `done`, as if it were the same.
   * Default: dead-letter.
   */
  readonly otherBody?: 'dead-letter' | 'done';
}

/** As the engine reads it. */
export interface DedupeRule {
  readonly key: ((message: unknown) => string) | undefined;
  readonly ttlMs: number;
  readonly repeatsResults: boolean;
  readonly otherBody: 'dead-letter' | 'done';
}

/**
 * What a handle has to say before its message is dead-lettered for good, or expires: it has begun what it must not leave without a word. Cold; emits the
 * error that counts instead. A transient one is retried later like any other.
 */
export type LastWord = (message: unknown, context: Context<CallTargets>, error: unknown) => Observable<unknown>;

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
  /** Exchanges the results go to: declared or looked for at start. Others are when a result first goes there. Default: none. */
  readonly publishes?: readonly string[];
  /**
   * Queues a message may ask its answer to (`reply-to`), as names or patterns with `*`. A message that asks for another is dead-lettered.
   * Default: `['amq.*']`, the queues the broker names for one requester.
   */
  readonly replyTo?: readonly string[];
  /**
   * Whose message it is, where several tenants choose message ids: part of the idempotency keys of its calls and of its `dedupe` key, so that two of
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

/** The schema of a source whose messages have a shape of their own. */
type MessageOf<From extends Source> = From extends TypedSource<infer Schema> ? Schema : z.ZodType;

/** `input` may be left out where the source knows it. */
type SourceAndInput<From extends Source, Schema extends z.ZodType> = {
  readonly source: From;
} & (From extends TypedSource<z.ZodType> ? { readonly input?: Schema } : { readonly input: Schema });

/** A pipeline with its defaults filled in. Its types are erased: the engine passes values through, the definition has checked them. */
export interface Pipeline {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly source: PipelineSource;
  readonly input: z.ZodType;
  readonly apis: CallTargets;
  readonly needs: readonly string[];
  readonly concurrency: number;
  readonly prefetch: number;
  readonly order: 'none' | 'arrival' | { readonly by: (message: unknown) => string };
  readonly timeoutMs: number;
  readonly tenant: ((message: unknown) => string) | undefined;
  readonly dedupe: DedupeRule | undefined;
  readonly maxMessageBytes: number;
  readonly reads: ReadOptions | undefined;
  readonly writes: Writes | undefined;
  readonly publishes: readonly string[];
  readonly replyTo: readonly string[];
  readonly ingress: Ingress | undefined;
  readonly handle: (message: unknown, context: Context<CallTargets>) => ObservableInput<unknown>;
  /** The handle's, where it has one: a saga. Such a handle minds the message's deadline by itself, and no more than its timeout cuts it off. */
  readonly lastWord: LastWord | undefined;
  readonly output: ((result: unknown, message: unknown) => Destinations) | undefined;
}

/** Handles are functions; those that have more to say carry it as a property. */
function lastWordOf(handle: unknown): LastWord | undefined {
  if (typeof handle !== 'function' || !('lastWord' in handle)) return undefined;
  const { lastWord } = handle;
  return typeof lastWord === 'function' ? (lastWord as LastWord) : undefined;
}

/** By its words: sagas are strangers here. */
const isSagaWithoutEnd = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'step' in value && 'returns' in value;

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isKind = (kind: string) => (value: unknown) =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

const isTarget = (value: unknown): boolean => isKind('api')(value) || isKind('service')(value);

/** One message after the other: with the default timeout, five wait no longer than they may stay unsettled by default. */
const ARRIVAL_PREFETCH = 5;

const DEFAULT_TIMEOUT: Duration = '5m';

const MAX_TIMEOUT_MS = 14 * 60_000;

const schema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,100}$/, { error: 'expected 1 to 100 letters, digits, "-", "_" or "."' }),
  source: z.custom(isSource, {
    error: 'expected a source made by queue(), partitioned(), stream(), every(), schedule() or outbox()',
  }),
  input: z.custom((value) => value instanceof z.ZodType, { error: 'expected a zod schema' }),
  apis: z
    .record(
      z.string(),
      z.custom(isTarget, { error: 'expected an API made by defineApi() or a service made by defineService()' }),
    )
    .optional(),
  needs: z.array(z.string()).optional(),
  concurrency: z.int().min(1).max(10_000).optional(),
  order: z
    .union([
      z.enum(['none', 'arrival']),
      z.strictObject({ by: z.custom(isFunction, { error: 'expected a function from message to key' }) }),
    ])
    .optional(),
  timeout: durationSchema()
    .refine((timeout) => (parseDuration(timeout) ?? 0) <= MAX_TIMEOUT_MS, {
      error: `expected at most '14m': beyond half of its limit for unsettled deliveries the broker may take the message back`,
    })
    .optional(),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(128 * 1024 * 1024)
    .optional(),
  reads: readsSchema.optional(),
  writes: writesSchema.optional(),
  publishes: z.array(z.string().min(1)).optional(),
  replyTo: z.array(z.string().min(1)).optional(),
  tenant: z.custom(isFunction, { error: 'expected a function from message to tenant' }).optional(),
  dedupe: z
    .strictObject({
      key: z.custom(isFunction, { error: 'expected a function from message to key' }).optional(),
      ttl: durationSchema(),
      repeatResults: z.boolean().optional(),
      otherBody: z.enum(['dead-letter', 'done']).optional(),
    })
    .optional(),
  ingress: ingressSchema.optional(),
  handle: z.custom(isFunction, {
    error: ({ input }) =>
      isSagaWithoutEnd(input)
        ? 'is a saga without an end: add .returns(…) after its last step'
        : 'expected a function (message, context) => Observable, Promise or iterable',
  }),
  output: z.custom(isFunction, { error: 'expected a function result => exchange(…)' }).optional(),
});

/**
 * Checks a pipeline and fills in its defaults.
 * @throws DefinitionError naming the pipeline, each wrong option and what is allowed.
 */
export function definePipeline<
  const From extends Source,
  Schema extends z.ZodType = MessageOf<From>,
  const Definitions extends CallTargets = Record<never, never>,
  Output = never,
>(options: PipelineOptions<Schema, Definitions, Output> & SourceAndInput<From, Schema>): Pipeline {
  if (typeof options !== 'object' || options === null) {
    throw new DefinitionError([{ subject: 'pipeline', path: '', message: `expected options, got ${String(options)}` }]);
  }
  const { name, apis = {}, publishes = [], replyTo = ['amq.*'], handle, output } = options;
  const { concurrency = 64, timeout = DEFAULT_TIMEOUT, maxMessageBytes = 1024 * 1024 } = options;
  const source = sourceFor(options);
  const input = (options.input ?? ownMessageOf(options.source)) as z.ZodType;
  const order = source?.oneAtATime === true ? 'arrival' : (options.order ?? ownOrderOf(source));
  reportProblems([
    ...problemsOf(subjectOf(options), schema, { ...options, input }),
    ...boundProblems(options, source),
    ...timeProblems(options, source),
    ...needProblems(options),
    ...keyProblems(options, source, input),
    ...formProblems(options),
    ...ingressProblems(options, source),
  ]);
  return {
    kind: 'pipeline',
    name,
    source,
    input,
    apis,
    needs: options.needs ?? Object.keys(apis),
    concurrency,
    prefetch: source?.prefetch ?? defaultPrefetch(source, order, concurrency),
    order: order as Pipeline['order'],
    timeoutMs: parseDuration(timeout) === undefined ? 0 : durationMs(timeout),
    tenant: options.tenant as Pipeline['tenant'],
    dedupe: dedupeRule(options.dedupe ?? source?.dedupe),
    maxMessageBytes,
    reads: options.reads,
    writes: options.writes as Pipeline['writes'],
    publishes,
    replyTo,
    ingress:
      typeof options.ingress === 'object' && options.ingress !== null
        ? ingressOf(options.ingress as IngressOptions<never>, maxMessageBytes)
        : undefined,
    handle: handle as Pipeline['handle'],
    lastWord: lastWordOf(handle),
    output: output as Pipeline['output'],
  };
}

function dedupeRule(options: DedupeOptions<never> | undefined): DedupeRule | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  const { key, ttl, repeatResults = false, otherBody = 'dead-letter' } = options;
  return { key: key as DedupeRule['key'], ttlMs: parseDuration(ttl) ?? 0, repeatsResults: repeatResults, otherBody };
}

/** Where messages lie in partitions by their key, they are handled in order by it. */
function ownOrderOf(source: PipelineSource | undefined): Order<never> {
  const by = source?.partitions?.by;
  return by === undefined ? 'none' : { by: (message: unknown) => keyIn(message, by) };
}

/** Two partitions fill the slots of their worker: with more workers than that each has work for all of its slots. */
function defaultPrefetch(source: PipelineSource | undefined, order: unknown, concurrency: number): number {
  if (source?.partitions !== undefined)
    return source.partitions.count * (order === 'arrival' ? 1 : Math.ceil(concurrency / 2));
  return order === 'arrival' ? ARRIVAL_PREFETCH : Math.min(2 * concurrency, 65_535);
}

/** What messages of a source look like by themselves; undefined for one that takes any. */
const ownMessageOf = (source: Source): z.ZodType | undefined =>
  isSource(source) && 'message' in source ? source.message : undefined;

/** The source as the engine runs it. What is none is reported by the schema; while problems are collected the definition is finished all the same. */
function sourceFor({ source, name }: { readonly source: Source; readonly name: string }): PipelineSource {
  return isSource(source) && source.kind === 'fed' ? source.resolve(name) : (source as PipelineSource);
}

const subjectOf = ({ name }: { readonly name: unknown }): string => `pipeline ${JSON.stringify(name) ?? String(name)}`;

/** What no single option shows: slots that no delivery could ever fill. */
function boundProblems(
  options: { readonly name: string; readonly concurrency?: number; readonly order?: unknown },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { concurrency = 64, order } = options;
  const prefetch = source?.prefetch;
  if (prefetch === undefined || prefetch >= concurrency || order === 'arrival' || source?.oneAtATime === true)
    return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.prefetch',
      message: `expected at least the concurrency, ${concurrency}, or slots stay empty; got ${prefetch}`,
    },
  ];
}

/** A handle that may take longer than its message may stay unsettled. */
function timeProblems(
  options: { readonly name: string; readonly timeout?: Duration },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { timeout = DEFAULT_TIMEOUT } = options;
  const [timeoutMs, settleWithinMs] = [parseDuration(timeout), source?.settleWithinMs];
  if (timeoutMs === undefined || !(settleWithinMs !== undefined && settleWithinMs <= timeoutMs)) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.settleWithin',
      message: `expected more than the timeout, ${formatDuration(timeoutMs)}, or messages are taken from handles that still have time; got ${formatDuration(settleWithinMs)}`,
    },
  ];
}

/** Messages that we make ourselves are no CloudEvents: all of them would be dead-lettered. */
function formProblems(options: {
  readonly name: string;
  readonly source: Source;
  readonly reads?: ReadOptions;
}): readonly Problem[] {
  if (options.reads?.cloudEvents === undefined || ownMessageOf(options.source) === undefined) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'reads.cloudEvents',
      message: 'the messages of its source are plain JSON and no CloudEvents',
    },
  ];
}

/** A key that no message has. */
function keyProblems(
  options: { readonly name: string },
  source: PipelineSource | undefined,
  input: unknown,
): readonly Problem[] {
  const by = source?.partitions?.by;
  if (by === undefined || !(input instanceof z.ZodObject) || Object.hasOwn(input.shape, by)) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.by',
      message: `expected a field of the input: ${Object.keys(input.shape).join(', ')}; got ${JSON.stringify(by)}`,
    },
  ];
}

/** What keeps requests from becoming messages of the pipeline. */
function ingressProblems(
  options: {
    readonly name: string;
    readonly ingress?: { readonly maxBodyBytes?: number };
    readonly replyTo?: readonly string[];
    readonly maxMessageBytes?: number;
  },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { ingress, replyTo = ['amq.*'], maxMessageBytes = 1024 * 1024 } = options;
  if (ingress === undefined) return [];
  const problem = (path: string, message: string): Problem => ({ subject: subjectOf(options), path, message });
  const problems: Problem[] = [];
  if (source?.feeder !== undefined)
    problems.push(problem('ingress', 'expected a source made by queue() or partitioned(): this one feeds itself'));
  if (Array.isArray(replyTo) && !isAllowed('amq.rabbitmq.reply-to.', replyTo))
    problems.push(problem('replyTo', "expected 'amq.*' among the patterns: the front door is answered there"));
  if ((ingress.maxBodyBytes ?? 0) > maxMessageBytes)
    problems.push(
      problem(
        'ingress.maxBodyBytes',
        `expected at most maxMessageBytes, ${maxMessageBytes}, got ${ingress.maxBodyBytes}`,
      ),
    );
  return problems;
}

/** A need that is no API of the pipeline. */
function needProblems(options: {
  readonly name: string;
  readonly apis?: CallTargets;
  readonly needs?: readonly string[];
}): readonly Problem[] {
  const { apis = {}, needs = [] } = options;
  const unknown = needs.filter((need) => !Object.hasOwn(apis, need));
  const known = Object.keys(apis).join(', ') || 'none';
  return unknown.map((need) => ({
    subject: subjectOf(options),
    path: 'needs',
    message: `"${need}" is none of the pipeline's apis: ${known}`,
  }));
}

export const isPipeline = (value: unknown): value is Pipeline => isKind('pipeline')(value);

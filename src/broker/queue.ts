/** Where messages come from: a RabbitMQ queue, with the queues beside it that hold its retries and its dead letters. */
import { z } from 'zod';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import type { Problem } from '../errors.ts';
import { brokerName, routingKey } from '../message/short-string-schema.ts';
import { type Duration, durationMs, formatDuration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import type { Partitions } from './partitions.ts';
import { EXCHANGE_TYPES, type ExchangeType, type Topology, type TopologyMode } from './topology.ts';

export interface Binding {
  /** 1 to 255 bytes. */
  readonly exchange: string;
  /** Routing key, or a pattern with `*` (one word) and `#` (any number of words) on a topic exchange: at most 255 bytes. */
  readonly key: string;
  /** Type the exchange is declared with. Default: topic. */
  readonly type?: ExchangeType;
}

export interface QueueOptions {
  /** Exchanges that feed the queue. Default: none, only what is published to the queue by its name. */
  readonly bindings?: readonly Binding[];
  /** Unsettled deliveries the broker may have out at once: 1 to 65 535. Default: twice the pipeline's `concurrency`; 5 with `order: 'arrival'`. */
  readonly prefetch?: number;
  /**
   * Pauses before the 2nd, 3rd … attempt of a message that failed for a transient cause. It waits in a queue of the broker,
   * holds no slot and survives any crash. Default: `['5s', '1m', '10m']`. `false`: the first failure dead-letters.
   */
  readonly retry?: false | { readonly delays: readonly Duration[] };
  /** Whether the worker declares what is missing or only looks. Default: the worker's `SLUICE_TOPOLOGY`, and `assert` without it. */
  readonly topology?: TopologyMode;
  /**
   * `quorum` bounds duplicates after a crash by the prefetch and gets rid of messages that kill their consumer; `classic` does neither.
   * Default: quorum.
   */
  readonly type?: 'quorum' | 'classic';
  /**
   * Times a quorum queue hands a message over again, after crashes, lost connections and orderly stops alike, before it dead-letters it.
   * A message behind a slow backlog is handed over and given back by each restart, of each worker: so it should be well above the restarts such a
   * backlog outlasts, times the workers. Default: 100.
   */
  readonly deliveryLimit?: number;
  /**
   * Time from a delivery to its settlement: 1 s to 24 h, longer than the pipeline's `timeout`. What takes longer, wherever it waits, is named
   * in the log and given back alone; at its own limit (`consumer_timeout`, 30 minutes unless the broker is told otherwise) the broker
   * takes back everything that is out with it. Default: 25 minutes.
   */
  readonly settleWithin?: Duration;
}

export interface QueueSource {
  readonly kind: 'queue';
  readonly name: string;
  readonly bindings: readonly Required<Binding>[];
  readonly prefetch: number | undefined;
  readonly retryDelaysMs: readonly number[];
  readonly topology: TopologyMode | undefined;
  readonly type: 'quorum' | 'classic';
  readonly deliveryLimit: number;
  readonly settleWithinMs: number;
  /** Whether the broker hands messages to one consumer alone, and to the next when that one goes. */
  readonly singleActiveConsumer?: boolean;
  /** Where its messages lie in several queues: then `name` is that of an exchange. `prefetch` is for all of them together. */
  readonly partitions?: Partitions;
  /** What the source needs on the broker beside its own queue. */
  readonly beside?: Topology;
  /** Queues that are consumed beside its own. */
  readonly consumedBeside?: readonly string[];
}

/** Names of AMQP are short strings; room is left for the suffixes of the queues beside a work queue. */
const name = brokerName(200).refine((text) => !text.startsWith('amq.'), {
  error: 'names that begin with "amq." belong to the broker',
});

export const bindingsSchema = z.array(
  z.strictObject({
    exchange: brokerName(),
    key: routingKey(),
    type: z.enum(EXCHANGE_TYPES).optional(),
  } satisfies Record<keyof Binding, z.ZodType>),
);

/** A time-to-live of RabbitMQ's. */
const delay = durationSchema().refine((duration) => Number.isInteger(parseDuration(duration) ?? 0), {
  error: 'expected whole milliseconds, in which RabbitMQ counts delays',
});

const schema = z.strictObject({
  name,
  bindings: bindingsSchema.optional(),
  prefetch: z.int().min(1).max(65_535).optional(),
  retry: z.union([z.literal(false), z.strictObject({ delays: z.array(delay).min(1).max(20) })]).optional(),
  topology: z.enum(['assert', 'check']).optional(),
  type: z.enum(['quorum', 'classic']).optional(),
  deliveryLimit: z.int().min(1).optional(),
  settleWithin: durationSchema()
    .refine((within) => isBetween(parseDuration(within), 1_000, 24 * 3_600_000), { error: "expected '1s' to '24h'" })
    .optional(),
});

const isBetween = (value: number | undefined, from: number, to: number): boolean =>
  value === undefined || (value >= from && value <= to);

const DEFAULT_DELAYS: readonly Duration[] = ['5s', '1m', '10m'];

/**
 * A queue as a source of messages.
 * @throws DefinitionError naming every wrong option.
 */
export function queue(name: string, options: QueueOptions = {}): QueueSource {
  const subject = `queue "${String(name)}"`;
  const problems = problemsOf(subject, schema, { ...options, name });
  const right = sound(options, problems);
  reportProblems([...problems, ...typesAtOdds(subject, right)]);
  const { bindings = [], retry = { delays: DEFAULT_DELAYS }, type = 'quorum', deliveryLimit = 100 } = right;
  const { settleWithin = '25m' } = right;
  return {
    kind: 'queue',
    name: String(name),
    bindings: bindings.map((binding) => ({ type: 'topic', ...binding })),
    prefetch: right.prefetch,
    retryDelaysMs: retry === false ? [] : retry.delays.map(durationMs),
    topology: right.topology,
    type,
    deliveryLimit,
    settleWithinMs: parseDuration(settleWithin) ?? 0,
  };
}

/** Bindings that want one exchange of two types. A queue that only looks for its exchanges says nothing of their type. */
function typesAtOdds(subject: string, { bindings, topology }: QueueOptions): readonly Problem[] {
  if (topology === 'check' || bindings === undefined) return [];
  const problems: Problem[] = [];
  const types = new Map<string, ExchangeType>();
  for (const [index, binding] of bindings.entries()) {
    const { exchange, type = 'topic' } = binding;
    // The broker's own exchanges are never declared: what is said of their type is not looked at.
    if (String(exchange).startsWith('amq.')) continue;
    const before = types.get(exchange) ?? type;
    types.set(exchange, before);
    if (type === before) continue;
    const unsaid = binding.type === undefined ? ', as nothing is said' : '';
    const message = `is ${type}${unsaid}, and ${before} in a binding before it: exchange "${exchange}" has one type`;
    problems.push({ subject, path: `bindings.${index}.type`, message });
  }
  return problems;
}

/** The queue that keeps what could not be handled. */
export const deadLetterQueue = (queueName: string): string => `${queueName}.dead`;

/** The queue where messages wait for their next attempt; its name tells the pause, so that changed delays make new queues. */
export const delayQueue = (queueName: string, delayMs: number): string =>
  `${queueName}.delay.${formatDuration(delayMs)}`;

/** The way of a copy to the queue where it waits, from which it comes back to the queue its delivery came from. */
export const wayToDelay = (
  { name, partitions }: Pick<QueueSource, 'name' | 'partitions'>,
  queueName: string,
  delayMs: number,
): { readonly exchange: string; readonly routingKey: string } =>
  partitions === undefined
    ? { exchange: '', routingKey: delayQueue(name, delayMs) }
    : { exchange: delayQueue(name, delayMs), routingKey: queueName };

/** Which pause a copy goes to, or undefined for what is none. */
export const delayOf = (
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
  { name, partitions, retryDelaysMs }: Pick<QueueSource, 'name' | 'partitions' | 'retryDelaysMs'>,
): number | undefined => {
  if (partitions === undefined && exchange !== '') return undefined;
  const waiting = partitions === undefined ? routingKey : exchange;
  return retryDelaysMs.find((delayMs) => waiting === delayQueue(name, delayMs));
};

/** A source that reads a stream of the broker: a log that keeps what was read, and that others read too. */
import { z } from 'zod';
import type { StreamOffset } from '../broker/broker.ts';
import { type Binding, bindingsSchema, type QueueOptions, queue } from '../broker/queue.ts';
import { UNLIMITED } from '../broker/source-topology.ts';
import type { Topology } from '../broker/topology.ts';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import { brokerName } from '../message/short-string-schema.ts';
import { queueOptionsShape } from './queue-options.ts';
import type { FedSource } from './source.ts';
import { placeQueue, streamFeeder } from './stream-feeder.ts';

export interface StreamOptions extends Omit<QueueOptions, 'bindings'> {
  /**
   * Where the pipeline begins the very first time: with the stream's `'first'` message, those of the `'last'` chunk written, what comes `'next'`, an
   * offset, or a moment. From then on it goes on where it stood. Default: next.
   */
  readonly from?: StreamOffset;
  /** Name of the pipeline's own queue, which the messages are copied to. Default: the pipeline's name and `.stream`. */
  readonly queue?: string;
  /** Exchanges that feed the stream. Default: none, only what is published to the stream by its name. */
  readonly bindings?: readonly Binding[];
  /** Whether the stream is declared with the rest of the topology. Default: true; false where it is somebody else's. */
  readonly declare?: boolean;
  /** How long the stream keeps messages: a number and Y, M, D, h, m or s, like `'7D'`. Where the worker declares it. Default: for ever. */
  readonly maxAge?: string;
  /** How much the stream keeps, in bytes. Where the worker declares it. Default: everything. */
  readonly maxBytes?: number;
  /** Copies that may wait in the pipeline's own queue before reading pauses: 100 to 1 000 000. Default: 10 000. */
  readonly ahead?: number;
}

const isMoment = (value: unknown): boolean => value instanceof Date && value.getTime() >= 0;

const schema = z.strictObject({
  name: brokerName(200),
  from: z
    .union([
      z.literal(['first', 'last', 'next']),
      z.int().min(0),
      z.custom<Date>(isMoment, { error: 'expected a Date since 1970' }),
    ])
    .optional(),
  queue: z.string().min(1).optional(),
  bindings: bindingsSchema.optional(),
  declare: z.boolean().optional(),
  maxAge: z
    .string()
    .regex(/^[1-9]\d{0,8}[YMDhms]$/, { error: "expected a number and Y, M, D, h, m or s, like '7D'" })
    .optional(),
  maxBytes: z.int().min(1).optional(),
  ahead: z.int().min(100).max(1_000_000).optional(),
  ...queueOptionsShape,
});

/**
 * Reads a stream, and copies each message into the pipeline's own queue, from where it is handled, retried and dead-lettered as ever. One worker of all
 * reads, in the stream's order, and another goes on when that one ends. Where it stands is kept on the broker and written once a second, after the copies are
 * confirmed: a crash means that the last second is copied again, under the same message ids. In memory are at most 512 messages, and up to a chunk more on
 * RabbitMQ 3.
 * @throws DefinitionError naming each wrong option.
 */
export function stream(name: string, options: StreamOptions = {}): FedSource {
  const problems = problemsOf(`stream "${String(name)}"`, schema, { ...options, name });
  reportProblems(problems);
  const {
    from = 'next',
    queue: queueName,
    bindings = [],
    declare = true,
    maxAge,
    maxBytes,
    ahead = 10_000,
    ...queueOptions
  } = sound(options, problems);
  const feeder = streamFeeder({ title: `stream ${String(name)}`, stream: name, from, ahead });
  // Of one that is wrong nobody knows what it was to be: others need not say the same.
  const declared = declare && problems.length === 0 ? streamTopology(name, bindings, maxAge, maxBytes) : NOTHING;
  return {
    kind: 'fed',
    resolve: (pipeline) => {
      const own = queue(queueName ?? `${pipeline}.stream`, queueOptions);
      const place = placeQueue(own.name);
      return {
        ...own,
        beside: {
          ...declared,
          queues: [
            ...declared.queues,
            { name: place, arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true, ...UNLIMITED } },
          ],
        },
        consumedBeside: [name, place],
        feeder,
      };
    },
  };
}

const NOTHING: Topology = { exchanges: [], queues: [], bindings: [] };

function streamTopology(
  name: string,
  bindings: readonly Binding[],
  maxAge: string | undefined,
  maxBytes: number | undefined,
): Topology {
  const exchanges = bindings
    .filter(({ exchange }) => !exchange.startsWith('amq.'))
    .map(({ exchange, type = 'topic' }) => [exchange, { name: exchange, type }] as const);
  return {
    exchanges: [...new Map(exchanges).values()],
    queues: [
      {
        name,
        arguments: {
          'x-queue-type': 'stream',
          ...(maxAge === undefined ? {} : { 'x-max-age': maxAge }),
          ...(maxBytes === undefined ? {} : { 'x-max-length-bytes': maxBytes }),
        },
      },
    ],
    bindings: bindings.map(({ exchange, key }) => ({ queue: name, exchange, key })),
  };
}

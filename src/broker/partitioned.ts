/** A source of messages in order per key over all workers: one exchange, and a queue for each share of the keys that one worker at a time consumes. */
import { z } from 'zod';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import { brokerName } from '../message/short-string-schema.ts';
import { type QueueOptions, type QueueSource, queue } from './queue.ts';

export interface PartitionedOptions
  extends Pick<QueueOptions, 'retry' | 'topology' | 'deliveryLimit' | 'settleWithin'> {
  /** The field of a message that holds its key, a text or a number: `'order_id'`. Messages of one key are handled one after the other. */
  readonly by: string;
  /** Queues the keys are spread over: 2 to 256, and more than there will ever be workers. It cannot be changed while messages wait. Default: 16. */
  readonly partitions?: number;
  /** The header that carries the key, for publishers whose routing keys say something else: 1 to 255 bytes. Default: none, the routing key is the key. */
  readonly header?: string;
  /**
   * Unsettled deliveries the broker may have out at once for each partition: 1 to 1000. What a worker holds is at most this times the
   * partitions, where it is alone. Default: half of the pipeline's `concurrency`.
   */
  readonly prefetch?: number;
}

/** Soon enough for people who add a worker; next to nothing for the broker. */
const LOOK_EVERY_MS = 5_000;

const schema = z.strictObject({
  by: z.string().min(1).max(255),
  partitions: z.int().min(2).max(256).optional(),
  header: brokerName().optional(),
  prefetch: z.int().min(1).max(1_000).optional(),
  retry: z.unknown().optional(),
  topology: z.unknown().optional(),
  deliveryLimit: z.unknown().optional(),
  settleWithin: z.unknown().optional(),
});

/**
 * Messages of an exchange, spread by their key over partitions: quorum queues of which each has one worker at a time. Publishers publish to the
 * exchange of that name (type `x-consistent-hash`, of a plugin that comes with RabbitMQ) with the key as routing key, or in a header.
 *
 * Workers share the partitions evenly and take over those of one that ends. Messages of one key are handled one after the other, in the order
 * they were published in, over all workers; a message that waits for a later attempt lets others of its key pass. A worker that is cut off from
 * the broker may finish a call while its successor has begun: where that matters, let the API tell by the idempotency key.
 * @throws DefinitionError naming every wrong option.
 */
export function partitioned(name: string, options: PartitionedOptions): QueueSource {
  const problems = problemsOf(`partitioned("${String(name)}")`, schema, options);
  reportProblems(problems);
  const { by = '', partitions: count = 16, header, prefetch, ...queueOptions } = sound(options, problems);
  return {
    ...queue(name, queueOptions),
    prefetch: prefetch === undefined ? undefined : prefetch * count,
    singleActiveConsumer: true,
    partitions: { count, by, header, lookEveryMs: LOOK_EVERY_MS },
  };
}

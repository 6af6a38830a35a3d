/** Everything that must be on the broker for a source, as plain data. */
import { type Partitions, workersQueue, workQueues } from './partitions.ts';
import { deadLetterQueue, delayQueue, type QueueSource } from './queue.ts';
import type { QueueSpec, Topology } from './topology.ts';

/** Everything that must exist for a source: its queue or partitions, the delay queues, the dead-letter queue, exchanges and bindings. */
export function sourceTopology(source: QueueSource): Topology {
  const { partitions, beside = NOTHING } = source;
  const own = partitions === undefined ? queueTopology(source) : partitionsTopology(source, partitions);
  return {
    exchanges: [...own.exchanges, ...beside.exchanges],
    queues: [...own.queues, ...beside.queues],
    bindings: [...own.bindings, ...beside.bindings],
  };
}

/**
 * For a quorum queue whose messages are handed over and given back as often as it takes. RabbitMQ 4 drops what a queue without a limit of its own handed
 * over more than 20 times; by the -1 that lifts it there, 3.10 drops what comes back once.
 */
export const UNLIMITED = { 'x-delivery-limit': 1_000_000_000 } as const;

const NOTHING: Topology = { exchanges: [], queues: [], bindings: [] };

/**
 * What tells workers that do not agree, to be there before anything else is: a queue's length can be declared in one way only, so that of the
 * workers is the number of partitions. More partitions would move keys to queues of their own while earlier messages wait, fewer would leave queues to nobody.
 */
export const agreement = ({ name, partitions }: QueueSource): readonly QueueSpec[] =>
  partitions === undefined
    ? []
    : [{ name: workersQueue(name), arguments: { 'x-queue-type': 'quorum', 'x-max-length': partitions.count } }];

function queueTopology(source: QueueSource): Topology {
  const { name, type, bindings } = source;
  return {
    exchanges: [
      ...new Map(
        bindings
          // Those of the broker itself are always there.
          .filter(({ exchange }) => !exchange.startsWith('amq.'))
          .map((binding) => [binding.exchange, { name: binding.exchange, type: binding.type }]),
      ).values(),
    ],
    queues: [
      deadLetters(source),
      workQueue(source, name),
      ...[...new Set(source.retryDelaysMs)].map((delayMs) => ({
        name: delayQueue(name, delayMs),
        arguments: { 'x-queue-type': type, 'x-message-ttl': delayMs, ...deadLettersTo(name, type) },
      })),
    ],
    bindings: bindings.map(({ exchange, key }) => ({ queue: name, exchange, key })),
  };
}

/** One delay queue a tier serves all partitions: it hands each message on by the routing key it came with, that of its partition. */
function partitionsTopology(source: QueueSource, { header }: Partitions): Topology {
  const { name, type } = source;
  const partitions = workQueues(source);
  const tiers = [...new Set(source.retryDelaysMs)];
  return {
    exchanges: [
      {
        name,
        type: 'x-consistent-hash',
        isOfPartitions: true,
        ...(header === undefined ? {} : { arguments: { 'hash-header': header } }),
      },
      ...tiers.map((delayMs) => ({ name: delayQueue(name, delayMs), type: 'fanout' as const, isOfPartitions: true })),
    ],
    queues: [
      ...agreement(source),
      deadLetters(source),
      ...partitions.map((queue) => workQueue(source, queue)),
      ...tiers.map((delayMs) => ({
        name: delayQueue(name, delayMs),
        arguments: { 'x-queue-type': type, 'x-message-ttl': delayMs, ...deadLettersTo(undefined, type) },
      })),
    ],
    bindings: [
      // The binding key of this type of exchange is a weight.
      ...partitions.map((queue) => ({ queue, exchange: name, key: '1' })),
      ...tiers.map((delayMs) => ({ queue: delayQueue(name, delayMs), exchange: delayQueue(name, delayMs), key: '' })),
    ],
  };
}

/** Letters are given back by everybody who looks at them. */
export const deadLetters = ({ name, type }: Pick<QueueSource, 'name' | 'type'>): QueueSpec => ({
  name: deadLetterQueue(name),
  arguments: { 'x-queue-type': type, ...(type === 'quorum' ? UNLIMITED : {}) },
});

function workQueue({ name, type, deliveryLimit, singleActiveConsumer }: QueueSource, queue: string): QueueSpec {
  return {
    name: queue,
    arguments: {
      'x-queue-type': type,
      ...deadLettersTo(deadLetterQueue(name), type),
      ...(type === 'quorum' ? { 'x-delivery-limit': deliveryLimit } : {}),
      ...(singleActiveConsumer === true ? { 'x-single-active-consumer': true } : {}),
    },
  };
}

/** On quorum queues the broker confirms its own dead-lettering, which asks for `reject-publish`; on classic ones a crash may lose it. */
const deadLettersTo = (queueName: string | undefined, type: QueueSource['type']): QueueSpec['arguments'] => ({
  'x-dead-letter-exchange': '',
  ...(queueName === undefined ? {} : { 'x-dead-letter-routing-key': queueName }),
  ...(type === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' } : {}),
});

/** What a broker user needs for the pipelines and not a name more, by what it is there for. Pure. */

import { workersQueue, workQueues } from '../broker/partitions.ts';
import { DEFAULT_EXCHANGE_RESOURCE, exactPattern, type Permissions } from '../broker/permissions.ts';
import { deadLetterQueue, delayQueue } from '../broker/queue.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { neededOfServices, neededTopology } from './needed-topology.ts';

/**
 * - `worker`: a worker that only looks (`SLUICE_TOPOLOGY=check`).
 * - `declarer`: `sluice topology --apply`.
 * - `both`: a worker that declares (`SLUICE_TOPOLOGY=assert`).
 * - `operator`: `sluice dlq`.
 * - `door`: `sluice serve`.
 */
export type BrokerRole = 'worker' | 'declarer' | 'both' | 'operator' | 'door';

interface Names {
  readonly configure: readonly string[];
  readonly write: readonly string[];
  readonly read: readonly string[];
}

export function neededPermissions(pipelines: readonly Pipeline[], role: BrokerRole): Permissions {
  const { configure, write, read } = namesOf(pipelines, role);
  return { configure: exactPattern(configure), write: exactPattern(write), read: exactPattern(read) };
}

/** Those of partitions are consumed by their workers to be counted, too. */
const consumedQueues = (source: Pipeline['source']): readonly string[] => [
  ...workQueues(source),
  ...(source.partitions === undefined ? [] : [workersQueue(source.name)]),
  ...(source.consumedBeside ?? []),
];

/** Copies of partitions wait behind exchanges of their own. */
const delayExchanges = ({ name, partitions, retryDelaysMs }: Pipeline['source']): readonly string[] =>
  partitions === undefined ? [] : retryDelaysMs.map((delayMs) => delayQueue(name, delayMs));

/**
 * What a worker looks for at its start and measures afterwards. Since RabbitMQ 4.2.6 that takes a permission on the name, whichever; of the three,
 * writing is the one that allows least: a queue is written to by binding it, which takes reading an exchange too, and who may write to the default
 * exchange reaches every queue anyway.
 */
function lookedAt(pipelines: readonly Pipeline[]): readonly string[] {
  const topologies = [neededTopology(pipelines), neededOfServices(pipelines)];
  return topologies.flatMap(({ exchanges, queues }) => [...exchanges, ...queues].map(({ name }) => name));
}

/** What requests are published to. */
const entryExchange = ({ name, partitions }: Pipeline['source']): string =>
  partitions === undefined ? DEFAULT_EXCHANGE_RESOURCE : name;

/** `configured`: what the user may configure beside, and so look at. */
function namesOfWorker(pipelines: readonly Pipeline[], configured: readonly string[]): Names {
  const read = pipelines.flatMap(({ source }) => consumedQueues(source));
  const seen = new Set([...configured, ...read]);
  return {
    configure: [],
    // Copies for later tries, dead letters and answers go through the default exchange, to any queue by its name.
    write: [
      DEFAULT_EXCHANGE_RESOURCE,
      ...pipelines.flatMap(({ publishes }) => publishes),
      ...pipelines.flatMap(({ source }) => delayExchanges(source)),
      ...neededOfServices(pipelines).exchanges.map(({ name }) => name),
      ...lookedAt(pipelines).filter((name) => !seen.has(name)),
    ],
    read,
  };
}

function namesOf(pipelines: readonly Pipeline[], role: BrokerRole): Names {
  switch (role) {
    case 'worker':
      return namesOfWorker(pipelines, []);
    case 'declarer': {
      const { exchanges, queues, bindings } = neededTopology(pipelines);
      const deadLettering = queues.filter(({ arguments: args }) => args['x-dead-letter-exchange'] !== undefined);
      return {
        configure: [...exchanges, ...queues].map(({ name }) => name),
        // Declaring a queue that dead-letters takes reading it and writing to where its dead letters go; binding, writing to the queue
        // and reading the exchange.
        write: [
          ...(deadLettering.length > 0 ? [DEFAULT_EXCHANGE_RESOURCE] : []),
          ...bindings.map(({ queue }) => queue),
        ],
        read: [...deadLettering.map(({ name }) => name), ...bindings.map(({ exchange }) => exchange)],
      };
    }
    case 'both': {
      const declarer = namesOf(pipelines, 'declarer');
      const worker = namesOfWorker(pipelines, declarer.configure);
      return {
        configure: declarer.configure,
        write: [...worker.write, ...declarer.write],
        read: [...worker.read, ...declarer.read],
      };
    }
    case 'door':
      return {
        configure: [],
        write: pipelines.filter(({ ingress }) => ingress !== undefined).map(({ source }) => entryExchange(source)),
        read: [],
      };
    case 'operator':
      return {
        configure: [],
        write: [DEFAULT_EXCHANGE_RESOURCE],
        read: pipelines.map(({ source }) => deadLetterQueue(source.name)),
      };
  }
}

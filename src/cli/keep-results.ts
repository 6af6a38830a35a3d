/**
 * Results on the embedded broker: beside each exchange they go to, a queue that keeps the last of them. Without one the first result of a new
 * pipeline would reach no queue, and its message would fail for that.
 */
import { openDeclarer } from '../broker/amqp/open-declarer.ts';
import type { Topology } from '../broker/topology.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { neededTopology } from '../worker/needed-topology.ts';

const KEPT_RESULTS = 100;

const keptQueue = (exchange: string): string => `${exchange}.kept`;

/** Queues for the topic exchanges that the pipelines publish to. Pure. */
function keptTopology(pipelines: readonly Pipeline[]): Topology {
  const published = new Set(pipelines.flatMap(({ publishes }) => publishes));
  const exchanges = neededTopology(pipelines).exchanges.filter(
    ({ name, type }) => published.has(name) && type === 'topic',
  );
  return {
    exchanges,
    queues: exchanges.map(({ name }) => ({
      name: keptQueue(name),
      arguments: { 'x-queue-type': 'classic', 'x-max-length': KEPT_RESULTS },
    })),
    bindings: exchanges.map(({ name }) => ({ queue: keptQueue(name), exchange: name, key: '#' })),
  };
}

/** Declares them before the worker starts. What goes wrong is a warning: the worker says by itself what it lacks. */
export async function keepResults(url: string, pipelines: readonly Pipeline[], log: Logger): Promise<void> {
  const topology = keptTopology(pipelines);
  if (topology.queues.length === 0) return;
  try {
    const declarer = await openDeclarer({ urls: [url], connectionName: 'sluice results' });
    try {
      await declarer.declare(topology);
    } finally {
      await declarer.close();
    }
    const queues = topology.queues.map(({ name }) => name);
    log.info(
      { queues },
      `the last ${KEPT_RESULTS} results of each exchange are kept in a queue of the embedded broker`,
    );
  } catch (error) {
    log.warn({ error }, 'results are not kept: those that no queue is bound for will fail');
  }
}

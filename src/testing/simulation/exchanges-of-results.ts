/** The exchanges results go to, where a simulation looks for them at its end. */
import type { ExchangeSpec } from '../../broker/topology.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { neededTopology } from '../../worker/needed-topology.ts';

/** Each once, with its type. Those in partitions are messages of a pipeline, which takes them. */
export function exchangesOfResults(pipelines: readonly Pipeline[]): readonly ExchangeSpec[] {
  const published = new Set(pipelines.flatMap(({ publishes }) => publishes));
  return neededTopology(pipelines).exchanges.filter(
    ({ name, isOfPartitions = false }) => published.has(name) && !isOfPartitions,
  );
}

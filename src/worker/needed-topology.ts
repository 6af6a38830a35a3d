/** Everything that must be on the broker for a worker's pipelines, each thing once. Pure. */
import { agreement, sourceTopology } from '../broker/source-topology.ts';
import type { Topology } from '../broker/topology.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';

/** What has to be agreed upon before anything else is declared. */
export const neededAgreement = (pipelines: readonly Pipeline[]): Topology => ({
  exchanges: [],
  queues: pipelines.flatMap(({ source }) => agreement(source)),
  bindings: [],
});

export function neededTopology(pipelines: readonly Pipeline[]): Topology {
  const parts = pipelines.map(({ source }) => sourceTopology(source));
  const published = pipelines.flatMap(({ publishes }) => publishes.map((name) => ({ name, type: 'topic' as const })));
  // A binding knows its exchange's type; a name in `publishes` alone means a topic exchange.
  const exchanges = [...published, ...parts.flatMap((part) => part.exchanges)];
  return {
    exchanges: [...new Map(exchanges.map((exchange) => [exchange.name, exchange])).values()],
    queues: parts.flatMap((part) => part.queues),
    bindings: parts.flatMap((part) => part.bindings),
  };
}

/** Everything that must be on the broker for a worker's pipelines, each thing once. Pure. */
import { agreement, sourceTopology } from '../broker/source-topology.ts';
import type { ExchangeSpec, Topology } from '../broker/topology.ts';
import type { ServiceDefinition } from '../http/define-service.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** What has to be agreed upon before anything else is declared. */
export const neededAgreement = (pipelines: readonly Pipeline[]): Topology => ({
  exchanges: [],
  queues: pipelines.flatMap(({ source }) => agreement(source)),
  bindings: [],
});

export function neededTopology(pipelines: readonly Pipeline[]): Topology {
  const parts = pipelines.map(({ source }) => sourceTopology(source));
  const published = pipelines.flatMap(({ publishes }) => publishes.map((name) => ({ name, type: 'topic' as const })));
  // A name in `publishes` alone means a topic exchange, unless its type is said elsewhere; a source knows more of its exchanges than their type.
  const exchanges = [...published, ...pipelines.flatMap(saidOfPublished), ...parts.flatMap((part) => part.exchanges)];
  return {
    exchanges: [...new Map(exchanges.map((exchange) => [exchange.name, exchange])).values()],
    queues: parts.flatMap((part) => part.queues),
    bindings: parts.flatMap((part) => part.bindings),
  };
}

/** Exchanges of `publishes` of whose type something is said. */
export const saidOfPublished = ({ exchangeTypes }: Pipeline): readonly ExchangeSpec[] =>
  [...exchangeTypes].map(([name, type]) => ({ name, type }));

/**
 * What the services that the pipelines ask must have brought: their queues and exchanges, to be looked for and never declared, since only
 * whoever consumes from a queue knows what it has to be like.
 */
export function neededOfServices(pipelines: readonly Pipeline[]): Topology {
  const services = servicesOf(pipelines);
  const queues = new Set(services.flatMap(({ options }) => options.queue ?? []));
  const exchanges = new Set(services.flatMap(({ options }) => options.exchange ?? []));
  return {
    exchanges: [...exchanges].map((name) => ({ name, type: 'topic' })),
    queues: [...queues].map((name) => ({ name, arguments: {} })),
    bindings: [],
  };
}

/** Each once, whoever shares it. */
export const servicesOf = (pipelines: readonly Pipeline[]): readonly ServiceDefinition[] =>
  [...new Set(pipelines.flatMap(({ apis }) => Object.values(apis)))].filter((target) => target.kind === 'service');

/** What the services bring that is not of the pipelines themselves: where nobody else is there to bring it. */
export function foreignTopology(pipelines: readonly Pipeline[]): Topology {
  const own = neededTopology(pipelines);
  const { exchanges, queues, bindings } = neededOfServices(pipelines);
  const isOwn = (names: readonly { readonly name: string }[], name: string): boolean =>
    names.some((one) => one.name === name);
  return {
    exchanges: exchanges.filter(({ name }) => !isOwn(own.exchanges, name)),
    queues: queues.filter(({ name }) => !isOwn(own.queues, name)),
    bindings,
  };
}

/** What pipelines are connected to, as nodes and edges: paths of the front door, exchanges and queues they take from, APIs and services they call, exchanges they publish to. Pure. */
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue, delayQueue } from '../broker/queue.ts';
import { destinationOf, type ServiceDefinition } from '../http/define-service.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface GraphNode {
  readonly id: string;
  readonly kind: 'ingress' | 'exchange' | 'queue' | 'pipeline' | 'api' | 'service' | 'deadLetters' | 'delay';
  readonly name: string;
  /** Of partitions, drawn as one: each of them. */
  readonly queues?: readonly string[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Of a binding: its routing key; of partitions: the member of a message they go by. */
  readonly label?: string;
}

export interface PipelineGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Each exchange, queue and API once, whoever shares it. What `output` makes up beside `publishes` is not known before there is a result. */
export function graphOf(pipelines: readonly Pipeline[]): PipelineGraph {
  const nodes = new Map<string, GraphNode>();
  const edges: GraphEdge[] = [];
  const node = (kind: GraphNode['kind'], name: string, queues?: readonly string[]): string => {
    const id = `${kind}:${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, ...(queues === undefined ? {} : { queues }) });
    return id;
  };
  /** What a pipeline takes from, and where messages for it are published. */
  const takenFrom = (source: Pipeline['source']): { readonly queue: string; readonly entry: string } => {
    const queues = workQueues(source);
    if (source.partitions === undefined) {
      const queue = node('queue', source.name);
      return { queue, entry: queue };
    }
    const queue = node('queue', `${queues[0]} … ${queues.at(-1)}`, queues);
    const entry = node('exchange', source.name);
    edges.push({ from: entry, to: queue, label: `by ${source.partitions.by}` });
    return { queue, entry };
  };
  const reached = new Set<string>();
  /** Where the requests of a service go, once however many pipelines ask it. */
  const reach = (service: ServiceDefinition, from: string): void => {
    if (reached.has(from)) return;
    reached.add(from);
    const { queue, exchange, operations } = service.options;
    if (exchange === undefined) edges.push({ from, to: node('queue', queue ?? '') });
    else
      for (const operation of Object.keys(operations))
        edges.push({ from, to: node('exchange', exchange), label: destinationOf(service, operation).routingKey });
  };
  for (const { name, source, apis, publishes, ingress } of pipelines) {
    const { queue, entry } = takenFrom(source);
    if (ingress !== undefined) edges.push({ from: node('ingress', `${ingress.method} ${ingress.path}`), to: entry });
    for (const { exchange, key } of source.bindings)
      edges.push({ from: node('exchange', exchange), to: entry, label: key });
    const pipeline = node('pipeline', name);
    edges.push({ from: queue, to: pipeline });
    for (const target of Object.values(apis)) {
      const called = node(target.kind, target.name);
      edges.push({ from: pipeline, to: called });
      if (target.kind === 'service') reach(target, called);
    }
    for (const exchange of publishes) edges.push({ from: pipeline, to: node('exchange', exchange) });
    for (const delayMs of source.retryDelaysMs) {
      const delay = node('delay', delayQueue(source.name, delayMs));
      edges.push({ from: pipeline, to: delay }, { from: delay, to: entry });
    }
    edges.push({ from: pipeline, to: node('deadLetters', deadLetterQueue(source.name)) });
  }
  return { nodes: [...nodes.values()], edges };
}

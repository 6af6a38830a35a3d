/** What pipelines are connected to, as nodes and edges: paths of the front door, exchanges and queues they take from, APIs they call, exchanges they publish to. Pure. */
import { deadLetterQueue, delayQueue } from '../broker/queue.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';

export interface GraphNode {
  readonly id: string;
  readonly kind: 'ingress' | 'exchange' | 'queue' | 'pipeline' | 'api' | 'deadLetters' | 'delay';
  readonly name: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Of a binding: its routing key. */
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
  const node = (kind: GraphNode['kind'], name: string): string => {
    const id = `${kind}:${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind, name });
    return id;
  };
  for (const { name, source, apis, publishes, ingress } of pipelines) {
    const queue = node('queue', source.name);
    if (ingress !== undefined) edges.push({ from: node('ingress', `${ingress.method} ${ingress.path}`), to: queue });
    for (const { exchange, key } of source.bindings)
      edges.push({ from: node('exchange', exchange), to: queue, label: key });
    const pipeline = node('pipeline', name);
    edges.push({ from: queue, to: pipeline });
    for (const api of Object.values(apis)) edges.push({ from: pipeline, to: node('api', api.name) });
    for (const exchange of publishes) edges.push({ from: pipeline, to: node('exchange', exchange) });
    for (const delayMs of source.retryDelaysMs) {
      const delay = node('delay', delayQueue(source.name, delayMs));
      edges.push({ from: pipeline, to: delay }, { from: delay, to: queue });
    }
    edges.push({ from: pipeline, to: node('deadLetters', deadLetterQueue(source.name)) });
  }
  return { nodes: [...nodes.values()], edges };
}

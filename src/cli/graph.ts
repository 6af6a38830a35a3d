/** `sluice graph`: what the pipelines of a folder take, call and publish, as mermaid, SVG or JSON. Connects to nothing. */
import { graphOf, type PipelineGraph } from '../worker/pipeline-graph.ts';
import { misconfigured } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { mermaidOf } from './graph/mermaid.ts';
import { svgOf } from './graph/svg.ts';
import { loadDefined } from './load.ts';

export const GRAPH_FORMATS = ['mermaid', 'svg', 'json'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

const DRAWN: Readonly<Record<GraphFormat, (graph: PipelineGraph) => string>> = {
  mermaid: mermaidOf,
  svg: svgOf,
  json: (graph) => `${JSON.stringify(graph, null, 2)}\n`,
};

export async function graph(folder: string, format: GraphFormat): Promise<number> {
  const { pipelines, problems, dispose } = await loadDefined(folder);
  await dispose();
  if (problems.length > 0) return misconfigured(problems);
  process.stdout.write(DRAWN[format](graphOf(pipelines)));
  return EXIT.ok;
}

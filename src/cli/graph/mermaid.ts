/** A graph as mermaid draws it: https://mermaid.js.org/syntax/flowchart.html */
import type { GraphNode, PipelineGraph } from '../../worker/pipeline-graph.ts';

const SHAPES: Readonly<Record<GraphNode['kind'], readonly [string, string]>> = {
  ingress: ['>', ']'],
  exchange: ['{{', '}}'],
  queue: ['[(', ')]'],
  delay: ['[(', ')]'],
  deadLetters: ['[(', ')]'],
  pipeline: ['[', ']'],
  api: ['([', '])'],
  service: ['([', '])'],
};

export function mermaidOf({ nodes, edges }: PipelineGraph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const drawn = nodes.map(({ id, kind, name }) => {
    const [open, close] = SHAPES[kind];
    return `  ${ids.get(id)}${open}"${quoted(name)}"${close}:::${kind}`;
  });
  const arrows = edges.map(({ from, to, label }) => {
    const key = label === undefined || label === '' ? '' : `|"${quoted(label)}"|`;
    return `  ${ids.get(from)} -->${key} ${ids.get(to)}`;
  });
  const styles = [
    '  classDef pipeline stroke-width:3px',
    '  classDef deadLetters stroke-dasharray:4',
    '  classDef delay stroke-dasharray:2',
  ];
  return ['flowchart LR', ...drawn, ...arrows, ...styles, ''].join('\n');
}

/** Mermaid's own escapes. */
const quoted = (text: string): string =>
  text.replace(/[#"<>&]/g, (character) => `#${character.charCodeAt(0)};`).replace(/\s+/g, ' ');

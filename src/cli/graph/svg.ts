/** A graph as a picture that needs nothing: columns from what comes in to what goes out, straight lines between them. */
import type { GraphNode, PipelineGraph } from '../../worker/pipeline-graph.ts';

const COLUMN: Readonly<Record<GraphNode['kind'], number>> = {
  ingress: 0,
  exchange: 0,
  queue: 1,
  pipeline: 2,
  delay: 3,
  deadLetters: 3,
  api: 3,
  service: 3,
};
const [WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN] = [220, 34, 90, 16, 24];

interface Box extends GraphNode {
  readonly x: number;
  readonly y: number;
}

export function svgOf(graph: PipelineGraph): string {
  const boxes = placed(graph);
  const lines = graph.edges.flatMap(({ from, to, label }) => {
    const [a, b] = [boxes.get(from), boxes.get(to)];
    return a === undefined || b === undefined ? [] : [lineOf(a, b, label)];
  });
  const width = Math.max(...[...boxes.values()].map(({ x }) => x + WIDTH)) + MARGIN;
  const height = Math.max(...[...boxes.values()].map(({ y }) => y + HEIGHT)) + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...lines,
    ...[...boxes.values()].map(boxOf),
    '</svg>',
    '',
  ].join('\n');
}

/** An exchange that is only published to stands at the end, all others at the beginning. */
function placed({ nodes, edges }: PipelineGraph): ReadonlyMap<string, Box> {
  const sources = new Set(edges.map(({ from }) => from));
  const filled: number[] = [];
  return new Map(
    nodes.map((node) => {
      const column = node.kind === 'exchange' && !sources.has(node.id) ? 4 : COLUMN[node.kind];
      const row = filled[column] ?? 0;
      filled[column] = row + 1;
      return [node.id, { ...node, x: MARGIN + column * (WIDTH + GAP_X), y: MARGIN + row * (HEIGHT + GAP_Y) }];
    }),
  );
}

function lineOf(from: Box, to: Box, label = ''): string {
  const isBack = to.x < from.x;
  const [x1, x2] = isBack ? [from.x, to.x + WIDTH] : [from.x + WIDTH, to.x];
  const [y1, y2] = [from.y + HEIGHT / 2, to.y + HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  const path = `<path d="M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}" fill="none" stroke="${isBack ? '#bbb' : '#667'}"${isBack ? ' stroke-dasharray="4"' : ''}/>`;
  if (label === '') return path;
  return `${path}\n<text x="${middle}" y="${(y1 + y2) / 2 - 4}" text-anchor="middle" fill="#667" font-size="11">${escaped(label)}</text>`;
}

const FILL: Readonly<Record<GraphNode['kind'], string>> = {
  ingress: '#f6e6d8',
  exchange: '#e8e4f8',
  queue: '#dfeefa',
  pipeline: '#fff3d6',
  delay: '#eef2f5',
  deadLetters: '#fbe3e3',
  api: '#e2f3e6',
  service: '#dff1f0',
};

const boxOf = ({ x, y, kind, name }: Box): string =>
  `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6" fill="${FILL[kind]}" stroke="#556"/>\n` +
  `<text x="${x + WIDTH / 2}" y="${y + HEIGHT / 2 + 4}" text-anchor="middle" fill="#112">${escaped(name.length > 30 ? `${name.slice(0, 29)}…` : name)}<title>${escaped(`${kind} ${name}`)}</title></text>`;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/\p{Cc}/gu, ' ');

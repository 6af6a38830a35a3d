/** A pipeline as a graph: exchanges, queue, handle, APIs, results, and the queues beside it that hold retries and dead letters. */
import type { PipelineView } from '../wire.ts';
import { duration, grouped, pause, rate } from './format.ts';
import { LevelGlyph } from './glyphs.tsx';
import { PipelineTabs } from './marbles.tsx';
import { useStore } from './store.ts';

interface Node {
  readonly id: string;
  readonly kind: 'exchange' | 'queue' | 'handle' | 'api' | 'delay' | 'dead';
  readonly title: string;
  readonly sub: string;
  readonly x: number;
  readonly y: number;
  readonly state?: 'bad' | 'warn';
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Per second: how thick it is. */
  readonly flow: number;
  readonly kind?: 'bad' | 'warn' | 'back';
  /** Which of those that leave downwards it is. */
  readonly place?: number;
}

const WIDTH = 190;
const HEIGHT = 52;
const COLUMNS = [0, 262, 524, 924];
const STEP = 70;
/** What an edge runs level at its end, so that no other comes near its label. */
const LABEL_ROOM = 136;
/** What it has at least to get to that level. */
const BEND_ROOM = 48;

export function GraphView({ pipeline }: { readonly pipeline: PipelineView }) {
  const { pipelines } = useStore();
  const { shape, health } = pipeline;
  const { nodes, edges, width, height } = useGraph(pipeline);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return (
    <>
      <PipelineTabs chosen={shape.name} pipelines={pipelines} view="graph" />
      <section class="head">
        <div class="said">
          <h1>{shape.name}</h1>
          <p>
            <LevelGlyph level={health.level} />
            {health.sentence}
          </p>
        </div>
      </section>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="card graph-frame" tabIndex={0} aria-label={`Graph of ${shape.name}`}>
        <svg
          class="graph"
          viewBox={`-14 -14 ${width + 28} ${height + 28}`}
          width={width + 28}
          height={height + 28}
          role="img"
          aria-label={described(edges, byId)}
        >
          <defs>
            {(['', 'bad', 'warn', 'back'] as const).map((kind) => (
              <marker
                key={kind}
                id={`arrow${kind}`}
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="8"
                markerHeight="8"
                markerUnits="userSpaceOnUse"
                orient="auto"
              >
                <path d="M0 0 8 4 0 8z" class={`arrow ${kind}`} />
              </marker>
            ))}
          </defs>
          {edges.map((edge) => (
            <EdgeMark
              key={`${edge.from} ${edge.to} ${edge.kind ?? ''}`}
              edge={edge}
              from={byId.get(edge.from)}
              to={byId.get(edge.to)}
            />
          ))}
          {nodes.map((node) => (
            <g
              key={node.id}
              class={`node ${node.kind} ${node.state ?? ''}`}
              transform={`translate(${node.x} ${node.y})`}
            >
              <rect width={WIDTH} height={HEIGHT} rx={node.kind === 'exchange' ? 26 : 8} />
              <text class="title" x={WIDTH / 2} y="22">
                {cut(node.title, 26)}
                <title>{node.title}</title>
              </text>
              <text class="sub" x={WIDTH / 2} y="39">
                {cut(node.sub, 32)}
              </text>
            </g>
          ))}
        </svg>
      </section>
    </>
  );
}

const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);

const described = (edges: readonly Edge[], nodes: ReadonlyMap<string, Node>): string =>
  edges
    .map(({ from, to, label }) => `${nodes.get(from)?.title ?? ''} to ${nodes.get(to)?.title ?? ''}: ${label}`)
    .join('; ');

function useGraph(pipeline: PipelineView) {
  const { apis } = useStore();
  const { shape, counts } = pipeline;
  const nodes: Node[] = [];
  const edges: Edge[] = [];
  const per = (flow: number): string => `${rate(flow)}/s`;

  const outs = Math.max(1, shape.apis.length + pipeline.exchanges.length);
  const beside = 1 + shape.delays.length + 1;
  const rows = Math.max(outs, beside, shape.bindings.length);
  const middle = ((Math.min(outs, 3) - 1) * STEP) / 2;
  const sources = [...new Set(shape.bindings.map(({ exchange }) => exchange))];

  sources.forEach((exchange, index) => {
    const keys = shape.bindings.filter((binding) => binding.exchange === exchange).map(({ key }) => key);
    const y = middle + (index - (sources.length - 1) / 2) * STEP;
    nodes.push({
      id: `from ${exchange}`,
      kind: 'exchange',
      title: exchange,
      sub: keys.join(', '),
      x: COLUMNS[0] ?? 0,
      y,
    });
    edges.push({ from: `from ${exchange}`, to: 'queue', label: '', flow: 0 });
  });
  const isPaused = pipeline.intake.state === 'paused';
  const left = sources.length > 0 ? (COLUMNS[1] ?? 0) : 0;
  const shift = sources.length > 0 ? 0 : -(COLUMNS[1] ?? 0);
  const column = (index: number): number => (COLUMNS[index] ?? 0) + shift;
  nodes.push({
    id: 'queue',
    kind: 'queue',
    title: shape.queue,
    sub: queueSub(pipeline),
    x: left,
    y: middle,
    ...(isPaused ? { state: 'bad' } : {}),
  });
  nodes.push({
    id: 'handle',
    kind: 'handle',
    title: shape.name,
    sub: `${grouped(counts.inFlight)} in flight · ${shape.concurrency} slots`,
    x: column(2),
    y: middle,
  });
  edges.push({ from: 'queue', to: 'handle', label: per(pipeline.inRate), flow: pipeline.inRate });

  let row = 0;
  pipeline.calls.forEach((call) => {
    const api = apis.find(({ name }) => name === call.api);
    const state =
      api?.breaker === 'open' || api?.breaker === 'isolated'
        ? 'bad'
        : api?.breaker === 'half-open'
          ? 'warn'
          : undefined;
    const sub =
      state === undefined ? `${call.running} running · p99 ${duration(api?.p99Ms)}` : `breaker ${api?.breaker}`;
    nodes.push({
      id: `api ${call.api}`,
      kind: 'api',
      title: call.api,
      sub,
      x: column(3),
      y: row++ * STEP,
      ...(state === undefined ? {} : { state }),
    });
    const failed = call.failedRate > 0 ? ` · ${rate(call.failedRate)} failed` : '';
    edges.push({
      from: 'handle',
      to: `api ${call.api}`,
      label: `${per(call.rate)}${failed}`,
      flow: call.rate,
      ...(call.failedRate > 0 ? { kind: 'bad' } : {}),
    });
  });
  pipeline.exchanges.forEach((exchange) => {
    nodes.push({
      id: `to ${exchange}`,
      kind: 'exchange',
      title: exchange === '' ? '(reply-to)' : exchange,
      sub: 'results',
      x: column(3),
      y: row++ * STEP,
    });
    edges.push({
      from: 'handle',
      to: `to ${exchange}`,
      label: pipeline.exchanges.length === 1 ? per(pipeline.publishRate) : '',
      flow: pipeline.publishRate,
    });
  });

  const lower = middle + STEP + 46;
  shape.delays.forEach(({ queue, delayMs }, index) => {
    nodes.push({
      id: queue,
      kind: 'delay',
      title: `wait ${pause(delayMs)}`,
      sub: queue,
      x: left,
      y: lower + index * STEP,
    });
    edges.push({
      from: 'handle',
      to: queue,
      label: index === 0 ? per(pipeline.retryRate) : '',
      flow: index === 0 ? pipeline.retryRate : 0,
      place: index,
      kind: 'back',
    });
  });
  const [first] = shape.delays;
  if (first !== undefined) edges.push({ from: first.queue, to: 'queue', label: 'back after its wait', flow: 0 });
  const deadY = lower + shape.delays.length * STEP;
  nodes.push({
    id: 'dead',
    kind: 'dead',
    title: 'dead letters',
    sub: `${inside(pipeline.waiting.deadLetters)}${grouped(counts.deadLettered)} since the start`,
    x: left,
    y: deadY,
    ...(counts.deadLettered > 0 ? { state: 'bad' } : {}),
  });
  edges.push({
    from: 'handle',
    to: 'dead',
    label: per(pipeline.deadLetterRate),
    flow: pipeline.deadLetterRate,
    place: shape.delays.length,
    kind: 'bad',
  });
  return { nodes, edges, width: column(3) + WIDTH, height: Math.max(deadY + HEIGHT, (rows - 1) * STEP + HEIGHT) };
}

/** Where it is known how many lie there. */
const inside = (messages: number | undefined): string =>
  messages === undefined ? '' : `${grouped(messages)} there · `;

function queueSub({ shape, intake, waiting: { messages, ageMs } }: PipelineView): string {
  const parts = shape.workQueues.length === 1 ? '' : `${shape.workQueues.length} partitions · `;
  const paused = intake.state === 'paused' ? 'intake paused' : `prefetch ${intake.prefetch ?? shape.prefetch}`;
  if (messages === undefined) return `${parts}${paused}`;
  const age = messages === 0 || ageMs === undefined ? '' : `, ${duration(ageMs)}`;
  return `${parts}${grouped(messages)} waiting${age} · ${paused}`;
}

function EdgeMark({
  edge,
  from,
  to,
}: {
  readonly edge: Edge;
  readonly from: Node | undefined;
  readonly to: Node | undefined;
}) {
  if (from === undefined || to === undefined) return null;
  const { kind = '', label, flow, place = 0 } = edge;
  const isUp = to.x === from.x;
  if (isUp)
    return (
      <g class="edge back">
        <path d={`M${from.x + 24} ${from.y}V${to.y + HEIGHT + 1}`} stroke-width="1.25" marker-end="url(#arrowback)" />
        <text x={from.x + 32} y={from.y - 14}>
          {label}
        </text>
      </g>
    );
  const isBack = to.x < from.x;
  // Those that go furthest down leave furthest to the right, so that none crosses another.
  const [x1, y1] = isBack ? [from.x + 36 + 26 * place, from.y + HEIGHT] : [from.x + WIDTH, from.y + HEIGHT / 2];
  const [x2, y2] = isBack ? [to.x + WIDTH + 1, to.y + HEIGHT / 2] : [to.x - 1, to.y + HEIGHT / 2];
  const level = label === '' ? x2 : Math.min(x2, Math.max(x1 + BEND_ROOM, x2 - LABEL_ROOM));
  const bend = (level - x1) / 2;
  const path = isBack
    ? `M${x1} ${y1}C${x1} ${y2} ${x1} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + bend} ${y1} ${level - bend} ${y2} ${level} ${y2}H${x2}`;
  const width = Math.min(6, 1.25 + Math.log2(1 + flow) * 0.7);
  return (
    <g class={`edge ${kind} ${flow > 0 ? 'flows' : ''}`}>
      <path d={path} stroke-width={width} marker-end={`url(#arrow${kind})`} />
      {label === '' ? null : (
        <text x={isBack ? x2 + 10 : x2 - 12} y={y2 - 8} class={isBack ? 'start' : 'end'}>
          {label}
        </text>
      )}
    </g>
  );
}

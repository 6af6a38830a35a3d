/** What stands still in a scene: the lines of its lanes, and what is said of each. */
import { BIN } from '../bins.ts';
import type { PipelineView } from '../wire.ts';
import { type Stretch, sumOf } from './density.tsx';
import type { Lane, Plan } from './lanes.ts';
import { store } from './store.ts';

export function LaneLines({ lane, plan, width }: { readonly lane: Lane; readonly plan: Plan; readonly width: number }) {
  const { kind, top, height, middle } = lane;
  const left = plan.labelWidth;
  const isLevel = kind === 'inFlight' || kind === 'waits';
  const line = kind === 'api' ? undefined : isLevel ? top + height - 6 : middle;
  return (
    <g class={`lane ${kind}`}>
      {kind === 'breaker' || isLevel ? null : <path class="edge" d={`M0 ${top + height}H${width}`} />}
      {line === undefined ? null : <path class="axis" d={`M${left} ${line}H${width}`} />}
      {kind === 'inFlight' ? <path class="limit" d={`M${left} ${top + height - 36}H${width}`} /> : null}
    </g>
  );
}

/** Above what moves, so that it can be read where it stands over its lane. */
export function LaneLabel({
  lane,
  plan,
  width,
  pipeline,
  stretch,
}: {
  readonly lane: Lane;
  readonly plan: Plan;
  readonly width: number;
  readonly pipeline: PipelineView;
  readonly stretch: Stretch;
}) {
  const left = plan.labelWidth;
  const isSmall = lane.kind === 'breaker' || lane.kind === 'inFlight' || lane.kind === 'waits';
  const isNarrow = left === 0;
  const labelY = isNarrow ? lane.top + 13 : isSmall ? lane.middle + 4 : lane.middle - 2;
  const sub = subOf(lane, pipeline, stretch);
  return (
    <g class={isNarrow ? 'lane-label over' : 'lane-label'}>
      <text class={isSmall ? 'label small' : 'label'} x={isNarrow ? 8 : 16} y={labelY}>
        {cut(lane.label, isSmall ? 18 : 20)}
      </text>
      {isSmall || isNarrow ? (
        <text class="sub end" x={isNarrow ? width - 8 : left - 12} y={labelY}>
          {cut(sub, isNarrow ? 34 : 12)}
        </text>
      ) : (
        <text class="sub" x="16" y={lane.middle + 13}>
          {cut(sub, 24)}
        </text>
      )}
    </g>
  );
}

const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);

function subOf({ kind, api }: Lane, pipeline: PipelineView, { from, to }: Stretch): string {
  const { shape, counts, exchanges, calls } = pipeline;
  const sum = (place: number): number => sumOf(shape.name, place, from, to);
  switch (kind) {
    case 'deliveries':
      return shape.queue;
    case 'api': {
      const index = shape.apis.findIndex(({ name }) => name === api);
      const failed = sum(BIN.apis + index * 3 + 1);
      return `${calls[index]?.running ?? 0} running${failed > 0 ? ` · ${failed} failed` : ''}`;
    }
    case 'publishes':
      return exchanges.join(', ') || 'no exchange';
    case 'settlements': {
      const parts = [
        [sum(BIN.retry), 'retry'],
        [sum(BIN.deadLetter), 'dead'],
        [sum(BIN.returned), 'returned'],
      ] as const;
      const said = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
      return said.length > 0 ? said.join(' · ') : `${sum(BIN.ack)} acked`;
    }
    case 'breaker':
      return store.apis.find(({ name }) => name === api)?.breaker ?? 'closed';
    case 'inFlight':
      return `${counts.inFlight} / ${shape.prefetch}`;
    case 'waits':
      return sum(BIN.waitedMs) > 0 ? `${Math.round(sum(BIN.waitedMs))} ms` : 'none';
  }
}

/** What happened around the messages of a scene. */
import { BIN } from '../bins.ts';
import type { PipelineView } from '../wire.ts';
import { Area, Bars, type Stretch } from './density.tsx';
import { AXIS, laneOf, type Plan } from './lanes.ts';
import { breakerSpans, lostSpans, pausedSpans, type Span } from './spans.ts';
import { store } from './store.ts';

export interface SurroundingsProps {
  readonly plan: Plan;
  readonly pipeline: PipelineView;
  readonly stretch: Stretch;
}

/** Breakers, pauses of the intake, the connection: cause and effect stand in one column. */
export function Surroundings({ plan, pipeline, stretch }: SurroundingsProps) {
  const { shape, intake } = pipeline;
  const facts = store.surroundings;
  const within = ({ from, to }: Span): { readonly x: number; readonly width: number } | undefined => {
    const [start, end] = [Math.max(from, stretch.from - 2_000), Math.min(to, stretch.to)];
    return end <= start ? undefined : { x: stretch.x(start), width: (end - start) * stretch.scale };
  };
  const deliveries = laneOf(plan, 'deliveries');
  const inFlight = laneOf(plan, 'inFlight');
  const waits = laneOf(plan, 'waits');
  const lost = lostSpans(facts);
  return (
    <g class="surroundings">
      {shape.apis.flatMap(({ name }) => {
        const lane = laneOf(plan, 'api', name);
        const breaker = laneOf(plan, 'breaker', name);
        const now = store.apis.find((api) => api.name === name)?.breaker ?? 'closed';
        return breakerSpans(facts, name, now).map((span) => {
          const box = within(span);
          if (box === undefined || span.state === 'closed' || lane === undefined || breaker === undefined) return null;
          const kind = span.state === 'half-open' ? 'warn' : 'bad';
          return (
            <g key={`${name} ${span.from}`}>
              <rect class={`tint ${kind}`} {...box} y={lane.top + 1} height={lane.height - 1} />
              <rect class={`breaker ${kind}`} {...box} y={breaker.middle - 7} height="14" rx="2" />
              {box.width > 34 ? (
                <text class={`breaker-text ${kind}`} x={box.x + 6} y={breaker.middle + 3.5}>
                  {span.state}
                </text>
              ) : null}
            </g>
          );
        });
      })}
      {pausedSpans(facts, shape.name, intake.state).map((span) => {
        const box = within(span);
        // Its cause stands there already.
        const isExplained = lost.some(({ from, to }) => from < span.to && to > span.from);
        return box === undefined || deliveries === undefined ? null : (
          <g key={span.from}>
            <rect class="hatched" {...box} y={deliveries.middle - 11} height="22" />
            {box.width > 80 && !isExplained ? (
              <text class="paused-text" x={box.x + 5} y={deliveries.middle - 15}>
                intake paused
              </text>
            ) : null}
          </g>
        );
      })}
      {lost.map((span) => {
        const box = within(span);
        return box === undefined ? null : (
          <g key={span.from}>
            <rect class="hatched lost" {...box} y={AXIS} height={plan.ruleAt - AXIS} />
            <text class="paused-text" x={box.x + 5} y={AXIS + 12}>
              connection {span.state}
            </text>
          </g>
        );
      })}
      {inFlight === undefined ? null : (
        <Area
          stretch={stretch}
          place={BIN.inFlight}
          base={inFlight.top + inFlight.height - 6}
          height={30}
          max={shape.prefetch}
          kind="level"
        />
      )}
      {waits === undefined ? null : (
        <Bars
          stretch={stretch}
          place={BIN.waitedMs}
          kind="waits"
          base={waits.top + waits.height - 6}
          height={20}
          max={500}
        />
      )}
    </g>
  );
}

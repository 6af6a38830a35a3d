/** The marble diagram: time runs to the right, to now; what moves is one group, the lanes stand still. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { BIN } from '../bins.ts';
import type { PipelineView } from '../wire.ts';
import { Bars, DenseApi, type Stretch } from './density.tsx';
import { clock } from './format.ts';
import { GroupMarks, type Handlers, Thread } from './group-marks.tsx';
import { LaneLabel, LaneLines } from './lane-lines.tsx';
import { AXIS, type Lane, laneOf, planOf } from './lanes.ts';
import { Levels, placeCalls } from './place-marks.ts';
import { type SceneState, sceneState } from './scene-state.ts';
import { store } from './store.ts';
import { Surroundings, type SurroundingsProps } from './surroundings.tsx';

export interface SceneProps extends Handlers {
  readonly pipeline: PipelineView;
  readonly width: number;
  readonly windowMs: number;
  /** The moment at the right edge; undefined: now. */
  readonly endAt: number | undefined;
}

const MARBLE = 14;
/** Numbers in a picture have their bounds: the origin of x is moved up from time to time. */
const REBASE_MS = 600_000;

export function Scene(props: SceneProps) {
  const { pipeline, width, windowMs, endAt } = props;
  const plan = planOf(pipeline, width);
  const plotWidth = Math.max(60, width - plan.labelWidth);
  const scale = plotWidth / windowMs;
  const end = endAt ?? store.now();
  const base = Math.floor(end / REBASE_MS) * REBASE_MS;
  const moving = useRef<SVGGElement>(null);
  const nowLabel = useRef<SVGTextElement>(null);

  useLayoutEffect(() => {
    const place = (at: number): void => {
      const x = plan.labelWidth + plotWidth - (at - base) * scale;
      moving.current?.setAttribute('transform', `translate(${x.toFixed(2)} 0)`);
      if (nowLabel.current !== null) nowLabel.current.textContent = `${endAt === undefined ? 'now ' : ''}${clock(at)}`;
    };
    place(end);
    if (endAt !== undefined) return undefined;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      const timer = setInterval(() => place(store.now()), 500);
      return () => clearInterval(timer);
    }
    let frame = requestAnimationFrame(function step() {
      place(store.now());
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  });

  const stretch: Stretch = {
    pipeline: pipeline.shape.name,
    from: end - windowMs,
    to: end + 1_000,
    scale,
    x: (at) => (at - base) * scale,
  };
  const state = sceneState(pipeline.shape.name, plotWidth, windowMs, end);
  const { left, right } = { left: plan.labelWidth, right: plan.labelWidth + plotWidth };
  return (
    <svg
      class={props.focused === undefined ? 'scene' : 'scene has-focus'}
      width={width}
      height={plan.height}
      viewBox={`0 0 ${width} ${plan.height}`}
      aria-hidden="true"
    >
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0v6" class="hatch-line" />
        </pattern>
        <pattern id="hatch-warn" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0v6" class="hatch-warn-line" />
        </pattern>
        <clipPath id="plot">
          <rect x={left} y="0" width={plotWidth} height={plan.height} />
        </clipPath>
      </defs>
      {plan.lanes.map((lane) => (
        <LaneLines key={`${lane.kind} ${lane.api}`} lane={lane} plan={plan} width={width} />
      ))}
      <path class="rule" d={`M0 ${plan.ruleAt}H${width}`} />
      <g clip-path="url(#plot)">
        <g ref={moving}>
          <Moving plan={plan} pipeline={pipeline} stretch={stretch} state={state} scene={props} />
        </g>
      </g>
      {plan.lanes.map((lane) => (
        <LaneLabel
          key={`${lane.kind} ${lane.api}`}
          lane={lane}
          plan={plan}
          width={width}
          pipeline={pipeline}
          stretch={stretch}
        />
      ))}
      <path
        class={endAt === undefined ? 'now-line' : 'now-line paused'}
        d={`M${right - 1} ${AXIS - 6}V${plan.height - 4}`}
      />
      <rect class="now-back" x={right - 96} y="0" width="96" height={AXIS - 7} />
      <text ref={nowLabel} class="now-text" x={right - 6} y="16" />
    </svg>
  );
}

interface MovingProps extends SurroundingsProps {
  readonly state: SceneState;
  readonly scene: SceneProps;
}

function Moving({ plan, pipeline, stretch, state, scene }: MovingProps) {
  const { groups, isDense } = state;
  const { shape } = pipeline;
  const rows = new Map(shape.apis.map(({ name }) => [name, placeCalls(groups, name, 3 / stretch.scale)]));
  const deliveries = new Levels(MARBLE);
  const settlements = new Levels(MARBLE);
  for (const group of groups) {
    const kept = group.levels?.scale === stretch.scale ? group.levels : undefined;
    const settled = group.settled;
    group.levels = {
      scale: stretch.scale,
      delivery: group.isWhole ? deliveries.place(stretch.x(group.at), kept?.delivery) : undefined,
      settled: settled === undefined ? undefined : settlements.place(stretch.x(settled.at), kept?.settled),
    };
  }
  const focused = groups.find(({ key }) => key === scene.focused);
  return (
    <>
      <Ticks stretch={stretch} height={plan.height} windowMs={scene.windowMs} />
      <Surroundings plan={plan} pipeline={pipeline} stretch={stretch} />
      {isDense ? <Dense plan={plan} pipeline={pipeline} stretch={stretch} /> : null}
      {groups.map((group) => (
        <GroupMarks key={group.key} group={group} plan={plan} rows={rows} stretch={stretch} scene={scene} />
      ))}
      {focused === undefined ? null : <Thread group={focused} plan={plan} rows={rows} stretch={stretch} />}
    </>
  );
}

function Ticks({ stretch, height, windowMs }: { stretch: Stretch; height: number; windowMs: number }) {
  const stepMs = stretch.scale * 2_000 > 70 ? (windowMs > 20_000 ? 5_000 : 2_000) : windowMs > 20_000 ? 10_000 : 4_000;
  const ticks: number[] = [];
  // There stands the moment of the right edge.
  const hidden = stretch.to - 1_000 - 158 / stretch.scale;
  for (let at = Math.ceil(stretch.from / stepMs) * stepMs; at < stretch.to + stepMs; at += stepMs) ticks.push(at);
  return (
    <g class="ticks">
      {ticks.map((at) => (
        <g key={at}>
          <path d={`M${stretch.x(at)} ${AXIS - 6}V${height}`} />
          {at < hidden ? (
            <text x={stretch.x(at) + 4} y="16">
              {clock(at)}
            </text>
          ) : null}
        </g>
      ))}
    </g>
  );
}

function Dense({ plan, pipeline, stretch }: SurroundingsProps) {
  const base = (kind: Lane['kind'], down: number): number => (laneOf(plan, kind)?.middle ?? 0) + down;
  return (
    <g class="dense">
      <Bars stretch={stretch} place={BIN.delivered} kind="delivered" base={base('deliveries', 0)} height={22} />
      {pipeline.shape.apis.map(({ name }, index) => {
        const lane = laneOf(plan, 'api', name);
        return lane === undefined ? null : <DenseApi key={name} stretch={stretch} lane={lane} index={index} />;
      })}
      <Bars stretch={stretch} place={BIN.published} kind="published" base={base('publishes', 0)} height={15} />
      <Bars stretch={stretch} place={BIN.ack} kind="acked" base={base('settlements', 0)} height={24} />
    </g>
  );
}

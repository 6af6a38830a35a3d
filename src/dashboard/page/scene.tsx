/** The marble diagram: time runs to the right, to now; what moves is one group, the lanes stand still. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { BIN } from '../bins.ts';
import type { PipelineView } from '../wire.ts';
import { Area, Bars, DenseApi, type Stretch, sumOf } from './density.tsx';
import { clock } from './format.ts';
import { Marble } from './glyphs.tsx';
import type { Call, CallAttempt, Group } from './journey-groups.ts';
import { AXIS, type Lane, type Plan, planOf, rowHeight } from './lanes.ts';
import { Levels, placeCalls } from './place-marks.ts';
import { breakerSpans, lostSpans, pausedSpans, type Span } from './spans.ts';
import { store } from './store.ts';

export interface SceneProps {
  readonly pipeline: PipelineView;
  readonly width: number;
  readonly windowMs: number;
  /** The moment at the right edge; undefined: now. */
  readonly endAt: number | undefined;
  readonly focused: string | undefined;
  readonly onHover: (key: string | undefined) => void;
  readonly onPick: (key: string) => void;
}

/** A message takes this much room; where there is less, there is density. */
const ROOM = 11;
/** Most that is drawn one by one. */
const MAX_GROUPS = 600;
const MARBLE = 14;
/** Numbers in a picture have their bounds: the origin of x is moved up from time to time. */
const REBASE_MS = 600_000;

export interface SceneState {
  readonly isDense: boolean;
  readonly perSecond: number;
  readonly groups: readonly Group[];
}

/** What of a pipeline is drawn between two moments. */
export function sceneState(pipeline: string, width: number, windowMs: number, end: number): SceneState {
  const from = end - windowMs;
  const messages = sumOf(pipeline, BIN.delivered, from, end);
  const isDense = messages > Math.max(20, width / ROOM);
  const all = store.groups.of(pipeline, from - 1_000, end);
  return {
    isDense,
    perSecond: (messages * 1_000) / windowMs,
    groups: isDense ? oneASecond(all) : all.slice(-MAX_GROUPS),
  };
}

/** Of many, one message a second in full, and the bad ends of the others. */
function oneASecond(groups: readonly Group[]): Group[] {
  let second = -1;
  return groups.filter((group) => {
    if (!group.isWhole || (group.settled !== undefined && group.settled.settlement !== 'ack')) return true;
    const own = Math.floor(group.at / 1_000);
    if (own === second) return false;
    second = own;
    return true;
  });
}

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

function LaneLines({ lane, plan, width }: { readonly lane: Lane; readonly plan: Plan; readonly width: number }) {
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
function LaneLabel({
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

interface MovingProps {
  readonly plan: Plan;
  readonly pipeline: PipelineView;
  readonly stretch: Stretch;
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

const laneOf = (plan: Plan, kind: Lane['kind'], api = ''): Lane | undefined =>
  plan.lanes.find((lane) => lane.kind === kind && lane.api === api);

/** Breakers, pauses of the intake, the connection: cause and effect stand in one column. */
function Surroundings({ plan, pipeline, stretch }: Omit<MovingProps, 'state' | 'scene'>) {
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

function Dense({ plan, pipeline, stretch }: Omit<MovingProps, 'state' | 'scene'>) {
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

interface MarksProps {
  readonly group: Group;
  readonly plan: Plan;
  readonly rows: ReadonlyMap<string, number>;
  readonly stretch: Stretch;
}

/** The top of a call's row. */
function rowTop(
  { plan, rows }: Pick<MarksProps, 'plan' | 'rows'>,
  { api, row = 0 }: Call,
): { y: number; height: number } {
  const middle = laneOf(plan, 'api', api)?.middle ?? 0;
  const count = rows.get(api) ?? 1;
  const step = rowHeight(count);
  const used = Math.min(Math.max(count, 1), 8);
  return {
    y: middle - (used * step) / 2 + row * step + (step > 10 ? 2 : 0.5),
    height: Math.min(12, step - (step > 10 ? 4 : 1)),
  };
}

function GroupMarks({ scene, ...props }: MarksProps & { readonly scene: SceneProps }) {
  const { group, plan, stretch } = props;
  const deliveries = laneOf(plan, 'deliveries')?.middle ?? 0;
  const publishes = laneOf(plan, 'publishes')?.middle ?? 0;
  const settlements = laneOf(plan, 'settlements')?.middle ?? 0;
  const { settled, levels } = group;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys to it are those of the plot around
    <g
      class={group.key === scene.focused ? 'group focused' : 'group'}
      data-message={group.messageId}
      onPointerEnter={() => scene.onHover(group.key)}
      onPointerLeave={() => scene.onHover(undefined)}
      onClick={() => scene.onPick(group.key)}
    >
      {group.isWhole ? (
        <At x={stretch.x(group.at)} y={deliveries + 14 * (levels?.delivery ?? 0)}>
          <Marble
            kind="delivery"
            isAgain={group.redelivered}
            text={group.attempt > 1 ? String(group.attempt) : undefined}
          />
        </At>
      ) : null}
      {group.calls.map((call) => (
        <CallMarks key={call.id} call={call} {...props} />
      ))}
      {group.published.map(({ at }, index) => (
        <At key={`${at} ${index}`} x={stretch.x(at)} y={publishes}>
          <Marble kind="published" />
        </At>
      ))}
      {settled === undefined ? null : (
        <At x={stretch.x(settled.at)} y={settlements + 14 * (levels?.settled ?? 0)}>
          <Marble kind={settled.settlement} />
        </At>
      )}
    </g>
  );
}

/** A marble in its place, with room for the pointer around it. */
function At({ x, y, children }: { readonly x: number; readonly y: number; readonly children: ComponentChildren }) {
  return (
    <g transform={`translate(${x.toFixed(2)} ${y})`}>
      <circle r="12" class="hit" />
      {children}
    </g>
  );
}

function CallMarks({ call, stretch, ...places }: MarksProps & { readonly call: Call }) {
  const { y, height } = rowTop(places, call);
  const middle = y + height / 2;
  return (
    <g class="call">
      {call.attempts.map((attempt, index) => {
        const next = call.attempts[index + 1]?.startAt ?? call.dueAt;
        return (
          <g key={attempt.number}>
            {attempt.endAt !== undefined && next !== undefined && next > attempt.endAt ? (
              <path class="pause" d={`M${stretch.x(attempt.endAt)} ${middle}H${stretch.x(next)}`} />
            ) : null}
            <AttemptMark
              attempt={attempt}
              isUndoing={call.undoes !== undefined}
              stretch={stretch}
              y={y}
              height={height}
            />
          </g>
        );
      })}
    </g>
  );
}

function AttemptMark({
  attempt,
  isUndoing,
  stretch,
  y,
  height,
}: {
  readonly attempt: CallAttempt;
  readonly isUndoing: boolean;
  readonly stretch: Stretch;
  readonly y: number;
  readonly height: number;
}) {
  const { startAt, endAt, outcome = 'running', number } = attempt;
  const x = stretch.x(startAt);
  const middle = y + height / 2;
  if (outcome === 'rejected') {
    return (
      <g class="attempt rejected">
        <circle cx={x} cy={middle} r={Math.min(5, height / 2)} />
        <path d={`M${x - 3} ${middle + 3}l6-6`} />
      </g>
    );
  }
  const width = Math.max(4, stretch.x(endAt ?? stretch.to) - x);
  const end = x + width;
  return (
    <g class={`attempt ${outcome} ${isUndoing ? 'undoing' : ''}`}>
      <rect x={x} y={y - 6} width={Math.max(12, width)} height={height + 12} class="hit" />
      <rect x={x} y={y} width={width} height={height} rx={Math.min(3, height / 3)} class="body" />
      {isUndoing ? <path class="undo" d={`M${x} ${y}l-7 ${height / 2} 7 ${height / 2}z`} /> : null}
      {outcome === 'failed' ? <path class="cross" d={`M${end - 3} ${middle - 3}l6 6m0-6-6 6`} /> : null}
      {outcome === 'aborted' ? <path class="cut" d={`M${end - 3} ${y + height + 2}l6-${height + 4}`} /> : null}
      {number > 1 && width > 12 && height > 9 ? (
        <text x={x + width / 2} y={middle + 3}>
          {number}
        </text>
      ) : null}
    </g>
  );
}

/** One right-angled line through all that happened to a message. */
function Thread({ group, ...places }: MarksProps) {
  const { plan, stretch } = places;
  const points: { readonly at: number; readonly y: number }[] = [];
  const middle = (kind: Lane['kind']): number => laneOf(plan, kind)?.middle ?? 0;
  const { levels, settled } = group;
  if (group.isWhole) points.push({ at: group.at, y: middle('deliveries') + 14 * (levels?.delivery ?? 0) });
  for (const call of group.calls) {
    const { y, height } = rowTop(places, call);
    for (const attempt of call.attempts) points.push({ at: attempt.startAt, y: y + height / 2 });
  }
  for (const { at } of group.published) points.push({ at, y: middle('publishes') });
  if (settled !== undefined) points.push({ at: settled.at, y: middle('settlements') + 14 * (levels?.settled ?? 0) });
  points.sort((one, other) => one.at - other.at);
  const [first, ...rest] = points;
  if (first === undefined) return null;
  const path = rest.map(({ at, y }) => `H${stretch.x(at).toFixed(1)}V${y}`).join('');
  return <path class="thread" d={`M${stretch.x(first.at).toFixed(1)} ${first.y}${path}`} />;
}

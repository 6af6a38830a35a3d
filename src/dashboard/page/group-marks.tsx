/** The marks of one message in a scene: its marbles, its calls attempt by attempt, and the thread through all of them. */
import type { ComponentChildren } from 'preact';
import type { Stretch } from './density.tsx';
import { Marble } from './glyphs.tsx';
import type { Call, CallAttempt, Group } from './journey-groups.ts';
import { type Lane, laneOf, type Plan, rowHeight } from './lanes.ts';

interface MarksProps {
  readonly group: Group;
  readonly plan: Plan;
  readonly rows: ReadonlyMap<string, number>;
  readonly stretch: Stretch;
}

/** Who looks at it, and what becomes of that. */
export interface Handlers {
  /** The key of the group that is looked at. */
  readonly focused: string | undefined;
  readonly onHover: (key: string | undefined) => void;
  readonly onPick: (key: string) => void;
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

export function GroupMarks({ scene, ...props }: MarksProps & { readonly scene: Handlers }) {
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
export function Thread({ group, ...places }: MarksProps) {
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

/** Where each lane of the marble view lies: deliveries, one for each API, publishes, settlements; breakers, messages in flight, waits. */
import type { PipelineView } from '../wire.ts';

export interface Lane {
  readonly kind: 'deliveries' | 'api' | 'publishes' | 'settlements' | 'breaker' | 'inFlight' | 'waits';
  /** Name of the API, of an API's lane. */
  readonly api: string;
  readonly top: number;
  readonly height: number;
  /** The middle of what is drawn in it. */
  readonly middle: number;
  readonly label: string;
}

export interface Plan {
  readonly lanes: readonly Lane[];
  readonly height: number;
  /** Width of the column of labels; 0 where each label stands above its lane. */
  readonly labelWidth: number;
  /** Where the lanes of calls end and those of limits begin. */
  readonly ruleAt: number;
}

export const AXIS = 28;
export const LABELS = 172;
/** Below this width labels stand above their lanes. */
export const NARROW = 720;
const ABOVE = 17;

export function planOf({ shape }: PipelineView, width: number): Plan {
  const isNarrow = width < NARROW;
  const lanes: Lane[] = [];
  let top = AXIS;
  const add = (kind: Lane['kind'], label: string, height: number, api = ''): void => {
    const above = isNarrow && kind !== 'breaker' ? ABOVE : isNarrow ? 14 : 0;
    lanes.push({ kind, api, label, top, height: height + above, middle: top + above + height / 2 });
    top += height + above;
  };
  add('deliveries', 'Deliveries', 54);
  for (const { name } of shape.apis) add('api', name, 62, name);
  add('publishes', 'Publishes', 38);
  add('settlements', 'Settlements', 56);
  const ruleAt = top + 3;
  top += 10;
  for (const { name } of shape.apis) add('breaker', `${name} breaker`, 18, name);
  add('inFlight', 'In flight', 44);
  add('waits', 'Rate-limit waits', 34);
  return { lanes, height: top + 6, labelWidth: isNarrow ? 0 : LABELS, ruleAt };
}

/** Rows of an API's lane: three, growing to eight. */
export const ROWS = 8;
export const rowHeight = (rows: number): number => (rows <= 3 ? 17 : 52 / Math.min(rows, ROWS));

/** A pipeline's lane of a kind; of an API, where there is one for each. */
export const laneOf = (plan: Plan, kind: Lane['kind'], api = ''): Lane | undefined =>
  plan.lanes.find((lane) => lane.kind === kind && lane.api === api);

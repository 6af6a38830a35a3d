/** Lanes when there is too much for marbles: counts as bars, calls that run as an area, failures from above. */
import { API_BIN, BIN, BIN_MS } from '../bins.ts';
import type { Lane } from './lanes.ts';
import { store } from './store.ts';

export interface Stretch {
  readonly pipeline: string;
  readonly from: number;
  readonly to: number;
  /** Pixels a millisecond. */
  readonly scale: number;
  readonly x: (at: number) => number;
}

const MIN_BAR = 6;

interface Bar {
  readonly at: number;
  readonly value: number;
}

/** Sums of a place, over steps at least 6 px wide. */
function bars(
  { pipeline, from, to, scale }: Stretch,
  place: number,
): { readonly bars: Bar[]; readonly stepMs: number } {
  const stepMs = Math.max(1, Math.ceil(MIN_BAR / (scale * BIN_MS))) * BIN_MS;
  const start = Math.floor(from / stepMs) * stepMs;
  const found = new Map<number, number>();
  for (const [at, values] of store.bins(pipeline, start, to)) {
    const step = Math.floor(at / stepMs) * stepMs;
    found.set(step, (found.get(step) ?? 0) + (values[place] ?? 0));
  }
  return { stepMs, bars: [...found].filter(([, value]) => value > 0).map(([at, value]) => ({ at, value })) };
}

export function sumOf(pipeline: string, place: number, from: number, to: number): number {
  let sum = 0;
  for (const [, values] of store.bins(pipeline, from, to)) sum += values[place] ?? 0;
  return sum;
}

export function Bars({
  stretch,
  place,
  kind,
  base,
  height,
  isHanging,
  max,
}: {
  readonly stretch: Stretch;
  readonly place: number;
  readonly kind: string;
  readonly base: number;
  readonly height: number;
  readonly isHanging?: boolean;
  readonly max?: number;
}) {
  const { bars: all, stepMs } = bars(stretch, place);
  const top = Math.max(max ?? 1, ...all.map(({ value }) => value));
  const width = Math.max(2, stepMs * stretch.scale - 1);
  return (
    <g class={`bars ${kind}`}>
      {all.map(({ at, value }) => {
        const tall = Math.max(2, (height * value) / top);
        return (
          <rect key={at} x={stretch.x(at)} y={isHanging === true ? base : base - tall} width={width} height={tall} />
        );
      })}
    </g>
  );
}

/** What lasts until the next bin says otherwise. */
export function Area({
  stretch,
  place,
  base,
  height,
  max,
  kind,
}: {
  readonly stretch: Stretch;
  readonly place: number;
  readonly base: number;
  readonly height: number;
  readonly max: number;
  readonly kind: string;
}) {
  let path = '';
  let level = 0;
  const y = (value: number): string => (base - height * Math.min(1, value / max)).toFixed(1);
  for (const [at, values] of store.bins(stretch.pipeline, stretch.from - 20_000, stretch.to)) {
    const next = values[place] ?? 0;
    if (next === level) continue;
    const x = stretch.x(at).toFixed(1);
    path += path === '' ? `M${x} ${base}V${y(next)}` : `H${x}V${y(next)}`;
    level = next;
  }
  if (path === '') return null;
  return <path class={`area ${kind}`} d={`${path}H${stretch.x(stretch.to).toFixed(1)}V${base}z`} />;
}

export function DenseApi({
  stretch,
  lane,
  index,
}: {
  readonly stretch: Stretch;
  readonly lane: Lane;
  readonly index: number;
}) {
  const place = BIN.apis + index * API_BIN.size;
  const base = lane.middle + 26;
  let max = 4;
  for (const [, values] of store.bins(stretch.pipeline, stretch.from, stretch.to))
    max = Math.max(max, values[place + API_BIN.running] ?? 0);
  return (
    <g>
      <Area stretch={stretch} place={place + API_BIN.running} base={base} height={44} max={max} kind="calls" />
      <Bars
        stretch={stretch}
        place={place + API_BIN.failed}
        kind="failed"
        base={lane.middle - 27}
        height={22}
        isHanging
      />
    </g>
  );
}

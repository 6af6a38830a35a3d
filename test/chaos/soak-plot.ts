/** What a worker held through a soak, as an SVG of small charts above each other, and the verdict on it. Pure. */

export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly openFiles: number;
  readonly timers: number;
  readonly listeners: number;
}

export type Measure = Exclude<keyof Sample, 'at'>;

interface Chart {
  readonly measure: Measure;
  readonly title: string;
  /** Growth from the first to the last quarter that is no leak. */
  readonly growth: { readonly ratio: number; readonly amount: number };
}

const CHARTS: readonly Chart[] = [
  { measure: 'heapMb', title: 'heap after a collection, MB', growth: { ratio: 0.1, amount: 3 } },
  { measure: 'rssMb', title: 'resident memory, MB', growth: { ratio: 0.2, amount: 20 } },
  { measure: 'handles', title: 'handles', growth: { ratio: 0, amount: 6 } },
  { measure: 'openFiles', title: 'open files', growth: { ratio: 0, amount: 6 } },
  { measure: 'timers', title: 'timers', growth: { ratio: 0, amount: 10 } },
  { measure: 'listeners', title: 'listeners', growth: { ratio: 0, amount: 60 } },
];

export interface Flatness {
  readonly measure: Measure;
  readonly first: number;
  readonly last: number;
  readonly isFlat: boolean;
}

/**
 * What is held at quiet moments of the first and of the last quarter, the first tenth left out: a worker warms up. Sockets come and go with the
 * load, and a leak shows in what stays: in the lowest tenth.
 */
export function flatness(samples: readonly Sample[]): readonly Flatness[] {
  const warm = samples.slice(Math.floor(samples.length / 10));
  const quarter = Math.max(1, Math.floor(warm.length / 4));
  return CHARTS.map(({ measure, growth }) => {
    const first = lowestTenth(warm.slice(0, quarter).map((sample) => sample[measure]));
    const last = lowestTenth(warm.slice(-quarter).map((sample) => sample[measure]));
    return { measure, first, last, isFlat: last - first <= Math.max(growth.amount, growth.ratio * first) };
  });
}

function lowestTenth(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 10)] ?? Number.NaN;
}

const WIDTH = 760;
const LEFT = 60;
const CHART_HEIGHT = 70;
const GAP = 34;
const TOP = 30;

/** One chart for each measure over minutes, each fault a thin line. Readable on a light and on a dark page. */
export function soakPlot(samples: readonly Sample[], faultsAtMs: readonly number[]): string {
  const fromMs = samples[0]?.at ?? 0;
  const lengthMs = Math.max(1, (samples.at(-1)?.at ?? 1) - fromMs);
  const x = (atMs: number): string => (LEFT + ((atMs - fromMs) / lengthMs) * (WIDTH - LEFT - 10)).toFixed(1);
  const height = TOP + CHARTS.length * (CHART_HEIGHT + GAP) + 10;

  const charts = CHARTS.map(({ measure, title }, n) => {
    const top = TOP + n * (CHART_HEIGHT + GAP);
    const most = Math.max(1, ...samples.map((sample) => sample[measure])) * 1.15;
    const y = (value: number): string => (top + CHART_HEIGHT * (1 - value / most)).toFixed(1);
    const points = samples.map((sample) => `${x(sample.at)},${y(sample[measure])}`).join(' ');
    return [
      `<text x="${LEFT}" y="${top - 6}" fill="#888">${title}</text>`,
      `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - 10}" height="${CHART_HEIGHT}" fill="none" stroke="#8886"/>`,
      `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end" fill="#888">${most.toFixed(0)}</text>`,
      `<text x="${LEFT - 6}" y="${top + CHART_HEIGHT}" text-anchor="end" fill="#888">0</text>`,
      `<polyline points="${points}" fill="none" stroke="#3b82f6" stroke-width="1.5"/>`,
    ].join('\n');
  });
  const faults = faultsAtMs
    .filter((atMs) => atMs >= fromMs && atMs <= fromMs + lengthMs)
    .map((atMs) => `<line x1="${x(atMs)}" x2="${x(atMs)}" y1="${TOP}" y2="${height - GAP}" stroke="#ef444466"/>`);
  const minutes = Math.round(lengthMs / 60_000);
  const label = `<text x="${WIDTH - 10}" y="${height - 8}" text-anchor="end" fill="#888">${minutes} minutes, a red line for each fault</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>What a worker held in memory through a soak</title>',
    ...faults,
    ...charts,
    label,
    '</svg>',
    '',
  ].join('\n');
}

/** `npm run bench -- --check`: each station against its budget, as a multiple of a yardstick that is measured in turn with them. */
import { STATIONS, type Station, YARDSTICK } from './stations/stations.ts';

export interface Checked {
  readonly station: Station;
  readonly micros: number;
  /** Times the yardstick. */
  readonly ratio: number;
  readonly isOver: boolean;
}

export interface CheckOptions {
  /** Short rounds, all stations in turn; the least of each counts, which is the one that nothing disturbed. */
  readonly rounds: number;
  readonly times: number;
  /** Of each budget, for seeing that the check can fail. Default 1. */
  readonly share: number;
}

export async function checkStations({ rounds, times, share }: CheckOptions): Promise<readonly Checked[]> {
  const least = new Map<Station['measure'], number>();
  const measures = STATIONS.map(({ measure }) => measure);
  for (let round = 0; round <= rounds; round++) {
    for (const measure of [YARDSTICK, ...measures, YARDSTICK]) {
      const micros = await measure(times);
      // The first round is for the compiler.
      if (round > 0) least.set(measure, Math.min(micros, least.get(measure) ?? Number.POSITIVE_INFINITY));
    }
  }
  const yardstick = least.get(YARDSTICK) ?? Number.NaN;
  return STATIONS.map((station) => {
    const micros = least.get(station.measure) ?? Number.NaN;
    const ratio = micros / yardstick;
    return { station, micros, ratio, isOver: !(ratio <= station.budget * share) };
  });
}

/** A Markdown table. */
export const tableOfChecks = (checks: readonly Checked[], share: number): string =>
  [
    '| station | µs | times the yardstick | budget |',
    '| --- | --- | --- | --- |',
    ...checks.map(
      ({ station: { name, budget }, micros, ratio, isOver }) =>
        `| ${name} | ${micros.toFixed(2)} | ${ratio.toFixed(2)} | ${(budget * share).toFixed(2)}${isOver ? ' **over**' : ''} |`,
    ),
  ].join('\n');

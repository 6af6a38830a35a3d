/** Places in a lane, given once and kept, so that nothing jumps while it moves: rows of calls, levels of marbles that would touch. */
import { type Call, callEnd, type Group } from './journey-groups.ts';
import { ROWS } from './lanes.ts';

/** Gives each call of an API the first row that is free while it runs. @returns rows in use. */
export function placeCalls(groups: readonly Group[], api: string, gapMs: number): number {
  const calls = groups.flatMap((group) => group.calls.filter((call) => call.api === api));
  calls.sort((one, other) => startOf(one) - startOf(other));
  const placed: Call[] = calls.filter(({ row }) => row !== undefined);
  for (const call of calls) {
    if (call.row !== undefined) continue;
    const beside = placed.filter((other) => overlap(call, other, gapMs));
    let row = 0;
    while (row < ROWS && beside.some((other) => other.row === row)) row++;
    call.row = row % ROWS;
    placed.push(call);
  }
  return 1 + calls.reduce((most, { row = 0 }) => Math.max(most, row), 0);
}

const startOf = (call: Call): number => call.attempts[0]?.startAt ?? 0;
const endOf = (call: Call): number => callEnd(call) ?? Number.POSITIVE_INFINITY;
const overlap = (one: Call, other: Call, gapMs: number): boolean =>
  startOf(one) < endOf(other) + gapMs && startOf(other) < endOf(one) + gapMs;

const LEVELS = [0, -1, 1] as const;

/** Levels at which marbles were placed last. */
export class Levels {
  readonly #last = new Map<number, number>();
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  /** @param kept the level it had before. */
  place(x: number, kept: number | undefined): number {
    const level =
      kept ?? LEVELS.find((one) => x - (this.#last.get(one) ?? Number.NEGATIVE_INFINITY) >= this.#width) ?? 0;
    this.#last.set(level, x);
    return level;
  }
}

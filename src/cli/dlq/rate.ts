/** How fast letters go back, so that what they meet there is not run over. */
import { asyncScheduler, firstValueFrom, fromEvent, race, timer } from 'rxjs';

const PER_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

export const RATE_EXPECTED = 'a number above 0 and its unit, 50/s, 300/m, 1000/h, or max';

/** Milliseconds between two letters: 0 for `max`; undefined for what is no rate. */
export function parseRate(text: string): number | undefined {
  if (text === 'max') return 0;
  const [, number, unit] = /^(\d{1,6}(?:\.\d+)?)\/([smh])$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) return undefined;
  return PER_MS[unit as keyof typeof PER_MS] / Number(number);
}

/** One turn after the other, `everyMs` apart; time that nobody used is not made up for. */
export class Pace {
  readonly #everyMs: number;
  #nextAt = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Resolves when it is the caller's turn, or at once when the signal says stop. */
  async turn(stop: AbortSignal): Promise<void> {
    const now = asyncScheduler.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#everyMs;
    if (at <= now || stop.aborted) return;
    await firstValueFrom(race(timer(at - now), fromEvent(stop, 'abort')));
  }
}

/** What becomes of a worker process that ended unasked: started again after a pause, or the end of all. Pure. */
import { EXIT } from '../exit-code.ts';

/** How a process ended. */
export interface Ending {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether it told that it takes messages: what ends before that has most likely a cause that a restart does not take away. */
  readonly wasRunning: boolean;
  readonly ranMs: number;
}

export type Verdict =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'giveUp'; readonly exitCode: number; readonly why: string };

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** Who ran for so long starts with a clean record. */
const WELL_AFTER_MS = 60_000;
const MAX_STARTS = 3;

/** For one worker number; remembers its endings. */
export class RestartRule {
  #inARow = 0;
  #failedStarts = 0;

  /** @param othersRun whether another worker process runs: what is well is not ended for one that is not. */
  judge({ code, wasRunning, ranMs }: Ending, othersRun: boolean): Verdict {
    this.#inARow = wasRunning && ranMs >= WELL_AFTER_MS ? 1 : this.#inARow + 1;
    this.#failedStarts = wasRunning ? 0 : this.#failedStarts + 1;
    if (!wasRunning && !othersRun) {
      // These say of themselves that another start will not help.
      if (code === EXIT.misconfigured || code === EXIT.notStarted)
        return { kind: 'giveUp', exitCode: code, why: `a worker ended with exit code ${code}` };
      if (this.#failedStarts >= MAX_STARTS)
        return {
          kind: 'giveUp',
          exitCode: code === null || code === EXIT.ok ? EXIT.failed : code,
          why: `a worker ended ${this.#failedStarts} times as it started, or at its first message`,
        };
    }
    return { kind: 'restart', delayMs: Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#inARow - 1)) };
  }
}

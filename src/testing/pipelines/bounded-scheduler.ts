/** Virtual time that ends: RxJS' own test scheduler, which stops and says so where a pipeline would go on for ever. */
import type { SchedulerAction, Subscription } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

/** Virtual time went on and on, or stood still while ever more was scheduled. */
export class EndlessTimeError extends Error {
  override readonly name = 'EndlessTimeError';
  readonly code = 'ERR_ENDLESS_TIME';
}

/** More than that in one moment is a loop: a whole pipeline schedules some tens for each message. */
const MAX_ACTIONS_A_FRAME = 100_000;

/** A jittered pause ends in a whole millisecond, as a real timer does: so it can be drawn. Up, since RxJS fires nothing before it is due. */
export const wholeMs = (delayMs: number): number => Math.ceil(delayMs);

export class BoundedScheduler extends TestScheduler {
  readonly #withinMs: number;
  #countedFrame = 0;
  #count = 0;

  constructor(withinMs: number) {
    super(() => {});
    this.#withinMs = withinMs;
  }

  override schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    if (this.frame !== this.#countedFrame) {
      this.#countedFrame = this.frame;
      this.#count = 0;
    }
    if (++this.#count === MAX_ACTIONS_A_FRAME)
      this.stopWith(
        new EndlessTimeError(
          `virtual time stands still at ${this.frame} ms: something schedules itself again and again`,
        ),
      );
    return super.schedule(work, wholeMs(delay), state as T);
  }

  /** Ends time now: what is scheduled is forgotten, and `runToEnd` throws. */
  stopWith(error: Error): void {
    super.schedule(() => {
      throw error;
    });
  }

  /**
   * Runs everything that is due, until nothing is.
   * @throws EndlessTimeError when there is no end within the time allowed.
   */
  runToEnd(): void {
    const until = this.frame + this.#withinMs;
    this.maxFrames = until;
    this.flush();
    const [next] = this.actions;
    if (next === undefined) return;
    throw new EndlessTimeError(
      `virtual time went past ${until} ms, and something is still due at ${next.delay} ms; the option within moves the bound`,
    );
  }
}

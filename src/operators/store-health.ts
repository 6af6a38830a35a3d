/** Whether a store can be asked. Away after a failure, and then asked again now and then, by one question at a time. */

import { Subject } from 'rxjs';

export interface StoreChange {
  readonly isAway: boolean;
  /** Why it went away. */
  readonly cause?: unknown;
}

export class StoreHealth {
  readonly #retryMs: number;
  /** A listener that throws must not keep the answer from those who wait for it: what it throws is an unhandled error. */
  readonly #changes = new Subject<StoreChange>();
  #awaySinceMs: number | undefined;
  #nextTrialAtMs = 0;

  constructor(retryMs: number, onStore: ((change: StoreChange) => void) | undefined) {
    this.#retryMs = retryMs;
    if (onStore !== undefined) this.#changes.subscribe(onStore);
  }

  /** Undefined while it answers. */
  get awaySinceMs(): number | undefined {
    return this.#awaySinceMs;
  }

  mayAsk(nowMs: number): boolean {
    return this.#awaySinceMs === undefined || nowMs >= this.#nextTrialAtMs;
  }

  /** A question begins. While the store is away the next one has to wait. */
  asks(nowMs: number): void {
    this.#nextTrialAtMs = nowMs + this.#retryMs;
  }

  failed(cause: unknown, nowMs: number): void {
    this.#nextTrialAtMs = nowMs + this.#retryMs;
    if (this.#awaySinceMs !== undefined) return;
    this.#awaySinceMs = nowMs;
    this.#changes.next({ isAway: true, cause });
  }

  answered(): void {
    if (this.#awaySinceMs === undefined) return;
    this.#awaySinceMs = undefined;
    this.#changes.next({ isAway: false });
  }
}

/** Heartbeats of one connection: speaks when it has been quiet for half an interval, gives up when the client was silent for two. */

export interface HeartbeatCalls {
  readonly beat: () => void;
  readonly silent: () => void;
}

export class Heartbeats {
  readonly #timer: NodeJS.Timeout | undefined;
  #hasSpoken = false;
  #quietHalves = 0;
  #isSuspended = false;

  /** An interval of 0 is no heartbeats. */
  constructor(intervalS: number, { beat, silent }: HeartbeatCalls) {
    if (intervalS === 0) return;
    this.#timer = setInterval(() => {
      if (!this.#hasSpoken) beat();
      this.#hasSpoken = false;
      if (this.#isSuspended) return;
      if (++this.#quietHalves > 4) silent();
    }, intervalS * 500);
    this.#timer.unref();
  }

  spoke(): void {
    this.#hasSpoken = true;
  }

  heard(): void {
    this.#quietHalves = 0;
  }

  /** The broker itself does not read: silence is no fault of the client. */
  suspend(): void {
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
    this.#quietHalves = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Heartbeats of one connection: speaks when it has been quiet for half an interval, gives up when the client was silent for two. */

export interface HeartbeatCalls {
  readonly beat: () => void;
  readonly silent: () => void;
  /** A count of what was sent: while it grows, no heartbeat is due. */
  readonly sent: () => number;
}

export class Heartbeats {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #beat: () => void;
  #quietHalves = 0;
  #isSuspended = false;

  /** An interval of 0 is no heartbeats. */
  constructor(intervalS: number, { beat, silent, sent }: HeartbeatCalls) {
    this.#beat = beat;
    if (intervalS === 0) return;
    let sentBefore = sent();
    this.#timer = setInterval(() => {
      if (sent() === sentBefore) beat();
      sentBefore = sent();
      if (this.#isSuspended) return;
      if (++this.#quietHalves > 4) silent();
    }, intervalS * 500);
    this.#timer.unref();
  }

  /** Beats now, if the client has agreed to heartbeats. */
  beat(): void {
    if (this.#timer !== undefined) this.#beat();
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

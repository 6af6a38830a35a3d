/**
 * One key of a rate limiter: those that wait for their start, in the order they came, and the timer of the next.
 * When one may start is up to its permits and to what the other side told.
 */
import { asyncScheduler, type Observable, Subscriber, Subscription } from 'rxjs';
import { MAX_TIMER_MS } from '../policies/duration.ts';
import type { LearnedQuota } from '../policies/learned-quota.ts';
import type { ForwardClock } from './forward-clock.ts';
import { tearDown } from './tear-down.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';

/** Where the permits of a line come from: a rate policy, or a store that many workers share. */
export interface Permits {
  /**
   * Milliseconds until one more may start, 0 when it may now, undefined while that is being asked: `answered` of the line is called
   * then.
   * @param wanted How many wait.
   */
  waitMs(nowMs: number, wanted: number): number | undefined;
  /** One starts. Only when `waitMs` is 0. */
  take(nowMs: number): void;
  limitTo(requests: number): void;
  isAtRest(nowMs: number): boolean;
  /** Nobody waits any more: what was asked or granted for them is no longer wanted. */
  nobodyWaits?(): void;
}

interface Occupant extends Waiting<Occupant> {
  start(): void;
}

export class RateLine implements Waiting<RateLine> {
  /** In the ring of keys. */
  before: RateLine | undefined = undefined;
  behind: RateLine | undefined = undefined;
  readonly key: unknown;
  readonly quota: LearnedQuota;
  readonly permits: Permits;
  readonly #clock: ForwardClock;
  readonly #line = new WaitingLine<Occupant>();
  #running = 0;
  #timer = Subscription.EMPTY;
  /** The one loop that starts what waits. A source that ends while the loop starts it must not begin a second, deeper one. */
  #isStarting = false;

  constructor(key: unknown, quota: LearnedQuota, permits: (line: RateLine) => Permits, clock: ForwardClock) {
    this.key = key;
    this.quota = quota;
    this.#clock = clock;
    this.permits = permits(this);
  }

  get queued(): number {
    return this.#line.length;
  }

  get running(): number {
    return this.#running;
  }

  /** One may start, and nobody waits for it. */
  canStartNow(): boolean {
    return this.#line.length === 0 && this.#waitMs(1) === 0;
  }

  join(occupant: Occupant): void {
    this.#line.join(occupant);
    // Those behind the first wait for its timer.
    if (this.#line.length === 1) this.wake();
  }

  leave(occupant: Occupant): void {
    this.#line.leave(occupant);
    if (this.#line.length === 0) this.wake();
  }

  began(): void {
    const nowMs = this.#clock.now();
    this.quota.take(nowMs);
    this.permits.take(nowMs);
    this.#running++;
  }

  ended(): void {
    this.#running--;
  }

  /** What the permits asked for is there. Starts what may start without a timer's delay: nothing of ours is on the stack. */
  answered(): void {
    if (!this.#isStarting) this.#startDue();
  }

  /** When the next may start has changed. */
  wake(): void {
    if (!this.#isStarting) this.#setTimer();
  }

  isAtRest(nowMs: number): boolean {
    return this.#line.length === 0 && this.quota.isAtRest(nowMs) && this.permits.isAtRest(nowMs);
  }

  #waitMs(wanted: number): number | undefined {
    const nowMs = this.#clock.now();
    const quotaMs = this.quota.waitMs(nowMs);
    return quotaMs > 0 ? quotaMs : this.permits.waitMs(nowMs, wanted);
  }

  #setTimer(): void {
    this.#timer.unsubscribe();
    if (this.#line.length === 0) {
      this.permits.nobodyWaits?.();
      return;
    }
    const waitMs = this.#waitMs(this.#line.length);
    if (waitMs === undefined) return;
    this.#timer = asyncScheduler.schedule(() => this.#startDue(), Math.min(MAX_TIMER_MS, Math.ceil(waitMs)));
  }

  #startDue(): void {
    this.#timer.unsubscribe();
    this.#isStarting = true;
    try {
      // A timer may be early by the clock: then the first question already ends the loop.
      while (this.#line.length > 0 && this.#waitMs(this.#line.length) === 0) {
        this.#line.takeHead()?.start();
      }
    } finally {
      this.#isStarting = false;
      this.#setTimer();
    }
  }
}

/** One subscription to a limited source: waits in line, then runs. */
export class RateSubscriber<T> extends Subscriber<T> implements Occupant {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #sink: Subscriber<T>;
  readonly #source: Observable<T>;
  readonly #line: RateLine;
  #isRunning = false;

  constructor(sink: Subscriber<T>, source: Observable<T>, line: RateLine) {
    super(sink);
    this.#sink = sink;
    this.#source = source;
    this.#line = line;
  }

  start(): void {
    this.#isRunning = true;
    this.#line.began();
    this.#source.subscribe(this);
  }

  protected override _complete(): void {
    const failure = tearDown(this);
    if (failure === undefined) this.#sink.complete();
    else this.#sink.error(failure);
  }

  protected override _error(cause: unknown): void {
    this.#sink.error(tearDown(this) ?? cause);
  }

  override unsubscribe(): void {
    if (this.closed) return;
    try {
      super.unsubscribe();
    } finally {
      if (this.#isRunning) this.#line.ended();
      else this.#line.leave(this);
    }
  }
}

/** The keys of a rate limiter: a line each, made when first used, forgotten when nothing that happened to it matters any more. */
import { asyncScheduler, Observable, Subject } from 'rxjs';
import { RateLimitRejectedError } from '../errors.ts';
import { isTold, LearnedQuota, type RateLimitAnswer } from '../policies/learned-quota.ts';
import type { ForwardClock } from './forward-clock.ts';
import { type Permits, RateLine, RateSubscriber } from './rate-line.ts';
import { WaitingLine } from './waiting-line.ts';

/** Nothing starts for a while, because the other side or somebody by hand asked for it. */
export interface RatePause {
  readonly key: unknown;
  /** On the clock of RxJS, in milliseconds. */
  readonly until: number;
}

export interface KeyedLimiterParts {
  readonly periodMs: number;
  readonly maxQueued: number;
  readonly maxKeys: number;
  readonly maxPauseMs: number;
  readonly onPause: ((pause: RatePause) => void) | undefined;
  readonly clock: ForwardClock;
  readonly permits: (line: RateLine) => Permits;
}

/** Keys that are looked at for each new one, whether there is room or not, and how many where there is none. */
const LOOKS = 2;
const MOST_LOOKS = 32;

export class KeyedLimiter {
  readonly #parts: KeyedLimiterParts;
  readonly #lines = new Map<unknown, RateLine>();
  /** All keys in a ring: whoever looks for one at rest goes on where the last one stopped. */
  readonly #ring = new WaitingLine<RateLine>();

  readonly #pauses = new Subject<RatePause>();

  constructor(parts: KeyedLimiterParts) {
    this.#parts = parts;
    if (parts.onPause !== undefined) this.#pauses.subscribe(parts.onPause);
  }

  get queued(): number {
    let queued = 0;
    for (const line of this.#lines.values()) queued += line.queued;
    return queued;
  }

  get keys(): number {
    return this.#lines.size;
  }

  run<T>(source: Observable<T>, key?: unknown): Observable<T> {
    return new Observable((sink) => {
      if (sink.closed) return;
      const { maxQueued, maxKeys } = this.#parts;
      const line = this.#lineOf(key);
      if (line === undefined) sink.error(new RateLimitRejectedError(`${maxKeys} keys are being counted`));
      else if (line.canStartNow()) new RateSubscriber(sink, source, line).start();
      else if (line.queued < maxQueued) line.join(new RateSubscriber(sink, source, line));
      else sink.error(new RateLimitRejectedError(`${maxQueued} wait for their start`));
    });
  }

  penalise(untilAt: number, key?: unknown): void {
    const line = this.#lineOf(key);
    if (line !== undefined) this.#pause(line, untilAt - asyncScheduler.now());
  }

  learn(answer: RateLimitAnswer, key?: unknown): void {
    const line = this.#lineOf(key);
    if (line === undefined) return;
    line.quota.learn(answer, line.running, this.#parts.clock.now());
    if (isTold(answer.limit)) line.permits.limitTo(Math.max(1, Math.floor(answer.limit)));
    line.wake();
    if (isTold(answer.retryAfterMs)) this.#pause(line, answer.retryAfterMs);
  }

  #pause(line: RateLine, forMs: number): void {
    const pauseMs = line.quota.pause(forMs, this.#parts.clock.now());
    if (pauseMs === undefined) return;
    line.wake();
    this.#pauses.next({ key: line.key, until: asyncScheduler.now() + pauseMs });
  }

  /** Undefined when there is no room for another key. */
  #lineOf(key: unknown): RateLine | undefined {
    const { periodMs, maxPauseMs, permits, clock } = this.#parts;
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    if (!this.#makeRoom()) return undefined;
    const line = new RateLine(key, new LearnedQuota(periodMs, maxPauseMs), permits, clock);
    this.#lines.set(key, line);
    this.#ring.join(line);
    return line;
  }

  #makeRoom(): boolean {
    const { clock, maxKeys } = this.#parts;
    const nowMs = clock.now();
    const isFull = (): boolean => this.#lines.size >= maxKeys;
    for (let looks = 0; looks < LOOKS || (looks < MOST_LOOKS && isFull()); looks++) {
      const line = this.#ring.takeHead();
      if (line === undefined) break;
      if (line.isAtRest(nowMs)) this.#lines.delete(line.key);
      else this.#ring.join(line);
    }
    return !isFull();
  }
}

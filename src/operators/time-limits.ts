/**
 * Time limits that cost little while they are kept: those of one length that begin within a few milliseconds share a timer of the RxJS clock.
 * A timer is set and cleared for every call and every message otherwise, and hardly one of them ever comes.
 */
import { asyncScheduler, type Subscription, type Unsubscribable } from 'rxjs';

/** What runs under a limit. */
export interface Limited {
  /** Its time is over. */
  cutOff(): void;
}

/**
 * Who begins less than this after another shares its timer, in milliseconds. Each is cut off at the end of its own time, counted on from the end
 * of the first: so a wall clock that is set meanwhile puts none of them off by more than this.
 */
const SHARED_MS = 16;

/** For what belongs together, and is virtual or real together: the calls of a client, the messages of a pipeline. */
export class TimeLimits {
  #latest: SharedLimit | undefined;

  /**
   * Cuts the work off in `limitMs` milliseconds from `nowMs`, which is now; not before what else comes in that millisecond. Unsubscribing
   * ends the limit; the last to end clears the timer.
   */
  start(work: Limited, limitMs: number, nowMs: number): Unsubscribable {
    if (this.#latest?.mayJoin(limitMs, nowMs) !== true) this.#latest = new SharedLimit(limitMs, nowMs);
    return this.#latest.join(work, nowMs);
  }
}

/** The limits of one length from one moment on. */
class SharedLimit {
  readonly #limitMs: number;
  readonly #startedAtMs: number;
  /** In the order they began. */
  readonly #members: Member[] = [];
  #lastStartedAtMs: number;
  #running = 0;
  #timer: Subscription | undefined;

  constructor(limitMs: number, startedAtMs: number) {
    this.#limitMs = limitMs;
    this.#startedAtMs = startedAtMs;
    this.#lastStartedAtMs = startedAtMs;
  }

  /** Whether who begins now can still join. */
  mayJoin(limitMs: number, nowMs: number): boolean {
    return (
      this.#running > 0 &&
      limitMs === this.#limitMs &&
      nowMs >= this.#lastStartedAtMs &&
      nowMs < this.#startedAtMs + SHARED_MS
    );
  }

  join(work: Limited, nowMs: number): Member {
    const member = new Member(this, work, nowMs);
    this.#lastStartedAtMs = nowMs;
    this.#running++;
    if (this.#members.push(member) === 1)
      this.#timer = asyncScheduler.schedule(() => this.#timeIsOver(0), this.#limitMs);
    return member;
  }

  ended(): void {
    if (--this.#running === 0) this.#timer?.unsubscribe();
  }

  /**
   * The time of those that began in one millisecond is over, the one at `from` first. Those behind it began after the timer was set, and what
   * ends their work in time may come after the timer: that goes first.
   */
  #timeIsOver(from: number): void {
    const startedAtMs = this.#members[from]?.startedAtMs;
    let to = from + 1;
    while (this.#members[to]?.startedAtMs === startedAtMs) to++;
    if (to - from === 1) this.#cutOff(from, to);
    else this.#timer = asyncScheduler.schedule(() => this.#cutOff(from, to));
  }

  /** One that throws does not keep the others from their end. */
  #cutOff(from: number, to: number): void {
    let at = from;
    try {
      for (; at < to; at++) this.#members[at]?.cutOff();
    } finally {
      if (at < to) this.#cutOff(at + 1, to);
      else this.#awaitNext(to);
    }
  }

  /** Of those that still run and began after the one before `from`. */
  #awaitNext(from: number): void {
    const before = this.#members[from - 1];
    let at = from;
    while (this.#members[at]?.hasEnded === true) at++;
    const next = this.#members[at];
    if (before === undefined || next === undefined) return;
    this.#timer = asyncScheduler.schedule(() => this.#timeIsOver(at), next.startedAtMs - before.startedAtMs);
  }
}

class Member implements Unsubscribable {
  readonly startedAtMs: number;
  readonly #shared: SharedLimit;
  /** Undefined: it has ended. */
  #work: Limited | undefined;

  constructor(shared: SharedLimit, work: Limited, startedAtMs: number) {
    this.startedAtMs = startedAtMs;
    this.#shared = shared;
    this.#work = work;
  }

  get hasEnded(): boolean {
    return this.#work === undefined;
  }

  unsubscribe(): void {
    if (this.#work === undefined) return;
    this.#work = undefined;
    this.#shared.ended();
  }

  cutOff(): void {
    const work = this.#work;
    this.unsubscribe();
    work?.cutOff();
  }
}

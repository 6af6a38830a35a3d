/**
 * Time limits that cost little while they are kept: those of one length that begin in the same millisecond share a timer of the RxJS clock.
 * A timer is set and cleared for every call and every message otherwise, and hardly one of them ever comes.
 */
import { asyncScheduler, type Subscription, type Unsubscribable } from 'rxjs';

/** What runs under a limit. */
export interface Limited {
  /** Its time is over. */
  cutOff(): void;
}

/** For what belongs together, and is virtual or real together: the calls of a client, the messages of a pipeline. */
export class TimeLimits {
  #latest: SharedLimit | undefined;

  /**
   * Cuts the work off in `limitMs` milliseconds from `nowMs`, which is now; not before what else comes in that millisecond. Unsubscribing
   * ends the limit; the last to end clears the timer.
   */
  start(work: Limited, limitMs: number, nowMs: number): Unsubscribable {
    if (this.#latest?.isOf(limitMs, nowMs) !== true) this.#latest = new SharedLimit(limitMs, nowMs);
    return this.#latest.join(work);
  }
}

/** The limits of one length from one millisecond on. */
class SharedLimit {
  readonly #limitMs: number;
  readonly #startedAtMs: number;
  #members: Member[] | undefined;
  #running = 0;
  #timer: Subscription | undefined;

  constructor(limitMs: number, startedAtMs: number) {
    this.#limitMs = limitMs;
    this.#startedAtMs = startedAtMs;
  }

  /** Whether who begins now can still join. */
  isOf(limitMs: number, nowMs: number): boolean {
    return this.#running > 0 && limitMs === this.#limitMs && nowMs === this.#startedAtMs;
  }

  join(work: Limited): Member {
    const member = new Member(this, work);
    this.#running++;
    if (this.#members === undefined) {
      this.#members = [member];
      this.#timer = asyncScheduler.schedule(() => this.#isOver(), this.#limitMs);
    } else {
      this.#members.push(member);
    }
    return member;
  }

  ended(): void {
    if (--this.#running === 0) this.#timer?.unsubscribe();
  }

  /** Who joined later began after the timer was set, and what ends that work in time may come after the timer: that goes first. */
  #isOver(): void {
    const members = this.#members ?? [];
    if (members.length === 1) this.#cutOff(members, 0);
    else this.#timer = asyncScheduler.schedule(() => this.#cutOff(members, 0));
  }

  /** One that throws does not keep the others from their end. */
  #cutOff(members: readonly Member[], from: number): void {
    let at = from;
    try {
      for (; at < members.length; at++) members[at]?.cutOff();
    } finally {
      if (at < members.length) this.#cutOff(members, at + 1);
    }
  }
}

class Member implements Unsubscribable {
  readonly #shared: SharedLimit;
  /** Undefined: it has ended. */
  #work: Limited | undefined;

  constructor(shared: SharedLimit, work: Limited) {
    this.#shared = shared;
    this.#work = work;
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

/**
 * Publishes that are out without a confirm: their number and bytes are bounded, and none waits for ever.
 * amqplib itself buffers whatever it is given, so this is the only bound there is.
 */
import { asyncScheduler, type Subscription } from 'rxjs';
import { WaitingLine } from '../../operators/waiting-line.ts';
import type { PendingPublish } from './pending-publish.ts';

export interface ConfirmWindowOptions {
  readonly maxUnconfirmed: number;
  readonly maxUnconfirmedBytes: number;
  readonly confirmTimeoutMs: number;
  /** No confirm came in time. The publish has left the window. */
  readonly onOverdue: (pending: PendingPublish) => void;
}

export class ConfirmWindow {
  readonly #options: ConfirmWindowOptions;
  /** In the order of sending. Linked: a Set is rehashed as it is emptied. */
  readonly #sent = new WaitingLine<PendingPublish>();
  #bytes = 0;
  /** One timer, for the oldest. */
  #timer: Subscription | undefined;
  #isPaused = false;

  constructor(options: ConfirmWindowOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sent.length;
  }

  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  /** What left on that channel, in the order of sending. */
  *sentOn(channel: object): Iterable<PendingPublish> {
    for (const pending of this.#sent.members()) if (pending.sentOn === channel) yield pending;
  }

  hasSentOn(channel: object): boolean {
    for (const _ of this.sentOn(channel)) return true;
    return false;
  }

  /** A message larger than the whole window goes alone. */
  hasRoomFor(bytes: number): boolean {
    const { maxUnconfirmed, maxUnconfirmedBytes } = this.#options;
    const { length } = this.#sent;
    return length === 0 || (length < maxUnconfirmed && this.#bytes + bytes <= maxUnconfirmedBytes);
  }

  add(pending: PendingPublish): void {
    pending.sentAtMs = asyncScheduler.now();
    pending.isInWindow = true;
    this.#sent.join(pending);
    this.#bytes += pending.bytes;
    if (this.#timer === undefined && !this.#isPaused) this.#watch();
  }

  /** False when it is not in the window (any more). */
  remove(pending: PendingPublish): boolean {
    if (!pending.isInWindow) return false;
    pending.isInWindow = false;
    this.#sent.leave(pending);
    this.#bytes -= pending.bytes;
    return true;
  }

  /** Empties the window. @returns what was in it. */
  clear(): readonly PendingPublish[] {
    const all = [...this.#sent.members()];
    for (const pending of all) this.remove(pending);
    this.#stopWatching();
    return all;
  }

  /** Takes out what left on that channel. @returns it. */
  clearSentOn(channel: object): readonly PendingPublish[] {
    const all = [...this.sentOn(channel)];
    for (const pending of all) this.remove(pending);
    return all;
  }

  /** A blocked broker reads nothing: the time of its alarm is not the publishes' own. */
  pause(): void {
    this.#isPaused = true;
    this.#stopWatching();
  }

  resume(): void {
    this.#isPaused = false;
    const nowMs = asyncScheduler.now();
    for (const pending of this.#sent.members()) pending.sentAtMs = nowMs;
    this.#watch();
  }

  #watch(): void {
    this.#stopWatching();
    const oldest = this.#sent.head;
    if (oldest === undefined) return;
    const dueMs = oldest.sentAtMs + this.#options.confirmTimeoutMs;
    this.#timer = asyncScheduler.schedule(() => this.#sweep(), Math.max(0, dueMs - asyncScheduler.now()));
  }

  #sweep(): void {
    const dueMs = asyncScheduler.now() - this.#options.confirmTimeoutMs;
    for (const pending of [...this.#sent.members()]) {
      if (pending.sentAtMs > dueMs) break;
      // Whoever was told of one may have given up the channel, and with it all that was out.
      if (this.remove(pending)) this.#options.onOverdue(pending);
    }
    if (!this.#isPaused) this.#watch();
  }

  #stopWatching(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }
}

/**
 * Publishes that are out without a confirm: their number and bytes are bounded, and none waits for ever.
 * amqplib itself buffers whatever it is given, so this is the only bound there is.
 */
import { asyncScheduler, type Subscription } from 'rxjs';
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
  /** In the order of sending. */
  readonly #sent = new Set<PendingPublish>();
  #bytes = 0;
  /** One timer, for the oldest. */
  #timer: Subscription | undefined;
  #isPaused = false;

  constructor(options: ConfirmWindowOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sent.size;
  }

  get isEmpty(): boolean {
    return this.#sent.size === 0;
  }

  get sent(): Iterable<PendingPublish> {
    return this.#sent;
  }

  /** A message larger than the whole window goes alone. */
  hasRoomFor(bytes: number): boolean {
    const { maxUnconfirmed, maxUnconfirmedBytes } = this.#options;
    return this.#sent.size === 0 || (this.#sent.size < maxUnconfirmed && this.#bytes + bytes <= maxUnconfirmedBytes);
  }

  add(pending: PendingPublish): void {
    pending.sentAtMs = asyncScheduler.now();
    this.#sent.add(pending);
    this.#bytes += pending.bytes;
    if (this.#timer === undefined && !this.#isPaused) this.#watch();
  }

  /** False when it is not in the window (any more). */
  remove(pending: PendingPublish): boolean {
    if (!this.#sent.delete(pending)) return false;
    this.#bytes -= pending.bytes;
    return true;
  }

  /** Empties the window. @returns what was in it. */
  clear(): readonly PendingPublish[] {
    const all = [...this.#sent];
    this.#sent.clear();
    this.#bytes = 0;
    this.#stopWatching();
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
    for (const pending of this.#sent) pending.sentAtMs = nowMs;
    this.#watch();
  }

  #watch(): void {
    this.#stopWatching();
    const [oldest] = this.#sent;
    if (oldest === undefined) return;
    const dueMs = oldest.sentAtMs + this.#options.confirmTimeoutMs;
    this.#timer = asyncScheduler.schedule(() => this.#sweep(), Math.max(0, dueMs - asyncScheduler.now()));
  }

  #sweep(): void {
    const dueMs = asyncScheduler.now() - this.#options.confirmTimeoutMs;
    for (const pending of [...this.#sent]) {
      if (pending.sentAtMs > dueMs) break;
      this.remove(pending);
      this.#options.onOverdue(pending);
    }
    this.#watch();
  }

  #stopWatching(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }
}

/**
 * The watch over the event loop. While one turn of it takes long, no heartbeat, timer, ack or health answer gets through: after three
 * heartbeats the broker gives the worker up. At the edge, beside the messages' way; real time, because that is what is lost.
 */
import { asyncScheduler, type Subscription } from 'rxjs';
import type { Facts } from '../events.ts';
import { clockNow } from '../pipeline/context.ts';

const LOOK_EVERY_MS = 250;

export interface WatchEventLoopOptions {
  readonly facts: Facts;
  /** A turn that takes longer is told of, in milliseconds. Default: 1000. */
  readonly limitMs?: number;
}

/** Reports `eventLoopBlocked` once for each turn that took too long, when it is over. Unsubscribing ends the watch. */
export function watchEventLoop({ facts, limitMs = 1_000 }: WatchEventLoopOptions): Subscription {
  // Monotonic: a wall clock that is set forward blocks nothing.
  let lookedAtMs = performance.now();
  return asyncScheduler.schedule(function look() {
    const nowMs = performance.now();
    const blockedMs = Math.round(nowMs - lookedAtMs - LOOK_EVERY_MS);
    lookedAtMs = nowMs;
    if (blockedMs > limitMs) facts.report({ type: 'eventLoopBlocked', at: clockNow(), blockedMs });
    this.schedule(undefined, LOOK_EVERY_MS);
  }, LOOK_EVERY_MS);
}

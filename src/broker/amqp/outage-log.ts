/**
 * One line when an outage begins, one when its reason changes, one a minute while it lasts, one when it is over; and one at each end of a
 * time in which the broker takes no messages.
 */
import { asyncScheduler } from 'rxjs';
import type { Logger } from '../../log.ts';

const REPEAT_MS = 60_000;
/** Reasons told apart in one outage. */
const MAX_REASONS = 20;

export interface OutageLog {
  failed(reason: string): void;
  /** Connected, but the broker reads nothing of what is published: it is short of memory or disk. */
  blocked(reason: string | undefined): void;
  /** Everything is connected and takes messages, again or for the first time. */
  recovered(): void;
}

export function createOutageLog(log: Logger, address: () => string): OutageLog {
  const reasons = new Set<string>();
  let isFirst = true;
  let beganMs = 0;
  let lastLineMs = 0;
  let failures = 0;
  let isBlocked = false;
  return {
    failed(reason) {
      const nowMs = asyncScheduler.now();
      failures++;
      if (reasons.size === 0) beganMs = nowMs;
      const isNews = !reasons.has(reason) && reasons.size < MAX_REASONS;
      if (!isNews && nowMs - lastLineMs < REPEAT_MS) return;
      reasons.add(reason);
      lastLineMs = nowMs;
      log.warn({ broker: address(), reason, failures, forMs: nowMs - beganMs }, 'no connection to the broker');
    },
    blocked(reason) {
      if (isBlocked) return;
      isBlocked = true;
      log.warn({ broker: address(), reason }, 'the broker takes no messages, publishing waits');
    },
    recovered() {
      if (isBlocked) log.info({ broker: address() }, 'the broker takes messages again');
      isBlocked = false;
      if (reasons.size > 0) {
        const forMs = asyncScheduler.now() - beganMs;
        log.info({ broker: address(), failures, forMs }, 'connected to the broker again');
      } else if (isFirst) {
        log.info({ broker: address() }, 'connected to the broker');
      }
      isFirst = false;
      reasons.clear();
      failures = 0;
    },
  };
}

/** One line when an outage begins, one when its reason changes, one a minute while it lasts, one when it is over. */
import { asyncScheduler } from 'rxjs';
import type { Logger } from '../../log.ts';

const REPEAT_MS = 60_000;
/** Reasons told apart in one outage. */
const MAX_REASONS = 20;

export interface OutageLog {
  failed(reason: string): void;
  /** Everything is connected again, or for the first time. */
  recovered(): void;
}

export function createOutageLog(log: Logger, address: () => string): OutageLog {
  const reasons = new Set<string>();
  let isFirst = true;
  let beganMs = 0;
  let lastLineMs = 0;
  let failures = 0;
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
    recovered() {
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

/** Pauses between attempts that go on for ever: they grow while attempts fail, and start anew after a time of health. */
import { asyncScheduler } from 'rxjs';
import { exponentialBackoff } from '../../policies/backoff.ts';
import type { Random } from '../../policies/random.ts';

export interface ReconnectBackoff {
  /** Ceiling of the first pause, in milliseconds. Default: 200. */
  readonly initialMs?: number;
  /** No pause is longer, in milliseconds: after an outage of any length the worker is back this soon. Default: 5000. */
  readonly maxMs?: number;
}

export interface Pauses {
  /** The pause before the next attempt. */
  next(): number;
  /** An attempt succeeded. Only what then lasts is health: a connection that flaps keeps its growing pauses. */
  succeeded(): void;
}

/** How long something must have worked for its failure to count as the first again. */
const STABLE_MS = 5_000;

export function createPauses({ initialMs = 200, maxMs = 5_000 }: ReconnectBackoff, random: Random): Pauses {
  // Full jitter: a thousand workers that lost one broker come back spread over time.
  const backoff = exponentialBackoff({ initialMs, maxMs, jitter: 'full' }, random);
  let failures = 0;
  let workingSinceMs: number | undefined;
  return {
    next() {
      if (workingSinceMs !== undefined && asyncScheduler.now() - workingSinceMs >= STABLE_MS) failures = 0;
      workingSinceMs = undefined;
      failures++;
      return backoff(failures);
    },
    succeeded() {
      workingSinceMs = asyncScheduler.now();
    },
  };
}

/** What answers teach the rate limiter: the pause they ask for, and how many more calls the API takes. */
import type { RateLimiter } from '../operators/rate-limit.ts';
import { quotaOf } from './rate-limit-headers.ts';
import { retryAfterMs } from './retry-after.ts';
import { headerOf, type TransportResponse } from './transport.ts';

/** Too many requests, and unavailable: with `Retry-After` both mean every caller. */
const ASKS_TO_WAIT: readonly number[] = [429, 503];

export function learnFrom(limiter: RateLimiter, response: TransportResponse, nowMs: number): void {
  const isAsked = ASKS_TO_WAIT.includes(response.status);
  const pauseMs = isAsked ? retryAfterMs(headerOf(response, 'retry-after'), nowMs) : undefined;
  const quota = quotaOf(response, nowMs);
  if (pauseMs !== undefined || quota !== undefined) limiter.learn({ ...quota, retryAfterMs: pauseMs });
}

/** How often attempts begin: a limit this worker has for itself, or its part in one that many workers share. */
import { asyncScheduler } from 'rxjs';
import { messageOf } from '../errors.ts';
import type { Facts } from '../events.ts';
import { createRateLimiter, type RateLimiter } from '../operators/rate-limit.ts';
import { createSharedRateLimiter, type StoreChange } from '../operators/shared-rate-limit.ts';
import type { CallSettings } from './api-settings.ts';

/** Called when the store of a shared limit goes away, and when it is back. */
export type StoreListener = (change: StoreChange) => void;

export function limiterOf(
  { rateLimit, maxQueued, maxRetryAfterMs: maxPause }: CallSettings,
  onStore: StoreListener | undefined,
): RateLimiter | undefined {
  if (rateLimit === undefined) return undefined;
  const { shared, ...rate } = rateLimit;
  if (shared === undefined) return createRateLimiter({ ...rate, maxQueued, maxPause });
  const { store: tokens, bucket: name, localShareRatio } = shared;
  return createSharedRateLimiter({ ...rate, tokens, name, localShareRatio, maxQueued, maxPause, onStore });
}

/** The fact of a store that went away or came back. */
export function reportSharing(facts: Facts, api: string, { isAway, cause }: StoreChange): void {
  if (!facts.isHeard.rateLimitSharingChanged) return;
  const at = asyncScheduler.now();
  if (isAway) facts.report({ type: 'rateLimitSharingChanged', at, api, state: 'local', reason: messageOf(cause) });
  else facts.report({ type: 'rateLimitSharingChanged', at, api, state: 'shared' });
}

/** Dedupe: what is delivered again within a while is passed on once. The latest keys are remembered, so many at most. */
import { asyncScheduler, filter, type MonoTypeOperatorFunction, Observable } from 'rxjs';
import type { Duration } from '../policies/duration.ts';
import { RecentKeys } from '../policies/recent-keys.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';

export interface DedupeOptions<T> {
  /** How long a key is remembered, counted from the value that was passed on; a repeat does not renew it. */
  readonly ttl: Duration;
  /** Keys remembered at most. Integer, at least 1. Default: 10 000, which is some 2 MB of short texts. */
  readonly maxKeys?: number | undefined;
  /** Called with each value that is dropped. */
  readonly onRepeat?: ((value: T) => void) | undefined;
}

const OPTIONS: Known<DedupeOptions<never>> = { ttl: true, maxKeys: true, onRepeat: true };

/**
 * Mirrors the source without the values whose key was passed on less than `ttl` ago. Keys are compared as a `Map` does.
 *
 * Best effort, not a promise: when `maxKeys` are remembered the oldest is forgotten, so that rather a repeat passes than a new value is
 * lost. Each subscription remembers for itself and forgets when it ends. Sets no timer: what ran out is forgotten when the next value
 * comes. What `key` or `onRepeat` throws is the failure of the result. Unsubscribing unsubscribes the source.
 *
 * @throws RangeError at once when an option is out of its range, or for one it does not have.
 */
export function dedupeBy<T, K>(key: (value: T) => K, options: DedupeOptions<T>): MonoTypeOperatorFunction<T> {
  requireKnown('dedupeBy', options, OPTIONS);
  const { ttl, maxKeys = 10_000, onRepeat } = options;
  const ttlMs = requireDurationMs('ttl', ttl);
  requireCount('maxKeys', maxKeys, 1);
  return (source) =>
    new Observable((sink) => {
      const recent = new RecentKeys<K>(ttlMs, maxKeys);
      const isNew = (value: T): boolean => {
        const isRepeat = recent.isRepeat(key(value), asyncScheduler.now());
        if (isRepeat) onRepeat?.(value);
        return !isRepeat;
      };
      source.pipe(filter(isNew)).subscribe(sink);
    });
}

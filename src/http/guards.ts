/**
 * What stands between a call and its API, one of each for all calls of the worker: breaker, throttle, rate limit and slots around every attempt,
 * budget and hedge around the call.
 */
import { asyncScheduler, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import { isRejection, isTransient } from '../errors.ts';
import { createAdaptiveBulkhead } from '../operators/adaptive-bulkhead.ts';
import { type Bulkhead, createBulkhead } from '../operators/bulkhead.ts';
import { type CircuitBreaker, type CircuitBreakerOptions, createCircuitBreaker } from '../operators/circuit-breaker.ts';
import { type ClientThrottle, createClientThrottle } from '../operators/client-throttle.ts';
import { hedge } from '../operators/hedge.ts';
import type { RateLimiter } from '../operators/rate-limit.ts';
import { type Backoff, exponentialBackoff } from '../policies/backoff.ts';
import type { Random } from '../policies/random.ts';
import { createRetryBudget, type RetryBudget } from '../policies/retry-budget.ts';
import type { CallSettings, RetrySettings } from './api-settings.ts';
import { limiterOf, type StoreListener } from './limiter.ts';
import { tellsNothing } from './tells-nothing.ts';

export interface Guards {
  readonly breaker: CircuitBreaker | undefined;
  readonly throttle: ClientThrottle | undefined;
  readonly limiter: RateLimiter | undefined;
  readonly slots: Bulkhead;
  /** The slots now and each new number of them, where they adapt. */
  readonly limits: Observable<number> | undefined;
  /** Pause after failed attempt n, in milliseconds. */
  readonly backoff: Backoff;
  /** Undefined: each call retries on its own account. */
  readonly budget: RetryBudget | undefined;
  /** One operator for all calls: it measures them. */
  readonly hedge: MonoTypeOperatorFunction<unknown> | undefined;
}

export interface GuardListeners {
  readonly onBreakerChange?: CircuitBreakerOptions['onChange'];
  /** Each new concurrency, where it is adaptive. */
  readonly onLimit?: (limit: number) => void;
  readonly onStore?: StoreListener;
}

export function createGuards(
  settings: CallSettings,
  random: Random,
  { onBreakerChange, onLimit, onStore }: GuardListeners,
  within?: Bulkhead,
): Guards {
  const { breaker: breakerOptions, throttle, retry } = settings;
  const breaker =
    breakerOptions === undefined
      ? undefined
      : createCircuitBreaker({
          ...breakerOptions,
          isIgnored: (cause) => isRejection(cause) || tellsNothing(cause),
          onChange: onBreakerChange,
        });
  const budget = retry?.budget === undefined ? undefined : createRetryBudget({ ratio: retry.budget });
  return {
    breaker,
    throttle:
      throttle === undefined
        ? undefined
        : createClientThrottle(
            { ...throttle, isRefusal: (cause) => isTransient(cause) && !tellsNothing(cause) },
            random,
          ),
    limiter: limiterOf(settings, onStore),
    ...slotsOf(settings, onLimit, within),
    backoff: retry === undefined ? () => 0 : backoffOf(retry, random),
    budget,
    hedge:
      settings.hedge === undefined
        ? undefined
        : hedge({
            ...settings.hedge,
            canHedge: () => breaker?.isCallable !== false && budget?.withdraw(asyncScheduler.now()) !== false,
          }),
  };
}

const backoffOf = ({ initialMs, maxMs, jitter }: RetrySettings, random: Random): Backoff =>
  exponentialBackoff({ initialMs, maxMs, jitter }, random);

function slotsOf(
  { concurrency, maxQueued }: CallSettings,
  onLimit: GuardListeners['onLimit'],
  within: Bulkhead | undefined,
): Pick<Guards, 'slots' | 'limits'> {
  if (typeof concurrency === 'number')
    return { slots: createBulkhead({ slots: concurrency, maxQueued, within }), limits: undefined };
  const { adaptive: algorithm, ...bounds } = concurrency;
  const slots = createAdaptiveBulkhead({ algorithm, ...bounds, maxQueued, within, onLimit });
  return { slots, limits: slots.limits };
}

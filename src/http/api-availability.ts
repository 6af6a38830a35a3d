/** Whether an API takes calls, as its circuit breaker sees it, and how many, where that adapts: for those who would rather wait than fail, and as facts. */
import { combineLatest, concat, defer, map, NEVER, type Observable, of, startWith } from 'rxjs';
import type { Facts } from '../events.ts';
import type { BreakerChange } from '../operators/breaker-changes.ts';
import type { CircuitBreaker } from '../operators/circuit-breaker.ts';

export interface ApiAvailability {
  /** False: calls fail at once. */
  readonly isAvailable: boolean;
  /** Why it takes none, or few. */
  readonly reason?: string;
  /** Moment on the RxJS clock from which it takes calls again to probe; Infinity until it is released by hand. */
  readonly retryAt?: number;
  /** It takes only so many calls at once, to find out how the API is. */
  readonly probes?: number;
  /** Calls it takes at once, where that adapts: what is brought beyond can only wait. */
  readonly limit?: number;
}

const AVAILABLE: ApiAvailability = { isAvailable: true };

/** The present state, then each change; never ends. An API without a breaker is always available, one without `limits` has none that adapts. */
export function availabilityOf(
  api: string,
  breaker: CircuitBreaker | undefined,
  limits: Observable<number> | undefined,
): Observable<ApiAvailability> {
  const availability = circuitAvailability(api, breaker);
  if (limits === undefined) return availability;
  return combineLatest([availability, limits]).pipe(map(([state, limit]) => ({ ...state, limit })));
}

function circuitAvailability(api: string, breaker: CircuitBreaker | undefined): Observable<ApiAvailability> {
  if (breaker === undefined) return concat(of(AVAILABLE), NEVER);
  return defer(() =>
    breaker.changes.pipe(
      startWith(undefined),
      map((change) => availabilityNow(api, breaker, change?.reason)),
    ),
  );
}

function availabilityNow(api: string, breaker: CircuitBreaker, reason: string | undefined): ApiAvailability {
  const { state, probes, openUntil } = breaker;
  if (state === 'closed') return AVAILABLE;
  // For people who ask why nothing is taken: which API, and how it came.
  const why = `the circuit of ${api} is ${state}${reason === undefined ? '' : ` (${reason})`}`;
  if (state === 'half-open') return { isAvailable: true, reason: why, probes };
  return { isAvailable: false, reason: why, ...(openUntil === undefined ? {} : { retryAt: openUntil }) };
}

/** The fact of a change. */
export function reportBreaker(facts: Facts, api: string, { to: state, reason, at, openUntil }: BreakerChange): void {
  if (!facts.isHeard.breakerChanged) return;
  facts.report({
    type: 'breakerChanged',
    at,
    api,
    state,
    reason,
    ...(openUntil === undefined || openUntil === Number.POSITIVE_INFINITY ? {} : { retryAt: openUntil }),
  });
}
